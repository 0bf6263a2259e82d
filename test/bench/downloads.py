#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from nginx: the agent against aria2, without limits; and against
one connection, where each has 10 MB/s.

usage: downloads.py BUILD

The agent's leg from the request to `complete`, always with the hash.
BENCH_SIZE (4G), ROUNDS (3).
"""

import os
import subprocess
import sys

from agentrun import Agent, measured
from claims import Table
from nginx import Nginx
from place import Place, rounds_option, size_option

RATE = 10_000_000
CONNECTIONS = 16


class Bench:
    def __init__(self, build, place):
        self.program = os.path.join(build, "git-lfs-multipart")
        self.place = place
        self.nginx = Nginx(place.path("nginx"), slow=str(RATE))

    def make(self, name, size):
        thing = self.place.make_object(size, name)
        os.rename(thing.path, self.nginx.file(name))
        thing.path = None
        return thing

    def target(self, size):
        """Both write their files to this folder of the repository's storage."""
        path = self.place.path("repo", ".git", "lfs", "target")
        if os.path.exists(path):
            os.unlink(path)
        self.place.warm(size)
        return path

    def agent(self, thing, url):
        """(seconds, processor seconds)"""
        target = self.target(thing.size)
        with Agent(self.program, self.place.repo) as agent:
            agent.init("download")
            seconds = agent.download(thing.oid, thing.size, {"href": url},
                                     target)
        return seconds, agent.cpu

    def aria2(self, thing, url, *options):
        target = self.target(thing.size)
        return measured(
            ["aria2c", "-q", "--no-conf", "-x", str(CONNECTIONS), "-s",
             str(CONNECTIONS), "-k", "1M", "--file-allocation=falloc",
             "-d", os.path.dirname(target), "-o", os.path.basename(target),
             *options, url])

    def curl(self, thing, url):
        return measured(["curl", "-sS", "-o", self.target(thing.size),
                         url])[0]


def fast_rounds(bench, table, size):
    thing = bench.make("fast", size)
    url = bench.nginx.url + "/get/fast"
    sums = "--checksum=sha-256=" + thing.oid
    rows = {"agent": lambda: bench.agent(thing, url),
            "aria2": lambda: bench.aria2(thing, url),
            "aria2 and its hash": lambda: bench.aria2(thing, url, sums)}
    for _ in range(rounds_option(3)):
        for name, run in rows.items():
            seconds, cpu = run()
            table.add(name + ", MB/s", size / seconds / 1e6)
            table.add(name + ", CPU s/GB", cpu / size * 1e9)
    for other in ("aria2", "aria2 and its hash"):
        table.claim("rate of agent / %s" % other,
                    table.ratio("agent, MB/s", other + ", MB/s"), at_least=1)
        table.claim("CPU of agent / %s" % other,
                    table.ratio("agent, CPU s/GB", other + ", CPU s/GB"),
                    at_most=1)


def slow_rounds(bench, table, size):
    thing = bench.make("slow", size)
    url = bench.nginx.url + "/slow/slow"
    for _ in range(rounds_option(3)):
        table.add("agent at 10 MB/s a connection, MB/s",
                  size / bench.agent(thing, url)[0] / 1e6)
    table.add("curl, one connection, MB/s", size / bench.curl(thing, url) / 1e6)
    table.claim("agent / one connection",
                table.median("agent at 10 MB/s a connection, MB/s")
                / table.median("curl, one connection, MB/s"), at_least=14)


def main():
    table = Table("downloads from nginx")
    size = size_option("4G")
    with Place() as place:
        bench = Bench(sys.argv[1], place)
        # The others sync nothing.
        place.config("lfsmultipart.fsync", "false")
        with bench.nginx:
            fast_rounds(bench, table, size)
            slow_rounds(bench, table, size // 4)
    return table.finish()


sys.exit(1 if main() else 0)
