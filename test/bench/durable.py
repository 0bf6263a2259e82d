#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the cost of syncing a download to the disk before git-lfs gets it.

usage: durable.py BUILD

An object over a line that is slower than the disk, with lfsmultipart.fsync and
without; over one that is as fast as it gets, beside `dd conv=fdatasync` of the
same bytes; and many small objects by `git lfs fetch`.  BENCH_SIZE (1G),
ROUNDS (5).
"""

import os
import sys

import gitlfs
from agentrun import Agent, measured
from claims import Table
from lfsserver import Server
from nginx import Nginx
from place import Place, rounds_option, size_option

RATE = 4_000_000        # of a connection, on the slow line
OBJECTS, SMALL = 400, 100_000


class Bench:
    def __init__(self, build, place):
        self.program = os.path.join(build, "git-lfs-multipart")
        self.place = place
        self.nginx = Nginx(place.path("nginx"), slow=str(RATE))

    def make(self, name, size):
        thing = self.place.make_object(size, name)
        os.rename(thing.path, self.nginx.file(name))
        thing.path = self.nginx.file(name)
        return thing

    def target(self, size):
        """On the disk of the repository; nothing else is on its way there."""
        path = self.place.path("repo", ".git", "lfs", "target")
        if os.path.exists(path):
            os.unlink(path)
        self.place.warm(size)
        os.sync()
        return path

    def fetch(self, thing, url, fsync):
        target = self.target(thing.size)
        self.place.config("lfsmultipart.fsync", fsync)
        with Agent(self.program, self.place.repo) as agent:
            agent.init("download")
            return agent.download(thing.oid, thing.size, {"href": url}, target)

    def copy(self, thing):
        target = self.target(thing.size)
        return measured(["dd", "if=" + thing.path, "of=" + target, "bs=1M",
                         "conv=fdatasync", "status=none"])[0]


def slow_rounds(bench, table, size):
    thing = bench.make("slow", size)
    rows = ("slow line, s", "slow line, no fsync, s")
    for _ in range(rounds_option(5)):
        for name, fsync in zip(rows, ("true", "false")):
            table.add(name, bench.fetch(thing, bench.nginx.url + "/slow/slow",
                                        fsync))
    table.claim("slow line: fsync / no fsync", table.ratio(*rows),
                at_most=1.05)


def fast_rounds(bench, table, size):
    """If the disk is faster than the line, that is the bound, not dd."""
    thing = bench.make("fast", size)
    url = bench.nginx.url + "/get/fast"
    for _ in range(rounds_option(5)):
        table.add("dd conv=fdatasync, s", bench.copy(thing))
        table.add("fast line, s", bench.fetch(thing, url, "true"))
        table.add("fast line, no fsync, s", bench.fetch(thing, url, "false"))
    table.claim("fast line: fsync / dd, or / no fsync", min(
        table.ratio("fast line, s", "dd conv=fdatasync, s"),
        table.ratio("fast line, s", "fast line, no fsync, s")), at_most=1.1)


def small_rounds(build, place, table):
    for number in range(OBJECTS):
        gitlfs.move_to_server(place, place.make_object(SMALL, number),
                              place.path("server/r/objects"),
                              "%d.bin" % number)
    gitlfs.commit(place)
    agent = gitlfs.agent_options(os.path.join(build, "git-lfs-multipart"))
    rows = ("small objects, s", "small objects, no fsync, s")
    with Server(place.path("server"), 1 << 20, "--dialect", "basic") as server:
        for _ in range(rounds_option(5)):
            for name, fsync in zip(rows, ("true", "false")):
                gitlfs.wipe(place)
                os.sync()
                table.add(name, gitlfs.run(place, "fetch", agent + [
                    "lfsmultipart.fsync=" + fsync,
                    "remote.origin.url=" + server.url + "/r",
                    "lfs.url=" + server.url + "/r.git/info/lfs"]))
    table.claim("small objects: fsync / no fsync", table.ratio(*rows),
                at_most=1.05)


def main():
    table = Table("downloads that are on the disk")
    build = os.path.abspath(sys.argv[1])
    size = size_option("1G")
    with Place() as place:
        bench = Bench(build, place)
        with bench.nginx:
            slow_rounds(bench, table, size // 4)
            fast_rounds(bench, table, size)
        small_rounds(build, place, table)
    return table.finish()


sys.exit(1 if main() else 0)
