# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill the agent (-9) at random moments of a transfer, and run it again.

After each kill a second run must end with the right bytes, and both together
may move at most so much more than the object: an upload one part for each
connection, a download 4 MiB for each.
"""

import os
import random
import time

from drive import Stop
from scene import Scene

MIB = 1 << 20
CONNECTIONS = 4
PART = 1 * MIB
SIZE = 32 * MIB
RATE = 10 * MIB         # of a connection: a run takes 0.8 s
BOUNDS = {"upload": CONNECTIONS * PART, "download": CONNECTIONS * 4 * MIB}
KINDS = (("upload", True), ("download", True), ("upload", False),
         ("download", False))


class Tally:
    """The results of the kills of one kind."""

    def __init__(self, direction, standalone):
        self.direction, self.standalone = direction, standalone
        self.kills = self.midst = self.right = self.over = 0
        self.seconds = None     # of a run that nobody disturbs

    def name(self):
        return "%s, %s" % (self.direction, "standalone" if self.standalone
                           else "negotiated")

    def is_good(self):
        return (self.right == self.kills
                and self.over <= BOUNDS[self.direction])

    def line(self):
        return ("%-24s %4d kills, %3d of them in the midst; %3d right; "
                "moved again at most %5.2f of %g MiB: %s" % (
                    self.name(), self.kills, self.midst, self.right,
                    self.over / MIB, BOUNDS[self.direction] / MIB,
                    "ok" if self.is_good() else "FAILED"))


def measure(scene, tally):
    """How long an undisturbed run takes."""
    scene.wipe(tally.direction)
    begun = time.monotonic()
    outcome = scene.run(tally.direction, tally.standalone)
    wrong = scene.wrong(tally.direction, outcome)
    if wrong:
        raise SystemExit("torture: %s: undisturbed, %s" % (tally.name(),
                                                           wrong))
    tally.seconds = time.monotonic() - begun


def kill_once(scene, tally, random_):
    """One kill and one run to the end; what was wrong, or None."""
    scene.wipe(tally.direction)
    after = random_.uniform(0, tally.seconds * 1.05)
    first = scene.run(tally.direction, tally.standalone,
                      Stop("KILL", after=after))
    tally.kills += 1
    if first.complete:
        return scene.wrong(tally.direction, first)
    tally.midst += 1
    # A completion may be under way; git-lfs would not ask again so soon.
    scene.server.settle()
    second = scene.run(tally.direction, tally.standalone)
    wrong = scene.wrong(tally.direction, second)
    over = scene.server.bytes_moved() - scene.size
    tally.over = max(tally.over, over)
    if not wrong and over > BOUNDS[tally.direction]:
        wrong = "%d bytes were moved again" % over
    return wrong and "killed after %.3f s: %s" % (after, wrong)


def sweep(program, kills):
    """True if all was right."""
    seed = int(os.environ.get("TORTURE_SEED") or time.time())
    random_ = random.Random(seed)
    print("torture: %d kills, TORTURE_SEED=%d" % (kills, seed), flush=True)
    tallies = [Tally(*kind) for kind in KINDS]
    # With parts over 4 MiB, so that what has come of one must count.
    config = {"connections": CONNECTIONS, "partSize": 8 * MIB}
    with Scene(program, SIZE, config) as scene:
        scene.serve("--dialect", "hf", "--chunk-size", str(PART),
                    "--rate", str(RATE))
        for tally in tallies:
            measure(scene, tally)
        for number in range(kills):
            tally = tallies[number % len(tallies)]
            wrong = kill_once(scene, tally, random_)
            tally.right += not wrong
            if wrong:
                print("torture: kill %d, %s, %s" % (
                    number + 1, tally.name(), wrong), flush=True)
    for tally in tallies:
        print("torture: " + tally.line(), flush=True)
    print("torture: %d kills, %d right" % (
        kills, sum(tally.right for tally in tallies)), flush=True)
    return all(tally.is_good() for tally in tallies)
