#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small objects: `git lfs fetch` with the agent in standalone mode
against stock `git lfs fetch`, from a server whose answers take 50 ms.

usage: many.py BUILD

200 objects of 2 MB.  The agents get one object after the other, where stock
git-lfs knows of all when it asks the server: one round trip an object is what
that may cost.  ROUNDS (3).
"""

import os
import sys

import gitlfs
from claims import Table
from lfsserver import Server
from place import Place, rounds_option

OBJECTS = 200
SIZE = 2_000_000
DELAY_MS = 50
RATE = 10_000_000
TRANSFERS = 8           # of git-lfs, at a time


def make_objects(place):
    """A commit of pointers; the objects are where servers find them."""
    for number in range(OBJECTS):
        gitlfs.move_to_server(place, place.make_object(SIZE, number),
                              place.path("store"), "%d.bin" % number)
    gitlfs.commit(place)


class Fetches:
    def __init__(self, build, place, *options):
        self.place = place
        self.agent = gitlfs.agent_options(
            os.path.join(build, "git-lfs-multipart"))
        root = place.path("server%d" % len(os.listdir(place.dir)))
        os.makedirs(root + "/many")
        os.symlink(place.path("store"), root + "/many/objects")
        self.server = Server(root, 1 << 20, "--dialect", "basic", "--delay",
                             str(DELAY_MS), *options)

    def fetch(self, options):
        """Seconds, git-lfs included."""
        gitlfs.wipe(self.place)
        self.place.warm(OBJECTS * SIZE)
        return gitlfs.run(self.place, "fetch", options + [
            "lfs.concurrenttransfers=%d" % TRANSFERS,
            "remote.origin.url=" + self.server.url + "/many",
            "lfs.url=" + self.server.url + "/many.git/info/lfs"])

    def rounds(self, table, what):
        """The names of the rows of stock and agent."""
        names = ("stock, %s, s" % what, "agent, %s, s" % what)
        with self.server:
            for _ in range(rounds_option(3)):
                table.add(names[0], self.fetch([]))
                table.add(names[1], self.fetch(self.agent))
        return names


def main():
    table = Table("git lfs fetch of %d objects of 2 MB, answers after %d ms"
                  % (OBJECTS, DELAY_MS))
    build = sys.argv[1]
    with Place() as place:
        make_objects(place)
        stock, agent = Fetches(build, place).rounds(table, "no limit")
        trips = DELAY_MS / 1000 * OBJECTS / TRANSFERS
        table.claim("round trips an object, agent - stock",
                    (table.median(agent) - table.median(stock)) / trips,
                    at_most=1)
        stock, agent = Fetches(build, place, "--rate", str(RATE)).rounds(
            table, "10 MB/s a connection")
        table.claim("time of agent / stock, 10 MB/s a connection",
                    table.ratio(agent, stock), at_most=1)
    return table.finish()


sys.exit(1 if main() else 0)
