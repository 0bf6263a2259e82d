# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading endpoints.table, whose first lines say how it is written."""

import re

FILES = {"git": "config", "home": "config", "lfsconfig": "lfsconfig",
         "index": "lfsconfig", "head": "lfsconfig"}
PLACES = ("bare", "tree", "sub", "detached")
FLAGS = ("unstaged", "ours-only")


class Row:
    def __init__(self, name):
        self.name = name
        self.remote = "origin"
        self.place = ""
        self.config = {}
        self.lfsconfig = {}
        self.env = []
        self.flags = []
        self.ssh = self.upssh = self.ours = ""
        self.newer = ((), "")
        self.down = self.up = ""

    def wanted(self, direction, version=()):
        """The rows for git-lfs of that version."""
        since, url = self.newer
        if url and version >= since:
            return url
        return self.up if direction == "upload" and self.up else self.down

    def ours_wanted(self, direction):
        if self.newer[1]:
            return self.newer[1]
        if self.ours and not (direction == "upload" and self.up):
            return self.ours
        return self.wanted(direction)

    def ssh_command(self, direction, quote=lambda path: path):
        command = self.ssh
        if direction == "upload" and self.upssh:
            command = self.upssh
        before, verb, path = command.partition(" git-lfs-authenticate ")
        return before + verb + quote(path) + " " + direction if verb else ""

    def ssh_target(self):
        """user@host and path."""
        before, _, path = self.ssh.partition(" git-lfs-authenticate ")
        return before.split(" ")[-1], path

    def take(self, word, rest):
        if word in FILES:
            key, _, value = rest.partition(" ")
            texts = getattr(self, FILES[word])
            name = "file" if word == "lfsconfig" else word
            texts[name] = texts.get(name, "") + format_key(key, value)
        elif word == "env":
            name, _, value = rest.partition(" ")
            self.env.append((name, value))
        elif word == "in" and rest in PLACES:
            self.place = rest
        elif word == "newer":
            since, _, url = rest.partition(" ")
            self.newer = (tuple(map(int, since.split("."))), url)
        elif word == "flag" and rest in FLAGS:
            self.flags.append(rest)
        elif word in ("remote", "down", "up", "ssh", "upssh", "ours") and rest:
            setattr(self, word, rest)
        else:
            raise ValueError("row '%s': cannot read '%s %s'" % (
                self.name, word, rest))


def shell_word(path):
    """As git-lfs quotes it since 3.8.1."""
    if re.fullmatch(r"[A-Za-z0-9_@/.-]+", path):
        return path
    return "'%s'" % path.replace("'", r"'\''")


def format_key(key, value):
    """`section.sub.key` and its value as in a config file."""
    section, _, rest = key.partition(".")
    sub, _, last = rest.rpartition(".")
    quoted = re.sub(r'(["\\])', r"\\\1", sub)
    return '[%s%s]\n\t%s = "%s"\n' % (
        section, ' "%s"' % quoted if sub else "", last,
        re.sub(r'(["\\])', r"\\\1", value))


def read_table(path):
    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if not line or line.startswith("#"):
                continue
            if line.startswith("\t"):
                word, _, rest = line[1:].partition(" ")
                rows[-1].take(word, rest)
            else:
                rows.append(Row(line))
    for row in rows:
        if not row.down:
            raise ValueError("row '%s' does not say where it goes" % row.name)
    return rows
