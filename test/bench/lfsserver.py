# SPDX-License-Identifier: GPL-3.0-or-later
"""test/server.py, dropping the bytes that it gets."""

import json
import os
import subprocess
import urllib.request

from place import HERE


class Server:
    def __init__(self, root, chunk, *options):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", os.path.join(HERE, "../server.py"),
             "--root", root, "--port-file", root + ".url", "--chunk-size",
             str(chunk), "--discard", "--no-hash", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().split()[1].decode()
        with open(root + ".url") as file:
            self.plain = file.read().split()[-1]
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def lfs_url(self):
        """A repository that holds nothing yet."""
        self.count += 1
        return "/%d.git/info/lfs" % self.count

    def action(self, thing):
        """To upload an object; asked for on the port without TLS."""
        return self.ask(thing, "upload", self.lfs_url())

    def ask(self, thing, operation, lfs_url):
        body = json.dumps({
            "operation": operation, "transfers": ["basic", "multipart"],
            "objects": [{"oid": thing.oid, "size": thing.size}]})
        url = self.plain + lfs_url + "/objects/batch"
        with urllib.request.urlopen(url, body.encode()) as answer:
            found = json.loads(answer.read())["objects"][0]
        return found["actions"][operation]
