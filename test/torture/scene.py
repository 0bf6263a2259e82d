# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, a repository and an object for an agent to be tortured with."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TEST)

import drive  # noqa: E402
import randomfile  # noqa: E402

UNSET = re.compile(r"GIT_|(https?|all|no)_proxy$|CURL_CA_|SSL_CERT_|"
                   r"REQUESTS_CA_|XDG_", re.IGNORECASE)
POINTER = ("version https://git-lfs.github.com/spec/v1\n"
           "oid sha256:%s\nsize %d\n")


class Server:
    def __init__(self, root, *options):
        self.root = root
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", TEST + "/server.py", "--root", root,
             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().split()[1].decode()
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}))

    def control(self, what, method="GET"):
        request = urllib.request.Request(self.url + "/_control/" + what,
                                         method=method)
        with self.opener.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def bytes_moved(self):
        """The bytes of objects and parts since the last reset."""
        counters = self.control("counters")
        return (counters["bytes_in"].get("part", 0)
                + counters["bytes_in"].get("put", 0)
                + counters["bytes_out"].get("get", 0)
                + counters["bytes_cut"].get("get", 0))

    def reset(self):
        self.control("reset", "POST")

    def settle(self):
        """Wait until it is done with what it was at, and has read what was
        left to it by somebody who is dead: nothing new begins for a while."""
        before = None
        while True:
            counters = self.control("counters")
            begun = dict(counters["requests"])
            # The question itself is one that has no answer yet.
            waiting = sum(begun.values()) - sum(counters["status"].values())
            begun.pop("control", None)
            if waiting <= 1 and begun == before:
                return
            before = begun
            time.sleep(0.05)

    def object_path(self, repo, oid):
        return os.path.join(self.root, repo, "objects", oid[:2], oid[2:4],
                            oid)

    def end(self):
        self.process.terminate()
        self.process.wait()


class Place:
    """A temporary folder with a HOME and a repository; `config` is for
    lfsmultipart."""

    def __init__(self, program, config):
        for name in list(os.environ):
            if UNSET.match(name):
                del os.environ[name]
        self.program = program
        self.dir = tempfile.mkdtemp(prefix="lfsmp-torture-")
        self.repo = self.path("repo")
        os.mkdir(self.path("home"))
        os.environ.update(HOME=self.path("home"), GIT_CONFIG_NOSYSTEM="1",
                          GIT_TERMINAL_PROMPT="0", LC_ALL="C")
        subprocess.run(["git", "init", "-q", self.repo], check=True)
        for key, value in config.items():
            self.config("lfsmultipart." + key, value)
        self.multipart = os.path.join(self.repo, ".git/lfs/multipart")

    def path(self, name):
        return os.path.join(self.dir, name)

    def config(self, key, value):
        subprocess.run(["git", "-C", self.repo, "config", key, str(value)],
                       check=True)

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Pointers(Place):
    """With a commit of pointers, whose objects are below `root`, where a server
    finds them."""

    def add_object(self, root, name, number, size):
        """Its oid; there is a pointer of that name."""
        new = self.path("new")
        randomfile.write(new, size, number)
        oid = drive.hash_file(new)
        folder = os.path.join(root, "r/objects", oid[:2], oid[2:4])
        os.makedirs(folder, exist_ok=True)
        os.rename(new, os.path.join(folder, oid))
        self.write(name, POINTER % (oid, size))
        return oid

    def write(self, name, text):
        path = os.path.join(self.repo, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def git(self, *words):
        return subprocess.run(["git", "-C", self.repo, *words], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def commit(self):
        for words in (("config", "user.name", "A Torturer"),
                      ("config", "user.email", "torture@example.org"),
                      ("add", "."), ("commit", "-q", "-m", "objects")):
            self.git(*words)


class Scene(Place):
    """With a file of random bytes to be moved by the agent."""

    def __init__(self, program, size, config):
        super().__init__(program, config)
        self.file = self.path("file")
        randomfile.write(self.file, size, "torture")
        self.size, self.oid = size, drive.hash_file(self.file)
        self.server = self.url = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server:
            self.server.end()
        self.remove()

    def serve(self, *options):
        """From now on the remote is at a server with these options."""
        if self.server:
            self.server.end()
        self.server = Server(self.path("server"), *options)
        self.url = self.server.url + "/r.git/info/lfs"
        self.config("lfs.url", self.url)

    def wipe(self, direction):
        """As before the first run: the server has the object if it is to be
        downloaded, and the repository has nothing."""
        shutil.rmtree(self.multipart, ignore_errors=True)
        path = self.server.object_path("r", self.oid)
        if os.path.exists(path):
            os.unlink(path)
        if direction == "download":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(self.file, path)
        self.server.reset()

    def run(self, direction, standalone, stop=None, env=None):
        """One run of the agent; None if there is nothing left to do."""
        action = None
        if not standalone:
            action = drive.ask_batch(self.url, direction, self.oid, self.size)
            if action is None:
                return None
        path = self.file if direction == "upload" else None
        process = drive.start(self.program, self.repo, direction, env,
                              subprocess.DEVNULL)
        return drive.move(process, drive.message_for(
            direction, self.oid, self.size, path, action), stop)

    def wrong(self, direction, outcome):
        """Say what is wrong after a run that should have ended well, or return None."""
        if outcome and outcome.error:
            return "it failed: " + outcome.error
        if outcome and not outcome.complete:
            return "it died with status %s" % outcome.status
        if direction == "upload":
            path = self.server.object_path("r", self.oid)
        else:
            path = outcome.path
        if not os.path.exists(path):
            return "there is no such file: " + path
        if drive.hash_file(path) != self.oid:
            return "the bytes are wrong"
        if direction == "download":
            os.unlink(path)
        return self.left_over(direction)

    def left_over(self, direction):
        """Files that nobody will ever look for again, or None."""
        # Without the folder, an upload goes through and cannot be resumed.
        names = [name for name in (os.listdir(self.multipart) if
                                   os.path.isdir(self.multipart) else [])
                 if self.oid in name]
        if direction == "upload":
            names = [n for n in names if not n.endswith(".upload")]
        return "left over: " + " ".join(names) if names else None
