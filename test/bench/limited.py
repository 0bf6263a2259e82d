#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that gives each connection 10 MB/s: `git push` with the agent
against `git push` without it, end to end.

usage: limited.py BUILD

BENCH_SIZE (2G): stock git-lfs needs 205 s for that, so it has one round, and
two of an eighth of the size that show how little its rate varies.
"""

import os
import subprocess
import sys

from agentrun import measured
from claims import Table
from lfsserver import Server
from place import Place, size_option

RATE = 10_000_000
PART = 16 << 20


def git(repo, *words):
    subprocess.run(["git", "-C", repo, *words], check=True,
                   stdout=subprocess.DEVNULL)


def commit(place, name, size):
    """A repository with one commit of one large file."""
    repo = place.path(name)
    subprocess.run(["git", "init", "-q", repo], check=True)
    git(repo, "lfs", "install", "--local")
    git(repo, "lfs", "track", "*.bin")
    os.rename(place.make_object(size, name).path, repo + "/large.bin")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "a large file")
    return repo


class Pushes:
    """Pushes of a repository, each to a remote that holds nothing yet."""

    def __init__(self, place, server, repo, size):
        self.place, self.server = place, server
        self.repo, self.size, self.count = repo, size, 0

    def push(self, transfer_options):
        """MB/s, git and git-lfs included."""
        self.count += 1
        name = "%s-%d" % (os.path.basename(self.repo), self.count)
        remote = self.place.path(name + ".git")
        subprocess.run(["git", "init", "-q", "--bare", remote], check=True)
        command = ["git", "-C", self.repo]
        for option in transfer_options + [
                "lfs.url=" + self.server.url + self.server.lfs_url()]:
            command += ["-c", option]
        seconds, _ = measured(command + ["push", "-q", remote, "main"],
                              stdout=subprocess.DEVNULL)
        return self.size / seconds / 1e6


def agent_options(build):
    prefix = "lfs.customtransfer.multipart."
    return [prefix + "path=" + os.path.join(build, "git-lfs-multipart"),
            prefix + "args=agent", prefix + "direction=upload"]


def main():
    table = Table("git push, a server of 10 MB/s a connection")
    size = size_option("2G")
    with_agent = agent_options(os.path.abspath(sys.argv[1]))
    with Place() as place, Server(
            place.path("server"), PART, "--rate", str(RATE)) as server:
        small = Pushes(place, server, commit(place, "small", size // 8),
                       size // 8)
        large = Pushes(place, server, commit(place, "large", size), size)
        for _ in range(2):
            table.add("stock, an eighth, MB/s", small.push([]))
        for _ in range(3):
            table.add("agent, MB/s", large.push(with_agent))
        table.add("stock, MB/s", large.push([]))
    table.claim("agent / stock", table.median("agent, MB/s")
                / table.median("stock, MB/s"), at_least=12)
    return table.finish()


sys.exit(1 if main() else 0)
