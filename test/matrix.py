#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins x transfers x faults x commands, each row with the real git lfs.

    matrix.py           rows that have all pairs of values, see pairs()
    matrix.py even|odd  every other one of them
    matrix.py all       all rows
    matrix.py NAME...   the rows of these names, such as push/helper/hf/429

A row has a server and a repository of its own, moves two objects, and meets
its fault once.  The bytes must be the same, the fault must have struck, nobody
may be asked for a login twice, and no login may leave its host.  Runs in the
environment of a scenario (lib.sh) and speaks TAP.
"""

import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import server
from lfsserver.app import App

PATIENCE = 60           # seconds for one command
AT_ONCE = 4             # most of a row is a pause before another attempt
CHUNK = 100000
PART = 100 << 10        # of a download, by t-matrix.sh
FILES = {"big.bin": 3 * CHUNK, "small.bin": 1000}

LOGINS = ("none", "helper", "askpass", "netrc", "user", "bearer", "ssh")
TRANSFERS = ("basic", "hf", "kohaku", "giftless", "proposal")
COMMANDS = ("push", "fetch", "pull", "clone")
# These concern the body that moves, except the last three.
FAULTS = {
    "429": "status=429,on={body}",
    "500": "status=500,on={body}",
    "reset": "reset,on={body},after=500",
    "stall": "stall=4,on={body},after=500",
    "close": "close,on={body},after=500",
    "expired": "expired,on={body}",
    "batch": "status=503,on=batch",
    "garbage": "garbage,on=batch",
    "finish": "status=500,on={finish}",
}
FINISH = {"basic": "verify", "proposal": "verify", "giftless": "commit",
          "hf": "complete", "kohaku": "complete"}

TMP = os.environ["TEST_TMP"]
SCRIPTS = {
    "helper": 'echo "$1" >>"$RECORD"\ntest "$1" != get || '
              "printf 'username=me\\npassword=secret\\n'\n",
    "askpass": 'case $1 in Username*) echo me ;; *) echo get >>"$RECORD"; '
               "echo secret ;; esac\n",
    "ssh": "for last\ndo\n\t:\ndone\ncase $last in\n"
           'git-lfs-authenticate*)\n\techo get >>"$RECORD"\n\t'
           "printf '{\"href\": \"%s\", \"header\": {\"Authorization\": "
           "\"Bearer abc\"}}' \"$LFS_URL\" ;;\n"
           '*) exec sh -c "$last" ;;\nesac\n',
}


class Failure(Exception):
    """A row went wrong."""


def is_row(row):
    """A download has no finish that could fail."""
    command, _, _, fault = row
    return fault != "finish" or command == "push"


def product():
    return [row for row in itertools.product(COMMANDS, LOGINS, TRANSFERS,
                                             FAULTS) if is_row(row)]


def pairs(row):
    """But of login and fault: neither knows of the other, and it would take
    half as many rows again."""
    command, login, transfer, fault = enumerate(row)
    return {(command, login), (command, transfer), (command, fault),
            (login, transfer), (transfer, fault)}


def covering(rows):
    """Some of the rows in which each pair of values of theirs is found."""
    random.Random(1).shuffle(rows)
    rows = [(row, pairs(row)) for row in rows]
    missing = set().union(*(found for _, found in rows))
    while missing:
        row, found = max(rows, key=lambda each: len(each[1] & missing))
        missing -= found
        yield row


def run(where, env, *command):
    done = subprocess.run(command, cwd=where, env=env, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failure("%s: exit status %d\n%s" % (
            " ".join(command), done.returncode,
            done.stdout.decode("utf-8", "replace")))


def make_templates():
    """`source`, with a commit of the files; `bare`, where it is pushed to;
    `full`, where it has been; and scripts that know a login."""
    env = dict(os.environ, GIT_LFS_SKIP_PUSH="1")
    os.makedirs(TMP + "/bin")
    for name, text in SCRIPTS.items():
        with open(TMP + "/bin/" + name, "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(TMP + "/bin/" + name, 0o755)
    for name in ("bare", "full"):
        run(TMP, env, "git", "init", "-q", "--bare", name)
    run(TMP, env, "git", "init", "-q", "source")
    for seed, (name, size) in enumerate(FILES.items()):
        with open(TMP + "/source/" + name, "wb") as file:
            file.write(random.Random(seed).randbytes(size))
    with open(TMP + "/source/.gitattributes", "w") as file:
        file.write("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    run(TMP + "/source", env, "git", "add", ".")
    run(TMP + "/source", env, "git", "commit", "-q", "-m", "files")
    run(TMP + "/source", env, "git", "push", "-q", TMP + "/full", "main")
    run(TMP, dict(env, GIT_LFS_SKIP_SMUDGE="1"), "git", "clone", "-q",
        TMP + "/full", "pointers")


class Row:
    def __init__(self, row):
        self.command, self.login, self.transfer, self.fault = row
        self.name = "/".join((self.command, self.login, self.transfer,
                              self.fault))
        self.dir = "%s/%s" % (TMP, self.name.replace("/", "-"))
        self.is_push = self.command == "push"

    def start_server(self):
        words = ["--root", self.dir + "/server", "--dialect", self.transfer,
                 "--chunk-size", str(CHUNK)]
        if self.login in ("bearer", "ssh"):
            words += ["--bearer", "abc"]
        elif self.login != "none":
            words += ["--auth", "me:secret"]
        self.app = App(server.parse_options(words))
        listener = server.Listener(self.app, None)
        self.app.origins["main"] = self.app.origins["plain"] = listener.url
        listener.start()
        self.url = listener.url + "/r.git/info/lfs"
        self.body = "get"
        if self.is_push:
            self.body = "put" if self.transfer == "basic" else "part"
        self.app.faults.add([FAULTS[self.fault].format(
            body=self.body, finish=FINISH[self.transfer])])

    def object_path(self, name):
        with open("%s/source/%s" % (TMP, name), "rb") as file:
            oid = hashlib.sha256(file.read()).hexdigest()
        return "objects/%s/%s/%s" % (oid[:2], oid[2:4], oid)

    def fill_server(self):
        for name in FILES:
            path = "%s/server/r/%s" % (self.dir, self.object_path(name))
            os.makedirs(os.path.dirname(path))
            shutil.copy("%s/source/%s" % (TMP, name), path)

    def environment(self):
        """With the config as variables, which every child gets."""
        remote = self.dir + "/bare"
        config = {"lfs.url": self.url, "remote.origin.url": remote}
        env = dict(os.environ, RECORD=self.dir + "/record",
                   LFS_URL=self.url, HOME=self.dir)
        if self.login == "user":
            config["lfs.url"] = self.url.replace("//", "//me:secret@")
        elif self.login == "bearer":
            config["http.%s.extraHeader" % self.url] = (
                "Authorization: Bearer abc")
        elif self.login == "helper":
            config["credential.helper"] = TMP + "/bin/helper"
        elif self.login == "askpass":
            env["GIT_ASKPASS"] = TMP + "/bin/askpass"
        elif self.login == "ssh":
            del config["lfs.url"]
            config["remote.origin.url"] = "git@localhost:" + remote
            env["GIT_SSH"] = TMP + "/bin/ssh"
        elif self.login == "netrc":
            with open(self.dir + "/.netrc", "w") as file:
                file.write("machine 127.0.0.1 login me password secret\n")
        env["GIT_CONFIG_COUNT"] = str(len(config))
        for number, (key, value) in enumerate(config.items()):
            env["GIT_CONFIG_KEY_%d" % number] = key
            env["GIT_CONFIG_VALUE_%d" % number] = value
        return env, config["remote.origin.url"]

    def act(self):
        os.makedirs(self.dir)
        shutil.copy(os.environ["HOME"] + "/.gitconfig", self.dir)
        self.start_server()
        template = {"push": "source", "fetch": "pointers",
                    "pull": "pointers"}.get(self.command)
        if template:
            shutil.copytree("%s/%s" % (TMP, template), self.dir + "/work")
        shutil.copytree(TMP + ("/bare" if self.is_push else "/full"),
                        self.dir + "/bare")
        if not self.is_push:
            self.fill_server()
        env, remote = self.environment()
        if self.command == "push":
            run(self.dir + "/work", env, "git", "push", "-q", "origin", "main")
        elif self.command == "clone":
            run(self.dir, env, "git", "clone", "-q", remote, "work")
        else:
            run(self.dir + "/work", env, "git", "lfs", self.command)

    def check(self):
        for name in FILES:
            at = {"push": "server/r/" + self.object_path(name),
                  "fetch": "work/.git/lfs/" + self.object_path(name)}.get(
                      self.command, "work/" + name)
            with open("%s/source/%s" % (TMP, name), "rb") as file:
                wanted = file.read()
            with open("%s/%s" % (self.dir, at), "rb") as file:
                if file.read() != wanted:
                    raise Failure("%s differs" % at)
        state = self.app.faults.state()[0]
        if state["hits"] != 1:
            raise Failure("the fault has struck %d times" % state["hits"])
        numbers = self.app.counters.numbers()
        for key in ("leaked_headers", "refused_puts"):
            if numbers[key]:
                raise Failure("%s: %d" % (key, numbers[key]))
        self.check_bytes(numbers)
        self.check_login(numbers)

    def check_bytes(self, numbers):
        """Only what the fault has spoilt moves again, and what a busy machine
        may have taken for a stall.  The parts of a download go out together:
        when a link has expired, the two beside it are given up, too."""
        moved = numbers["bytes_in" if self.is_push else "bytes_out"][self.body]
        again = 2 * CHUNK
        if self.is_push and (self.body == "put" or self.fault == "expired"):
            again = FILES["big.bin"]
        elif self.fault == "expired":
            again = 2 * PART + 1000     # what says so has a body
        if moved > sum(FILES.values()) + again:
            raise Failure("%d bytes have moved" % moved)

    def check_login(self, numbers):
        """A person is asked once.  A helper that knows it is asked by each
        agent, and told that it was right, as by git-lfs."""
        words = []
        if os.path.exists(self.dir + "/record"):
            with open(self.dir + "/record") as file:
                words = file.read().split()
        if self.login == "helper":
            is_good = "store" in words and "erase" not in words
        else:
            is_good = len(words) == (self.login in ("askpass", "ssh"))
        if not is_good:
            raise Failure("asked for a login: " + " ".join(words))
        if bool(numbers["authorization"]["batch"]) != (self.login != "none"):
            raise Failure("logins of the batch: %d"
                          % numbers["authorization"]["batch"])

    def result(self):
        try:
            self.act()
            self.check()
        except (Failure, OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            self.app.faults.clear()
            shutil.rmtree(self.dir, ignore_errors=True)
        return None


def main():
    words = sys.argv[1:]
    if words == ["all"]:
        rows = product()
    elif words in (["even"], ["odd"]):
        first = 1 if words == ["odd"] else 0
        rows = list(covering(product()))[first::2]
    elif words:
        rows = [word.split("/") for word in words]
    else:
        rows = list(covering(product()))
    make_templates()
    rows = [Row(row) for row in rows]
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = zip(rows, pool.map(Row.result, rows))
        for number, (row, why) in enumerate(results, 1):
            failed += why is not None
            print("%sok %d - %s" % ("not " if why else "", number, row.name),
                  flush=True)
            for line in (why or "").splitlines():
                print("#   " + line)
    print("1..%d" % len(rows))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
