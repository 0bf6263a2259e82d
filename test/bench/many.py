#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small objects: `git lfs fetch` with the agent in standalone mode
against stock `git lfs fetch`, from a server whose answers take 50 ms.

usage: many.py BUILD

200 objects of 2 MB.  The agent asks the server about each object, which stock
git-lfs does for a hundred at a time: that is the one round trip that it may
cost.  ROUNDS (3).
"""

import os
import shutil
import subprocess
import sys

from agentrun import measured
from claims import Table
from lfsserver import Server
from place import Place, rounds_option

OBJECTS = 200
SIZE = 2_000_000
DELAY_MS = 50
RATE = 10_000_000
TRANSFERS = 8           # of git-lfs, at a time

POINTER = ("version https://git-lfs.github.com/spec/v1\n"
           "oid sha256:%s\nsize %d\n")


def git(place, *words):
    subprocess.run(["git", "-C", place.repo, *words], check=True,
                   stdout=subprocess.DEVNULL)


def make_objects(place):
    """A commit of pointers; the objects are where servers find them."""
    for number in range(OBJECTS):
        thing = place.make_object(SIZE, number)
        folder = place.path("store", thing.oid[:2], thing.oid[2:4])
        os.makedirs(folder, exist_ok=True)
        os.rename(thing.path, os.path.join(folder, thing.oid))
        with open("%s/%d.bin" % (place.repo, number), "w") as file:
            file.write(POINTER % (thing.oid, thing.size))
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "many objects")


class Fetches:
    def __init__(self, build, place, *options):
        self.place = place
        self.program = os.path.abspath(
            os.path.join(build, "git-lfs-multipart"))
        root = place.path("server%d" % len(os.listdir(place.dir)))
        os.makedirs(root + "/many")
        os.symlink(place.path("store"), root + "/many/objects")
        self.server = Server(root, 1 << 20, "--dialect", "basic", "--delay",
                             str(DELAY_MS), *options)

    def fetch(self, options):
        """Seconds, git-lfs included."""
        shutil.rmtree(self.place.repo + "/.git/lfs", ignore_errors=True)
        command = ["git", "-C", self.place.repo]
        for option in options + [
                "lfs.concurrenttransfers=%d" % TRANSFERS,
                "remote.origin.url=" + self.server.url + "/many",
                "lfs.url=" + self.server.url + "/many.git/info/lfs"]:
            command += ["-c", option]
        seconds, _ = measured(command + ["lfs", "fetch", "origin", "main"],
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        return seconds

    def agent_options(self):
        prefix = "lfs.customtransfer.lfs-multipart."
        return ["lfs.standalonetransferagent=lfs-multipart",
                prefix + "path=" + self.program, prefix + "args=agent",
                prefix + "concurrent=true"]

    def rounds(self, table, what):
        """The names of the rows of stock and agent."""
        names = ("stock, %s, s" % what, "agent, %s, s" % what)
        with self.server:
            for _ in range(rounds_option(3)):
                table.add(names[0], self.fetch([]))
                table.add(names[1], self.fetch(self.agent_options()))
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
