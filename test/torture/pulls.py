# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill `pull` (-9) at random moments, and run it again.

After a kill the work tree has nothing but whole files and pointers.  A second
run must end with the right bytes, with a `git status` that shows nothing and
runs no filter, and with nothing left over; both together may move at most
4 MiB for each connection more than the objects.
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
RATE = 24 * MIB         # of a connection: a run takes about a second
BOUND = CONNECTIONS * 4 * MIB
SIZES = [24 * MIB + 1, 3 * MIB, 300000, 40 * MIB, 70000, 2 * MIB, 9 * MIB - 1,
         1 * MIB, 500000, 3 * MIB + 5] + [20000 + n for n in range(30)]
MODES = ((), ("--no-store",))
PATIENCE = 120          # seconds; a run that takes longer hangs


class Scene(Pointers):
    """A checkout of pointers, whose objects are at a server."""

    def __init__(self, program):
        super().__init__(program, {"connections": CONNECTIONS})
        self.files = {}         # names, and the oids that they are to have
        root = self.path("server")
        for number, size in enumerate(SIZES):
            folder = "" if number % 3 else "folder/"
            name = "%s%d.bin" % (folder, number)
            self.files[name] = self.add_object(root, name, number, size)
        self.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs "
                   "-text\n")
        self.commit()
        # From now on, a file that git would clean is one that it shows.
        for key in ("clean", "smudge"):
            self.git("config", "filter.lfs." + key, "false")
        self.git("config", "filter.lfs.required", "true")
        self.server = Server(root, "--rate", str(RATE))
        self.git("config", "lfs.url", self.server.url + "/r.git/info/lfs")
        self.pristine = self.path("pristine")
        shutil.copytree(self.repo, self.pristine)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.end()
        self.remove()

    def wipe(self):
        """As before the first run."""
        shutil.rmtree(self.repo)
        shutil.copytree(self.pristine, self.repo)
        # The copies are other files than git's index knows.
        self.git("-c", "filter.lfs.clean=cat", "update-index", "-q",
                 "--refresh")
        self.server.reset()

    def start(self, mode):
        return subprocess.Popen(
            [self.program, "pull", "--quiet", *mode], cwd=self.repo,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def finish(self, mode):
        """A run to the end; what was wrong with it, or None."""
        process = self.start(mode)
        try:
            text, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "it hangs"
        if process.returncode:
            return "it failed: " + text
        return self.wrong()

    def untorn(self):
        """After a kill: what is neither a whole file nor a pointer, or None."""
        for name, oid in self.files.items():
            path = os.path.join(self.repo, name)
            if not os.path.exists(path):
                return name + " is gone"
            if os.path.getsize(path) < 200:
                continue
            if drive.hash_file(path) != oid:
                return "%s has the bytes of nothing" % name
        new = self.git("ls-files", "--others")
        return "there is a new file: " + new if new else None

    def wrong(self):
        """Say what is wrong with the work tree or left over, or return None."""
        for name, oid in self.files.items():
            if drive.hash_file(os.path.join(self.repo, name)) != oid:
                return "the bytes of %s are wrong" % name
        for _ in range(2):
            changes = self.git("status", "--porcelain")
            if changes:
                return "git status shows " + changes
        oids = set(self.files.values())
        left = [name for name in os.listdir(self.multipart)
                if name[:64] in oids or name.startswith("place")]
        return "left over: " + " ".join(left) if left else None


class Tally:
    """The results of the kills in one mode."""

    def __init__(self, mode):
        self.mode = mode
        self.kills = self.midst = self.right = self.over = 0
        self.seconds = None     # of a run that nobody disturbs

    def name(self):
        return " ".join(("pull",) + self.mode)

    def is_good(self):
        return self.right == self.kills and self.over <= BOUND

    def line(self):
        return ("%-24s %4d kills, %3d of them in the midst; %3d right; "
                "moved again at most %5.2f of %g MiB: %s" % (
                    self.name(), self.kills, self.midst, self.right,
                    self.over / MIB, BOUND / MIB,
                    "ok" if self.is_good() else "FAILED"))


def measure(scene, tally):
    scene.wipe()
    begun = time.monotonic()
    wrong = scene.finish(tally.mode)
    if wrong:
        raise SystemExit("torture: %s, undisturbed: %s" % (tally.name(),
                                                           wrong))
    tally.seconds = time.monotonic() - begun


def kill_once(scene, tally, after):
    """One kill and one run to the end; what was wrong, or None."""
    scene.wipe()
    process = scene.start(tally.mode)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        tally.midst += 1
    process.communicate()
    tally.kills += 1
    scene.server.settle()
    wrong = scene.untorn() or scene.finish(tally.mode)
    over = scene.server.bytes_moved() - sum(SIZES)
    tally.over = max(tally.over, over)
    if not wrong and over > BOUND:
        wrong = "%d bytes were moved again" % over
    return wrong and "killed after %.3f s: %s" % (after, wrong)


def sweep(program, kills):
    """True if all was right; so many kills in all."""
    seed = int(os.environ.get("TORTURE_SEED") or time.time())
    random_ = random.Random(seed)
    tallies = [Tally(mode) for mode in MODES]
    print("torture: %d kills of pull, TORTURE_SEED=%d" % (kills, seed),
          flush=True)
    with Scene(program) as scene:
        for tally in tallies:
            measure(scene, tally)
            for number in range(kills // len(tallies)):
                after = ((number + random_.random()) * tally.seconds
                         * len(tallies) / kills)
                wrong = kill_once(scene, tally, after)
                tally.right += not wrong
                if wrong:
                    print("torture: %s, %s" % (tally.name(), wrong),
                          flush=True)
            print("torture: " + tally.line(), flush=True)
    return all(tally.is_good() for tally in tallies)
