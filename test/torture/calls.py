# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the first call that changes a file fail, the second, the third, until a
run needs none; then the same with the end of the process in its place.

A run whose call failed may give up its object with a sentence, or do without;
what it says is done must be.  The next run, which nothing disturbs, must end
with the right bytes and leave nothing behind.
"""

import os

from scene import Scene

LARGE = 4_500_001       # a smaller download is kept in memory
SMALL = 1_300_001
PART = 1 << 20
CALLS_MAX = 500         # more than that is a loop
SENTENCES = {"ENOSPC": "No space left on device",
             "EIO": "Input/output error"}
KINDS = ((SMALL, (("download", True),)),
         (LARGE, (("upload", True), ("download", True), ("upload", False))))


class Sweep:
    def __init__(self, scene, build, direction, standalone):
        self.scene = scene
        self.direction, self.standalone = direction, standalone
        self.log = scene.path("strikes")
        self.env = {"LD_PRELOAD": os.path.join(
                        build, "test/torture/failcall.so"),
                    "FAILCALL_PROGRAM": os.path.basename(scene.program),
                    "FAILCALL_LOG": self.log}

    def struck(self):
        """The name of the call that failed in the last run, or None."""
        if not os.path.exists(self.log):
            return None
        with open(self.log) as file:
            name = file.read().split()[-1]
        os.unlink(self.log)
        return name

    def run(self, at, how):
        """(the call's name or None, what was wrong or None)"""
        scene = self.scene
        scene.wipe(self.direction)
        first = scene.run(self.direction, self.standalone, env=dict(
            self.env, FAILCALL_AT=str(at), FAILCALL_HOW=how))
        name = self.struck()
        wrong = self.judge(first, how)
        if first.complete and not wrong:
            # The object of a download was taken away.
            return name, None
        second = scene.run(self.direction, self.standalone)
        return name, wrong or scene.wrong(self.direction, second)

    def judge(self, outcome, how):
        """Say what is wrong after the run with the failure, or return None."""
        if outcome.complete:
            # A journal may be left by who was not allowed to remove it.
            wrong = self.scene.wrong(self.direction, outcome)
            return None if wrong and "left over" in wrong else wrong
        if how == "EXIT":
            return None if outcome.status == 98 else (
                "status %s" % outcome.status)
        if outcome.error is None:
            return "it died with status %s" % outcome.status
        if SENTENCES[how] not in outcome.error:
            return "its message is: " + outcome.error
        return None

    def sweep(self, how):
        """How many calls there were, and how many results were wrong."""
        nwrong, names = 0, {}
        for at in range(1, CALLS_MAX):
            name, wrong = self.run(at, how)
            if wrong:
                nwrong += 1
                print("torture: %s %s at %s %d: %s" % (
                    self.direction, how, name, at, wrong), flush=True)
            if not name:
                break
            names[name] = names.get(name, 0) + 1
        else:
            print("torture: over %d calls" % CALLS_MAX)
            nwrong += 1
        print("torture: %-8s %-10s %-6s: %3d calls, %d wrong (%s)" % (
            self.direction, "standalone" if self.standalone else "negotiated",
            how, at - 1, nwrong, " ".join(
                "%s %d" % item for item in sorted(names.items()))),
            flush=True)
        return at - 1, nwrong


def sweep(program, build):
    """True if all was right."""
    good = True
    config = {"connections": 2, "partSize": PART, "retries": 1,
              "maxRetryDelay": 1}
    for size, kinds in KINDS:
        with Scene(program, size, config) as scene:
            scene.serve("--dialect", "hf", "--chunk-size", str(PART))
            for direction, standalone in kinds:
                one = Sweep(scene, build, direction, standalone)
                for how in ("ENOSPC", "EIO", "EXIT"):
                    ncalls, nwrong = one.sweep(how)
                    good = good and ncalls > 0 and not nwrong
    return good
