#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""endpoints.py TABLE PROGRAM STEP [NAME]: do git-lfs and we find the same
endpoints?  STEP 1 asks git-lfs about each row, 2 about every other one, and 0
about none: then only the row and PROGRAM are compared.

Each row of TABLE (its first lines say how it is written) is set up as a
repository of its own.  Then three must agree on where a download and an upload
go: the row, the real git-lfs and PROGRAM (tool/endpoint.c).  git-lfs is
asked by `git lfs env` for downloads from `origin`, and otherwise watched: by a
proxy that is every server, by a program in the place of ssh, or by the object
that arrives under a file URL.  Speaks TAP, one point a row.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from endpointtable import Row, read_table, shell_word
from recorder import Recorder

CONTENT = "object\n"
OID = hashlib.sha256(CONTENT.encode()).hexdigest()
OBJECT = "lfs/objects/%s/%s/%s" % (OID[:2], OID[2:4], OID)
POINTER = ("version https://git-lfs.github.com/spec/v1\n"
           "oid sha256:%s\nsize %d\n" % (OID, len(CONTENT)))
SSH = """#!/bin/sh
printf '%s %s\\n' "${0##*/}" "$*" >>"$SSH_LOG"
case "$*" in
*git-lfs-authenticate*) printf '%s' "${SSH_REPLY-{\\}}" ;;
*) exit 1 ;;
esac
"""
SSH_NAMES = ("ssh", "plink", "TortoisePlink.exe", "putty", "my ssh")


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False, **options)


def git(*arguments, **options):
    result = run(("git",) + arguments, **options)
    if result.returncode:
        raise RuntimeError("git %s: %s" % (" ".join(arguments), result.stdout))
    return result.stdout


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class World:
    """All rows share a model repository, a certificate and ssh programs."""

    def __init__(self, top):
        self.top = top
        self.model = top + "/model"  # of a row's folder
        self.cert, self.key = top + "/cert.pem", top + "/key.pem"
        self.bin = top + "/bin"
        version = re.match(r"git-lfs/([\d.]+)", git("lfs", "version"))
        self.git_lfs = tuple(map(int, version.group(1).split(".")))
        self.make_model()
        self.make_programs()
        result = run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                      "-nodes", "-days", "2", "-subj", "/CN=everyone",
                      "-keyout", self.key, "-out", self.cert])
        if result.returncode:
            raise RuntimeError(result.stdout)

    def make_model(self):
        repo = self.model + "/repo"
        git("init", "-q", "-b", "main", "--template=", repo)
        write(repo + "/sub/p.bin", POINTER)
        git("-C", repo, "add", ".")
        git("-C", repo, "commit", "-q", "-m", "a pointer")
        git("init", "-q", "--template=", "--bare", self.model + "/bare.git")
        git("init", "-q", "--template=", self.model + "/other")
        git("init", "-q", "--template=", self.model + "/a b")

    def make_programs(self):
        for name in SSH_NAMES:
            write(self.bin + "/" + name, SSH)
            os.chmod(self.bin + "/" + name, 0o755)


