#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that gives each connection 10 MB/s: `git lfs fetch` and `git clone`
of one large object with the agent in standalone mode against stock git-lfs.

usage: fetch.py BUILD

BENCH_SIZE (1G), ROUNDS (3) of the agent's; stock git-lfs needs 107 s for each
of its own, so it has one round.
"""

import os
import shutil
import subprocess
import sys

import gitlfs
from agentrun import measured
from claims import Table
from lfsserver import Server
from place import Place, rounds_option, size_option

RATE = 10_000_000
PART = 16 << 20


class Bench:
    def __init__(self, place, size):
        self.place, self.size = place, size
        subprocess.run(["git", "lfs", "install", "--skip-repo"], check=True,
                       stdout=subprocess.DEVNULL)
        gitlfs.move_to_server(place, place.make_object(size),
                              place.path("server/r/objects"), "large.bin")
        with open(place.repo + "/.gitattributes", "w") as file:
            file.write("*.bin filter=lfs diff=lfs merge=lfs -text\n")
        gitlfs.commit(place)
        gitlfs.git(place, "remote", "add", "origin", place.repo)
        self.server = Server(place.path("server"), PART, "--rate", str(RATE))

    def options(self, options):
        return options + ["lfs.url=" + self.server.url + "/r.git/info/lfs"]

    def fetch(self, options):
        """Seconds, git-lfs included."""
        gitlfs.wipe(self.place)
        self.place.warm(self.size)
        return gitlfs.run(self.place, "fetch", self.options(options))

    def clone(self, options):
        """Seconds, until the file is there."""
        target = self.place.path("clone")
        shutil.rmtree(target, ignore_errors=True)
        self.place.warm(2 * self.size)
        command = ["git", "clone", "-q"]
        for option in self.options(options):
            command += ["-c", option]
        seconds, _ = measured(command + [self.place.repo, target])
        assert os.path.getsize(target + "/large.bin") == self.size
        return seconds


def main():
    table = Table("one object from a server of 10 MB/s a connection")
    agent = gitlfs.agent_options(
        os.path.join(sys.argv[1], "git-lfs-multipart"))
    with Place() as place:
        bench = Bench(place, size_option("1G"))
        with bench.server:
            for what, run, least in (("git lfs fetch", bench.fetch, 10),
                                     ("git clone", bench.clone, 8)):
                for _ in range(rounds_option(3)):
                    table.add("agent: %s, s" % what, run(agent))
                table.add("stock: %s, s" % what, run([]))
                table.claim(what + ": stock / agent",
                            table.ratio("stock: %s, s" % what,
                                        "agent: %s, s" % what), at_least=least)
    return table.finish()


sys.exit(1 if main() else 0)
