# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder for a benchmark, a git that knows nothing of the user, objects."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.dont_write_bytecode = True

import randomfile  # noqa: E402

UNSET = re.compile(r"GIT_|(https?|all|no)_proxy$|CURL_CA_|SSL_CERT_|"
                   r"REQUESTS_CA_|AWS_", re.IGNORECASE)


class Object:
    def __init__(self, path, oid):
        self.path, self.oid = path, oid
        self.size = os.path.getsize(path)


class Place:
    """A temporary folder with a HOME and a repository in it."""

    def __init__(self):
        for name in list(os.environ):
            if UNSET.match(name):
                del os.environ[name]
        self.dir = tempfile.mkdtemp(prefix="lfsmp-bench-")
        self.repo = self.path("repo")
        os.environ.update(HOME=self.path("home"), GIT_CONFIG_NOSYSTEM="1")
        os.mkdir(self.path("home"))
        for key, value in (("user.name", "A Bencher"),
                           ("user.email", "bench@example.org"),
                           ("init.defaultBranch", "main"),
                           ("lfs.locksverify", "false")):
            self.config(key, value)
        subprocess.run(["git", "init", "-q", self.repo], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def config(self, key, value):
        """Set a key for this HOME."""
        subprocess.run(["git", "config", "--global", key, str(value)],
                       check=True)

    def warm(self, size):
        """Touch as much memory as a file of that size takes.  A virtual
        machine gives back what it does not use, and to get it again is slow:
        whoever comes first would pay for all."""
        path = self.path("warm")
        piece = bytes(1 << 20)
        with open(path, "wb", buffering=0) as file:
            for _ in range(size >> 20):
                file.write(piece)
        os.unlink(path)

    def make_object(self, size, seed=0):
        """A file of random bytes where git-lfs keeps its objects."""
        new = self.path("new-object")
        randomfile.write(new, size, seed)
        return self.store(new)

    def make_sparse(self, size):
        new = self.path("new-object")
        with open(new, "wb") as file:
            file.truncate(size)
        return self.store(new)

    def store(self, path):
        oid = hash_file(path)
        folder = os.path.join(self.repo, ".git/lfs/objects", oid[:2], oid[2:4])
        os.makedirs(folder, exist_ok=True)
        os.rename(path, os.path.join(folder, oid))
        return Object(os.path.join(folder, oid), oid)


def hash_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def size_option(default):
    """BENCH_SIZE of the environment, or the default, in bytes."""
    return randomfile.parse_size(os.environ.get("BENCH_SIZE") or default)


def rounds_option(default):
    return int(os.environ.get("ROUNDS") or default)