class Repository:
    """A row made real."""

    def __init__(self, row, number, world):
        self.row, self.world = row, world
        self.tmp = "%s/row%d" % (world.top, number)
        self.top = self.tmp + "/repo"
        self.home = self.tmp + "/home"
        self.cwd = self.top
        self.git_dir = self.top + "/.git"
        self.log = self.tmp + "/ssh.log"
        shutil.copytree(world.model, self.tmp)
        write(self.home + "/.gitconfig", "[user]\n\tname = a\n\temail = a@b\n")
        self.env = dict(
            os.environ, HOME=self.home, SSH_LOG=self.log,
            PATH=world.bin + ":" + os.environ["PATH"], GIT_TERMINAL_PROMPT="0")
        self.place_lfsconfig()
        self.place_repository()
        for file in row.config:
            path = {"git": self.git_dir + "/config",
                    "home": self.home + "/.gitconfig"}[file]
            with open(path, "a", encoding="utf-8") as out:
                out.write(self.fill(row.config[file]))
        for name, value in row.env:
            self.env[name] = self.fill(value)

    def fill(self, text):
        return text.replace("$TMP", self.tmp).replace("$BIN", self.world.bin)

    def place_lfsconfig(self):
        """HEAD first, since the later places hide the earlier ones."""
        path = self.top + "/.lfsconfig"
        files = self.row.lfsconfig
        if "head" in files:
            write(path, files["head"])
            git("-C", self.top, "add", ".lfsconfig")
            git("-C", self.top, "commit", "-q", "-m", "lfsconfig",
                env=self.env)
        if "index" in files:
            write(path, files["index"])
            git("-C", self.top, "add", ".lfsconfig")
        elif "head" in files and "unstaged" in self.row.flags:
            git("-C", self.top, "rm", "-q", "--cached", ".lfsconfig")
        if "file" in files:
            write(path, files["file"])
        elif os.path.exists(path):
            os.unlink(path)

    def place_repository(self):
        if self.row.place == "bare":
            self.git_dir = self.cwd = self.tmp + "/repo.git"
            os.rename(self.top + "/.git", self.git_dir)
            git("-C", self.git_dir, "config", "core.bare", "true")
        elif self.row.place == "tree":
            self.cwd = self.tmp + "/tree"
            git("-C", self.top, "worktree", "add", "-q", self.cwd)
            git("-C", self.cwd, "checkout", "-q", "--detach")
            git("-C", self.cwd, "checkout", "-q", "--ignore-other-worktrees",
                "main")
        elif self.row.place == "sub":
            self.cwd = self.top + "/sub"
        elif self.row.place == "detached":
            git("-C", self.top, "checkout", "-q", "--detach")

    def object(self, place=None):
        return os.path.join(place or self.git_dir, OBJECT)


class Side:
    """The requests that one program makes for a repository in one direction."""

    def __init__(self, repository, direction):
        self.repository, self.direction = repository, direction
        self.row = repository.row
        self.wanted = repository.fill(
            self.row.wanted(direction, repository.world.git_lfs))
        self.found = self.ssh = ""
        self.output = ""

    def run(self, command, **env):
        """Its output; `ssh` is what came in the place of ssh."""
        log = self.repository.log
        if os.path.exists(log):
            os.unlink(log)
        result = run(command, cwd=self.repository.cwd,
                     env=dict(self.repository.env, **env))
        if os.path.exists(log):
            with open(log, encoding="utf-8") as file:
                lines = [line for line in file.read().splitlines()
                         if "git-lfs-authenticate" in line]
            self.ssh = lines[-1] if lines else ""
        self.output = result.stdout
        return result


class Env(Side):
    """`git lfs env`: downloads from origin."""

    def look(self):
        command = ["git", "-c", "branch.main.remote=origin", "lfs", "env"]
        lines = self.run(command).stdout.splitlines()
        for i, line in enumerate(lines):
            match = re.match(r"Endpoint=(.*) \(auth=\S*\)$", line)
            if match:
                self.found = match.group(1)
                if i + 1 < len(lines) and lines[i + 1].startswith("  SSH="):
                    self.ssh = lines[i + 1][6:]

    def complaint(self):
        if self.found != self.wanted:
            return "git lfs env says '%s'" % self.found
        wanted = self.row.ssh and "%s:%s" % self.row.ssh_target()
        if self.ssh.lstrip("-") != wanted.lstrip("-"):
            return "git lfs env says SSH '%s', not '%s'" % (self.ssh, wanted)
        return ""


