# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill `fork` (-9) at random moments, and run it again.

After each kill a second run must end with all objects at the target, each
completed once; no object that was finished before the kill may move again, and
of the others no more parts than there are connections. It tries part sizes
that fit the blocks of the spool and some that do not, in a spool with room for
all and in one of a few parts.
"""

import os
import random
import shutil
import subprocess
import time

import drive
from scene import Pointers, Server

MIB = 1 << 20
CONNECTIONS = 4
RATE = 16 * MIB         # of a connection: a run takes about two seconds
SIZES = [12 * MIB + 1, 3 * MIB, 300000, 42 * MIB, 70000, 2 * MIB, 9 * MIB - 1,
         1 * MIB, 500000, 3 * MIB + 5]
PARTS = (1 * MIB, 1500000, 2 * MIB, 3 * MIB, 8 * MIB, 20000000)
DIALECTS = ("hf", "giftless")
PATIENCE = 120          # seconds; a run that takes longer hangs


class Scene(Pointers):
    """A history of pointers, whose objects are at the source."""

    def __init__(self, program):
        super().__init__(program, {"connections": CONNECTIONS})
        self.source = self.target = None
        self.options = []       # of fork
        root = self.path("source")
        self.oids = [self.add_object(root, "%d.bin" % number, number, size)
                     for number, size in enumerate(SIZES)]
        self.commit()
        self.source = Server(root, "--rate", str(RATE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in (self.source, self.target):
            if server:
                server.end()
        self.remove()

    def serve(self, dialect, part):
        """The target speaks this dialect from now on, in such parts."""
        if self.target:
            self.target.end()
        self.target = Server(self.path("target"), "--dialect", dialect,
                             "--chunk-size", str(part),
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
            [self.program, "fork", "--from-lfs", urls[0], "--to-lfs", urls[1],
             *self.options],
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
        """Say what is wrong with the target or left over here, or return None."""
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
    """The results of the kills with one dialect and part size."""

    def __init__(self, dialect, part):
        self.dialect, self.part = dialect, part
        self.kills = self.midst = self.right = 0
        self.finished = self.parts = 0
        self.seconds = None     # of a run that nobody disturbs

    def name(self):
        return "fork to %s, parts of %g MiB" % (self.dialect,
                                                round(self.part / MIB, 2))

    def line(self):
        return ("%-36s %3d kills, %d of them in the midst, %d objects "
                "over by then; %d right; at most %d parts sent again" % (
                    self.name() + ":", self.kills, self.midst, self.finished,
                    self.right, self.parts))


def measure(scene, tally):
    scene.serve(tally.dialect, tally.part)
    scene.options = []
    scene.wipe()
    begun = time.monotonic()
    wrong = scene.finish()
    if wrong:
        raise SystemExit("torture: %s, undisturbed: %s" % (tally.name(),
                                                           wrong))
    tally.seconds = time.monotonic() - begun


def good_parts(moves):
    """Counts only objects of several parts: one of a single part has no journal."""
    parts = [(entry["oid"], entry["part"]) for entry in moves
             if entry["kind"] == "part" and entry["status"] < 300]
    several = {oid for oid, part in parts if part > 1}
    return [entry for entry in parts if entry[0] in several]


def what_moved_again(finished, first, second, tally):
    """Say what the second run should not have done, or return None."""
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


def kill_once(scene, tally, after):
    """One kill and one run to the end; what was wrong, or None."""
    scene.wipe()
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


def sweep_one(scene, tally, kills, random_):
    """So many kills, spread over the time that a run takes."""
    measure(scene, tally)
    for number in range(kills):
        # Every other one in a spool that makes objects wait for each other.
        few = str(max(3 * tally.part, 12 * MIB))
        scene.options = ["--max-disk", few] if number % 2 else []
        after = (number + random_.random()) * tally.seconds / kills
        wrong = kill_once(scene, tally, after)
        tally.right += not wrong
        if wrong:
            print("torture: %s, %s" % (tally.name(), wrong), flush=True)
    print("torture: " + tally.line(), flush=True)


def sweep(program, kills):
    """True if all was right; so many kills with each part size."""
    seed = int(os.environ.get("TORTURE_SEED") or time.time())
    random_ = random.Random(seed)
    tallies = [Tally(dialect, part) for part in PARTS for dialect in DIALECTS]
    print("torture: %d kills of fork, TORTURE_SEED=%d"
          % (kills * len(tallies), seed), flush=True)
    with Scene(program) as scene:
        for tally in tallies:
            sweep_one(scene, tally, kills, random_)
    return all(tally.right == tally.kills for tally in tallies)
