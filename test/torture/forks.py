# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill `fork` (-9) at random moments, and run it again.

After each kill a second run must end with all objects at the target, each
completed once; what was finished before the kill may not move again, from the
source or to the target, and of the rest no more parts than there are
connections.
"""

import os
import random
import shutil
import subprocess
import time

import drive
import randomfile
from scene import Place, Server

MIB = 1 << 20
CONNECTIONS = 4
PART = 1 * MIB
RATE = 12 * MIB         # of a connection: a run takes about a second
SIZES = [12 * MIB + 1, 3 * MIB, 300000, 14 * MIB, 70000, 2 * MIB, 9 * MIB - 1,
         1 * MIB, 500000, 3 * MIB + 5]
DIALECTS = ("hf", "giftless")
PATIENCE = 120          # seconds; a run that takes longer hangs
POINTER = ("version https://git-lfs.github.com/spec/v1\n"
           "oid sha256:%s\nsize %d\n")


class Scene(Place):
    """A history of pointers, whose objects are at the source."""

    def __init__(self, program):
        super().__init__(program, {"connections": CONNECTIONS})
        self.source = self.target = None
        root = self.path("source")
        self.oids = [self.make_object(root, number, size)
                     for number, size in enumerate(SIZES)]
        for words in (("config", "user.name", "A Torturer"),
                      ("config", "user.email", "torture@example.org"),
                      ("add", "."), ("commit", "-q", "-m", "objects")):
            subprocess.run(["git", "-C", self.repo, *words], check=True)
        self.source = Server(root, "--rate", str(RATE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in (self.source, self.target):
            if server:
                server.end()
        self.remove()

    def make_object(self, root, number, size):
        new = self.path("new")
        randomfile.write(new, size, number)
        oid = drive.hash_file(new)
        folder = os.path.join(root, "r/objects", oid[:2], oid[2:4])
        os.makedirs(folder, exist_ok=True)
        os.rename(new, os.path.join(folder, oid))
        with open("%s/%d.bin" % (self.repo, number), "w") as file:
            file.write(POINTER % (oid, size))
        return oid

    def serve(self, dialect):
        """The target speaks this dialect from now on."""
        if self.target:
            self.target.end()
        self.target = Server(self.path("target"), "--dialect", dialect,
                             "--chunk-size", str(PART),
                             "--multipart-threshold", str(2 * MIB),
                             "--rate", str(RATE))

    def wipe(self):
        """As before the first run."""
        shutil.rmtree(self.multipart, ignore_errors=True)
        shutil.rmtree(self.path("target"), ignore_errors=True)
        self.reset()

    def reset(self):
        for server in (self.source, self.target):
            server.reset()

    def start(self):
        urls = [server.url + "/r.git/info/lfs"
                for server in (self.source, self.target)]
        return subprocess.Popen(
            [self.program, "fork", "--from-lfs", urls[0], "--to-lfs", urls[1]],
            cwd=self.repo, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def finish(self, finished=()):
        """A run to the end; what was wrong with it, or None.  Objects that
        were `finished` before it may have a journal."""
        process = self.start()
        try:
            text, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "it hangs"
        if process.returncode:
            return "it failed: " + text
        return self.wrong(finished)

    def wrong(self, finished):
        """What is wrong with the target or left over here, or None."""
        for oid in self.oids:
            path = self.target.object_path("r", oid)
            if not os.path.exists(path):
                return oid + " is not there"
            if drive.hash_file(path) != oid:
                return "the bytes of %s are wrong" % oid
        # A journal of one that was finished is for `prune`, as nothing tells
        # the second run that there is one.
        left = [name for name in os.listdir(self.multipart)
                if name[:64] in self.oids and name[:64] not in finished]
        return "left over: " + " ".join(left) if left else None

    def settle(self):
        for server in (self.source, self.target):
            server.settle()

    def finished(self):
        """The oids that the target has."""
        return {oid for oid in self.oids
                if os.path.exists(self.target.object_path("r", oid))}

    def moves(self):
        """The requests since the last reset that move or finish objects."""
        return [entry for server in (self.source, self.target)
                for entry in server.control("log")
                if entry["kind"] in ("get", "put", "part", "complete",
                                     "commit")]


class Tally:
    """What came of the kills with one dialect."""

    def __init__(self, dialect):
        self.dialect = dialect
        self.kills = self.midst = self.right = 0
        self.finished = self.parts = 0
        self.seconds = None     # of a run that nobody disturbs

    def line(self):
        return ("fork to %-9s %3d kills, %d of them in the midst, %d objects "
                "over by then; %d right; at most %d parts sent again" % (
                    self.dialect + ":", self.kills, self.midst, self.finished,
                    self.right, self.parts))


def measure(scene, tally):
    scene.serve(tally.dialect)
    scene.wipe()
    begun = time.monotonic()
    wrong = scene.finish()
    if wrong:
        raise SystemExit("torture: fork, undisturbed: " + wrong)
    tally.seconds = time.monotonic() - begun


def good_parts(moves):
    return [(entry["oid"], entry["part"]) for entry in moves
            if entry["kind"] == "part" and entry["status"] < 300]


def what_moved_again(finished, first, second, tally):
    """What the second run should not have done, or None."""
    for entry in second:
        if entry.get("oid") in finished:
            return "%s of %s, which was finished" % (entry["kind"],
                                                     entry["oid"])
    ends = [entry["oid"] for entry in first + second
            if entry["kind"] in ("put", "complete", "commit")
            and entry["status"] < 300]
    if len(ends) != len(set(ends)):
        return "an object was completed twice"
    parts = good_parts(first + second)
    again = len(parts) - len(set(parts))
    tally.parts = max(tally.parts, again)
    return "%d parts went again" % again if again > CONNECTIONS else None


def kill_once(scene, tally, random_):
    """One kill and one run to the end; what was wrong, or None."""
    scene.wipe()
    after = random_.uniform(0, tally.seconds)
    process = scene.start()
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        tally.midst += 1
    process.communicate()
    tally.kills += 1
    # A completion may be under way; nobody would ask again so soon.
    scene.settle()
    finished, first = scene.finished(), scene.moves()
    tally.finished += len(finished)
    scene.reset()
    wrong = scene.finish(finished) or what_moved_again(
        finished, first, scene.moves(), tally)
    return wrong and "killed after %.3f s: %s" % (after, wrong)


def sweep(program, kills):
    """True if all was right."""
    seed = int(os.environ.get("TORTURE_SEED") or time.time())
    random_ = random.Random(seed)
    print("torture: %d kills of fork, TORTURE_SEED=%d" % (kills, seed),
          flush=True)
    tallies = [Tally(dialect) for dialect in DIALECTS]
    with Scene(program) as scene:
        for number, tally in enumerate(tallies):
            measure(scene, tally)
            for _ in range(number, kills, len(tallies)):
                wrong = kill_once(scene, tally, random_)
                tally.right += not wrong
                if wrong:
                    print("torture: fork to %s, %s" % (tally.dialect, wrong),
                          flush=True)
            print("torture: " + tally.line(), flush=True)
    return all(tally.right == tally.kills for tally in tallies)