class Watch(Side):
    """`git lfs fetch` or `git lfs push`, or for want of a remote `lock`."""

    def look(self):
        world, repository = self.repository.world, self.repository
        remote = [] if self.row.remote == "-" else [
            repository.fill(self.row.remote)]
        self.place_object()
        if self.direction == "upload":
            command = (["push", "--object-id"] + remote + [OID] if remote
                       else ["lock", "sub/p.bin"])
        else:
            command = ["fetch"] + (remote + ["main"] if remote else [])
        with Recorder(world.cert, world.key) as recorder:
            self.run(["git", "-c", "http.proxy=" + recorder.url,
                      "-c", "http.sslverify=false",
                      "-c", "lfs.locksverify=false",
                      "-c", "lfs.concurrenttransfers=1",
                      "-c", "lfs.transfer.maxretries=1", "lfs"] + command)
        self.found = self.see(recorder.urls)

    def see(self, urls):
        for url in urls:
            match = re.match(r"(.*?)/(objects/batch|locks)$", url)
            if match:
                return match.group(1)
        if self.neighbour() and os.path.exists(self.end()):
            return self.wanted
        return urls[0] if urls else "none"

    def neighbour(self):
        """The object's path in the repository of a file URL."""
        if not self.wanted.startswith("file://"):
            return ""
        return self.repository.object(self.wanted[len("file://"):])

    def end(self):
        """The URL at which the object must arrive."""
        return (self.neighbour() if self.direction == "upload"
                else self.repository.object())

    def place_object(self):
        """It is where it comes from, and not where it goes."""
        here, there = self.repository.object(), self.neighbour()
        if self.direction == "upload":
            write(here, CONTENT)
        elif there:
            write(there, CONTENT)
        if self.end() and os.path.exists(self.end()):
            os.unlink(self.end())

    def complaint(self):
        wanted = re.sub(r"^(https?://)[^/]*@", r"\1", self.wanted)
        wanted = re.sub(r"/$", "", wanted)
        if wanted.startswith("http"):
            wanted = wanted.replace(" ", "%20")
        elif not wanted.startswith("file://"):
            wanted = "none"
        if self.found != wanted:
            return "git-lfs goes to '%s'" % self.found
        wanted = [self.repository.fill(command) for command in (
            self.row.ssh_command(self.direction),
            self.row.ssh_command(self.direction, shell_word))]
        if self.ssh not in wanted:
            return "git-lfs runs '%s', not '%s'" % (self.ssh, wanted[0])
        return ""


class Ours(Side):
    """PROGRAM."""

    program = ""

    def look(self):
        remote = self.repository.fill(self.row.remote)
        command = [self.program, self.direction]
        result = self.run(command + ([] if remote == "-" else [remote]))
        self.found = result.stdout.strip() if not result.returncode else "none"

    def complaint(self):
        wanted = self.repository.fill(self.row.ours_wanted(self.direction))
        if self.found != wanted:
            return "we find '%s', not '%s'" % (self.output.strip(), wanted)
        wanted = "" if wanted == "none" else self.row.ssh_command(
            self.direction, shell_word)
        if self.ssh != self.repository.fill(wanted):
            return "we run '%s', not '%s'" % (self.ssh, wanted)
        return ""


def check(row, number, world, asks_git_lfs):
    repository = Repository(row, number, world)
    oracle = Env if row.remote == "origin" else Watch
    sides = []
    if asks_git_lfs and "ours-only" not in row.flags:
        sides += [oracle(repository, "download"), Watch(repository, "upload")]
    sides += [Ours(repository, "download"), Ours(repository, "upload")]
    complaints = []
    for side in sides:
        side.look()
        complaint = side.complaint()
        if complaint:
            complaints.append("%s should go to '%s', but %s" % (
                side.direction, side.wanted, complaint))
            complaints += ["  " + line
                           for line in side.output.splitlines()[:8]]
    shutil.rmtree(repository.tmp)
    return complaints


def main():
    table, Ours.program, step = sys.argv[1:4]
    only = sys.argv[4] if len(sys.argv) > 4 else ""
    rows = [row for row in read_table(table) if only in row.name]
    step = int(step)
    world = World(os.path.abspath("world"))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(
            lambda item: check(item[1], item[0], world,
                               step and item[0] % step == 0),
            enumerate(rows)))
    for number, (row, complaints) in enumerate(zip(rows, results), 1):
        print("%sok %d - %s" % ("not " if complaints else "", number, row.name))
        for complaint in complaints:
            print("# " + complaint)
    print("1..%d" % len(rows))
    sys.exit(1 if any(results) else 0)


if __name__ == "__main__":
    main()
