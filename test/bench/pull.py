#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the server to the work tree: `git lfs-multipart pull` of one large file
from nginx, without limits, against git with the agent, git-lfs, and aria2 with
its hash; and of 2,000 small files from a server whose answers take 50 ms.

usage: pull.py BUILD

BENCH_SIZE (4G), ROUNDS (3).  Until the file is in the work tree, and
`git status` shows nothing.  The peers sync nothing, so neither do we, but in
the row that says so.
"""

import os
import shutil
import subprocess
import sys

import gitlfs
from agentrun import measured, measured_all
from claims import Table
from lfsserver import Server
from nginx import Nginx, batch_answer
from place import Place, rounds_option, size_option

FILES = 2000
FILE_SIZE = 100_000
DELAY_MS = 50


class Clone:
    """A clone of pointers, made anew for each run."""

    def __init__(self, place, program, url, size):
        self.place, self.size = place, size
        self.program = os.path.abspath(program)
        self.options = ["lfs.url=" + url, "core.hooksPath=/dev/null"]
        self.path = place.path("clone")

    def clone(self, options, skip):
        env = dict(os.environ, **({"GIT_LFS_SKIP_SMUDGE": "1"} if skip else {}))
        shutil.rmtree(self.path, ignore_errors=True)
        self.place.warm(2 * self.size)
        command = ["git", "clone", "-q"]
        for option in self.options + options:
            command += ["-c", option]
        return measured(command + [self.place.repo, self.path], env=env)

    def run(self, *command, fsync="false"):
        """(seconds, processor seconds, peak MiB) of a command in a clone of
        pointers."""
        self.clone(["lfsmultipart.fsync=" + fsync], skip=True)
        return measured_all(command, cwd=self.path, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)

    def check(self):
        """Every file is there, and git knows it."""
        changes = subprocess.run(
            ["git", "status", "--porcelain"], cwd=self.path, check=True,
            stdout=subprocess.PIPE).stdout
        assert not changes, changes
        sizes = [os.path.getsize(os.path.join(self.path, name))
                 for name in os.listdir(self.path) if name.endswith(".bin")]
        assert sum(sizes) == self.size, sizes

    def pull(self, *options, fsync="false"):
        return self.run(self.program, "pull", "-q", *options, fsync=fsync)

    def aria2(self, url, oid):
        return self.run(
            "aria2c", "-q", "--no-conf", "-x16", "-s16", "-k1M",
            "--file-allocation=falloc", "--allow-overwrite=true",
            "--checksum=sha-256=" + oid, "-o", "large.bin", url)


def add(table, name, result):
    table.add(name + ", s", result[0])
    table.add(name + ", CPU s", result[1])


def large(table, place, program, size):
    thing = place.make_object(size)
    with open(place.repo + "/large.bin", "w") as file:
        file.write(gitlfs.POINTER % (thing.oid, size))
    gitlfs.commit(place)
    nginx = Nginx(place.path("nginx"), batches={
        "lfs": lambda url: batch_answer(
            "basic", thing.oid, size,
            {"download": {"href": url + "/get/large"}})})
    os.rename(thing.path, nginx.file("large"))
    clone = Clone(place, program, nginx.url + "/lfs", size)
    runs = {
        "pull": clone.pull,
        "pull, synced": lambda: clone.pull(fsync="true"),
        "pull --no-store": lambda: clone.pull("--no-store"),
        "git clone by the agent": lambda: clone.clone(
            gitlfs.agent_options(program), skip=False),
        "git lfs pull": lambda: clone.run("git", "lfs", "pull"),
    }
    with nginx:
        for _ in range(rounds_option(3)):
            for name, run in runs.items():
                result = run()
                add(table, name, result)
                clone.check()
                if name.startswith("pull"):
                    table.add("peak of a pull, MiB", result[2])
            add(table, "aria2 and its hash",
                clone.aria2(nginx.url + "/get/large", thing.oid))
    for other, least in (("git clone by the agent", 3), ("git lfs pull", 3.5),
                         ("aria2 and its hash", 1)):
        table.claim("time of %s / pull" % other, table.ratio(
            other + ", s", "pull, s"), at_least=least)
    for other, most in (("git clone by the agent", 0.5), ("git lfs pull", 0.5),
                        ("aria2 and its hash", 1)):
        table.claim("CPU of pull / %s" % other, table.ratio(
            "pull, CPU s", other + ", CPU s"), at_most=most)
    table.claim("peak of a pull, MiB", max(table.rows["peak of a pull, MiB"]),
                at_most=48)
    gitlfs.git(place, "rm", "-q", "large.bin")


def small(table, place, program):
    for number in range(FILES):
        gitlfs.move_to_server(place, place.make_object(FILE_SIZE, number),
                              place.path("server/r/objects"),
                              "%d.bin" % number)
    gitlfs.commit(place)
    with Server(place.path("server"), 1 << 20, "--dialect", "basic",
                "--delay", str(DELAY_MS)) as server:
        clone = Clone(place, program, server.url + "/r.git/info/lfs",
                      FILES * FILE_SIZE)
        for _ in range(rounds_option(3)):
            add(table, "small: pull", clone.pull())
            clone.check()
            add(table, "small: git lfs pull", clone.run("git", "lfs", "pull"))
            clone.check()
    table.claim("small files: time of git lfs pull / pull", table.ratio(
        "small: git lfs pull, s", "small: pull, s"), at_least=1.8)


def main():
    program = os.path.join(sys.argv[1], "git-lfs-multipart")
    table = Table("pull, from nginx to the work tree")
    with Place() as place:
        place.config("lfsmultipart.fsync", "false")
        subprocess.run(["git", "lfs", "install", "--skip-repo"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(place.repo + "/.gitattributes", "w") as file:
            file.write("*.bin filter=lfs diff=lfs merge=lfs -text\n")
        large(table, place, program, size_option("4G"))
        small(table, place, program)
    return table.finish()


sys.exit(1 if main() else 0)
