#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one LFS server to another: `fork` against its download alone and its
upload alone, and against stock `git lfs fetch` and `git lfs push`.

usage: forks.py BUILD

40 objects of 1 MB to BENCH_SIZE (2G), which is six times as much in all; both
servers give each connection FORK_RATE (8000000) bytes a second.  ROUNDS (3) of
fork, fetch and push; one of the rest, as stock git-lfs takes its time and
keeps all on the disk.  It measures the use of the disk 20 times a second.
"""

import json
import os
import subprocess
import sys
import threading
import time

import gitlfs
from agentrun import Failed
from claims import Table
from lfsserver import Server
from place import Place, rounds_option, size_option

OBJECTS = 40
SMALLEST = 1_000_000
SMALL_PART = 5 << 20
PART = 16 << 20
MAX_DISK = 100_000_000


def disk_usage(path):
    """The bytes of the files below it, some of which may vanish meanwhile."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def unlinked_usage(pid):
    """The bytes of unlinked files that a process has open."""
    folder = "/proc/%d/fd" % pid
    total = 0
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if os.readlink(path).endswith(" (deleted)"):
                total += os.stat(path).st_blocks * 512
        except FileNotFoundError:
            pass
    return total


class Watch(threading.Thread):
    """The most disk that a process takes, and its peak memory."""

    def __init__(self, pid, folder):
        super().__init__(daemon=True)
        self.pid, self.folder = pid, folder
        self.before = disk_usage(folder)
        self.disk = self.peak_kib = self.looks = 0
        self.done = threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.05):
            try:
                disk = unlinked_usage(self.pid) + disk_usage(self.folder)
                self.look_at_memory()
            except OSError:
                return
            self.disk = max(self.disk, disk - self.before)
            self.looks += 1

    def look_at_memory(self):
        with open("/proc/%d/status" % self.pid) as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    self.peak_kib = int(line.split()[1])

    def end(self):
        self.done.set()
        self.join()


class Bench:
    def __init__(self, build, place):
        self.program = os.path.abspath(
            os.path.join(build, "git-lfs-multipart"))
        self.place = place
        self.lfs = os.path.join(place.repo, ".git/lfs")
        self.size = 0
        self.make_history(size_option("2G"))
        rate = os.environ.get("FORK_RATE") or "8000000"
        self.source, self.target, self.narrow = (
            Server(place.path(name), part, "--rate", rate)
            for name, part in (("source", PART), ("target", PART),
                               ("narrow", SMALL_PART)))

    def make_history(self, largest):
        """A commit of pointers; the objects are at the source."""
        growth = (largest / SMALLEST) ** (1 / (OBJECTS - 1))
        for number in range(OBJECTS):
            thing = self.place.make_sparse(round(SMALLEST * growth ** number))
            gitlfs.move_to_server(self.place, thing,
                                  self.place.path("source/r/objects"),
                                  "%d.bin" % number)
            self.size += thing.size
        gitlfs.commit(self.place)
        gitlfs.git(self.place, "init", "-q", "--bare",
                   self.place.path("fork.git"))
        gitlfs.git(self.place, "remote", "add", "origin",
                   self.place.path("fork.git"))

    def source_url(self):
        return self.source.url + "/r.git/info/lfs"

    def fetch_and_push(self, options):
        """(seconds, seconds, bytes on the disk in between)"""
        gitlfs.wipe(self.place)
        fetch = gitlfs.run(self.place, "fetch",
                           options + ["lfs.url=" + self.source_url()])
        disk = disk_usage(self.lfs)
        push = gitlfs.run(self.place, "push", options + [
            "lfs.url=" + self.target.url + self.target.lfs_url()])
        return fetch, push, disk

    def fork(self, target, *options):
        """(seconds, what it reports, the Watch)"""
        gitlfs.wipe(self.place)
        begun = time.monotonic()
        process = subprocess.Popen(
            [self.program, "fork", "--json", "--quiet",
             "--from-lfs", self.source_url(),
             "--to-lfs", target.url + target.lfs_url(), *options],
            cwd=self.place.repo, stdout=subprocess.PIPE)
        watch = Watch(process.pid, self.lfs)
        text = process.stdout.read()
        process.wait()
        seconds = time.monotonic() - begun
        watch.end()
        report = json.loads(text)
        if process.returncode or report["moved"]["objects"] != OBJECTS:
            raise Failed("fork: " + text.decode())
        return seconds, report, watch


def load():
    return "load %.1f" % os.getloadavg()[0]


def pipeline_rounds(bench, table):
    """With the default spool: is it one pipeline?"""
    for _ in range(rounds_option(3)):
        seconds, report, watch = bench.fork(bench.target)
        fetch, push, _ = bench.fetch_and_push(gitlfs.agent_options(bench.program))
        table.add("fork, s", seconds, load())
        table.add("agent: fetch, s", fetch, load())
        table.add("agent: push, s", push, load())
        table.add("the slower of the two, s", max(fetch, push))
        table.add("fork, spool in MB", report["spool_peak_bytes"] / 1e6)
        table.add("fork, memory in MiB", watch.peak_kib / 1024)
    table.claim("time of fork / the slower of the two",
                table.ratio("fork, s", "the slower of the two, s"),
                at_most=1.2)


def narrow_round(bench, table):
    """With little disk."""
    seconds, report, watch = bench.fork(bench.narrow, "--max-disk",
                                        str(MAX_DISK))
    table.add("fork with 100 MB of disk, s", seconds, load())
    table.add("its spool by its own account, MB",
              report["spool_peak_bytes"] / 1e6)
    table.add("what it took of the disk, MB", watch.disk / 1e6,
              "%d looks" % watch.looks)
    table.add("its memory, MiB", watch.peak_kib / 1024)
    table.claim("disk of fork with 100 MB / 100 MB", watch.disk / MAX_DISK,
                at_most=1)


def stock_round(bench, table):
    fetch, push, disk = bench.fetch_and_push([])
    table.add("stock: fetch, s", fetch, load())
    table.add("stock: push, s", push, load())
    table.add("stock: fetch + push, s", fetch + push)
    table.add("stock: disk in MB", disk / 1e6)
    table.claim("time of fork / stock fetch + push",
                table.median("fork, s") / (fetch + push), at_most=0.75)
    table.claim("disk of stock / all objects", disk / bench.size, at_least=1)


def main():
    with Place() as place:
        bench = Bench(sys.argv[1], place)
        table = Table("fork of %d objects, %.0f MB" % (OBJECTS,
                                                       bench.size / 1e6))
        with bench.source, bench.target, bench.narrow:
            narrow_round(bench, table)
            pipeline_rounds(bench, table)
            stock_round(bench, table)
    return table.finish()


sys.exit(1 if main() else 0)
