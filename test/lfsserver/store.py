# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects on disk as ROOT/REPO/objects/aa/bb/OID, and unfinished uploads.

An upload is one preallocated file; each part is written at its own place, so
that completing is a check and a rename.  With `discard` no byte is kept, only
the sizes.
"""

import hashlib
import os
import re
import threading
import uuid

OID = re.compile(r"[0-9a-f]{64}\Z")
REPO = re.compile(r"[A-Za-z0-9_. -]+(/[A-Za-z0-9_. -]+)*\Z")


class Refused(Exception):
    """The store says no; the text says why."""


def hash_file(path):
    digest = hashlib.sha256()
    buffer = bytearray(1024 * 1024)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while True:
            got = file.readinto(buffer)
            if not got:
                return digest.hexdigest()
            digest.update(view[:got])


class Upload:
    """An object on its way in, in `count` parts of `chunk` bytes."""

    def __init__(self, store, repo, oid, size, chunk):
        self.store, self.repo, self.oid = store, repo, oid
        self.size, self.chunk = size, chunk
        self.count = -(-size // chunk)
        self.id = uuid.uuid4().hex
        self.path = None
        self.fd = -1
        self.parts = {}
        self.lock = threading.Lock()

    def length(self, number):
        return min(self.chunk, self.size - (number - 1) * self.chunk)

    def sink(self, offset):
        """A function that writes a piece of a body that starts at `offset`;
        None if bodies are dropped."""
        if self.store.discard:
            return None
        with self.lock:
            if self.fd < 0:
                self.path = self.store.new_path(self.repo)
                self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
                if self.size:
                    os.posix_fallocate(self.fd, 0, self.size)
        fd = self.fd

        def write(view, pos):
            at = offset + pos
            with self.lock:     # the kernel would let writers of one file spin
                while len(view):
                    done = os.pwrite(fd, view, at)
                    at += done
                    view = view[done:]
        return write

    def finish(self):
        """Move the file into place; raises Refused if it is not the oid."""
        store = self.store
        if store.discard:
            store.ghosts[self.repo, self.oid] = self.size
            return
        self.sink(0)
        os.ftruncate(self.fd, self.size)
        if store.check_hash and hash_file(self.path) != self.oid:
            self.drop()
            raise Refused("the bytes do not hash to " + self.oid)
        target = store.path(self.repo, self.oid)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(self.path, target)
        self.path = None
        self.drop()

    def drop(self):
        with self.lock:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1
            if self.path:
                os.unlink(self.path)
                self.path = None


class Store:
    def __init__(self, root, discard, check_hash):
        self.root, self.discard, self.check_hash = root, discard, check_hash
        self.ghosts = {}
        self.uploads = {}
        self.lock = threading.Lock()

    def path(self, repo, oid):
        if not OID.match(oid) or not REPO.match(repo) or ".." in repo:
            raise Refused("no such object name")
        return os.path.join(self.root, repo, "objects", oid[:2], oid[2:4],
                            oid)

    def size(self, repo, oid):
        """The size of an object, or None."""
        if (repo, oid) in self.ghosts:
            return self.ghosts[repo, oid]
        try:
            return os.stat(self.path(repo, oid)).st_size
        except OSError:
            return None

    def new_path(self, repo):
        folder = os.path.join(self.root, repo, "incoming")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, uuid.uuid4().hex)

    def new_upload(self, repo, oid, size, chunk):
        self.path(repo, oid)
        upload = Upload(self, repo, oid, size, chunk)
        with self.lock:
            self.uploads[upload.id] = upload
        return upload

    def upload(self, id_):
        return self.uploads.get(id_)

    def forget(self, upload):
        with self.lock:
            self.uploads.pop(upload.id, None)
