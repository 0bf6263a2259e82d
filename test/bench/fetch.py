#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that gives each connection 10 MB/s: `git lfs fetch` and `git clone`
of one large object with the agent in standalone mode, and `git lfs-multipart
clone`, against stock git-lfs.

usage: fetch.py BUILD

BENCH_SIZE (1G), ROUNDS (3) of the agent's; stock git-lfs needs 107 s for each
of its own, so it has one round.
"""

import os
import shutil
import subprocess
import sys

import gitlfs
from agentrun import Agent, measured
from claims import Table
from lfsserver import Server
from place import Place, rounds_option, size_option

RATE = 10_000_000
PART = 16 << 20


class Bench:
    def __init__(self, place, program, size):
        self.place, self.program, self.size = place, program, size
        subprocess.run(["git", "lfs", "install", "--skip-repo"], check=True,
                       stdout=subprocess.DEVNULL)
        self.thing = place.make_object(size)
        gitlfs.move_to_server(place, self.thing,
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

    def clone(self, options, before=("git", "clone", "-q"), after=()):
        """Seconds, until the file is there."""
        target = self.place.path("clone")
        shutil.rmtree(target, ignore_errors=True)
        self.place.warm(2 * self.size)
        command = [*before, self.place.repo, target, *after]
        for option in self.options(options):
            command += ["-c", option]
        seconds, _ = measured(command, stdout=subprocess.DEVNULL)
        assert os.path.getsize(target + "/large.bin") == self.size
        return seconds

    def clone_by_us(self):
        return self.clone([], [self.program, "clone", "-q"], ["--"])

    def leg(self):
        """Seconds of an agent, from the request to `complete`."""
        gitlfs.wipe(self.place)
        self.place.warm(self.size)
        action = self.server.ask(self.thing, "download", "/r.git/info/lfs")
        with Agent(self.program, self.place.repo) as agent:
            agent.init("download")
            return agent.download(self.thing.oid, self.size, action,
                                  self.place.path("large.bin"))


def main():
    table = Table("one object from a server of 10 MB/s a connection")
    program = os.path.abspath(
        os.path.join(sys.argv[1], "git-lfs-multipart"))
    agent = gitlfs.agent_options(program)
    with Place() as place:
        bench = Bench(place, program, size_option("1G"))
        with bench.server:
            for what, run, least in (("git lfs fetch", bench.fetch, 10),
                                     ("git clone", bench.clone, 8)):
                for _ in range(rounds_option(3)):
                    table.add("agent: %s, s" % what, run(agent))
                table.add("stock: %s, s" % what, run([]))
                table.claim(what + ": stock / agent",
                            table.ratio("stock: %s, s" % what,
                                        "agent: %s, s" % what), at_least=least)
            for _ in range(rounds_option(3)):
                table.add("agent's own leg, s", bench.leg())
                table.add("git lfs-multipart clone, s", bench.clone_by_us())
            table.claim("git clone: stock / git lfs-multipart clone",
                        table.median("stock: git clone, s") / table.median(
                            "git lfs-multipart clone, s"), at_least=12)
            table.claim("git lfs-multipart clone / agent's own leg",
                        table.ratio("git lfs-multipart clone, s",
                                    "agent's own leg, s"), at_most=1.2)
    return table.finish()


sys.exit(1 if main() else 0)
