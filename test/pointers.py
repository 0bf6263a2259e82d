# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are pointers of Git LFS, or nearly, for t-pointer.sh.

usage: pointers.py make DIR             hundreds of them, the same each time
       pointers.py compare DIR LFS OURS

LFS is what `git lfs ls-files --debug` prints, OURS what test/tool/history
does.  All that git-lfs finds must be found, with its size; what else is found
may only be a file with an extension, whose name begins with ext, or of size 0,
which git-lfs does not list.
"""

import hashlib
import itertools
import os
import random
import re
import sys

BLANKS = ["", " ", "\t", "\n", "\v", "\f", "\r", "\r\n", "\u0085", "\u00a0",
          "\u1680", "\u2000", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f",
          "\u3000", " \u00a0\n", "\r\r\n\u0085", "\u200b", "\ufeff", "\u180e",
          "\0", "\x1c", "x"]
URLS = ["https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2",
        "https://hawser.github.com/spec/v1", "https://git-lfs.github.com/spec/v2",
        "http://git-lfs.github.com/spec/v1", "https://git-lfs.github.com/spec/v1/"]
ENDS = ["\n", "\r\n", "\n\n", "\r\n\r\n", "\n\r\n\n", "\r\r\n", "\n \n", "\n\t\n",
        " \n", "\r", "\n\v\n", "\n\u0085\n"]
SIZES = ["%d", "+%d", "-%d", "-0", "+0", "0", "00%d", "000000000000000000000000%d",
         "9223372036854775807", "9223372036854775808", "18446744073709551617",
         "", "+", "-", "++%d", "%d ", " %d", "\t%d", "%d.0", "1e9", "0x%d",
         "0b1", "0o17", "1_%d", "\u0663", "%d %d"]
OIDS = ["sha256:%s", "sha256: %s", "sha256:%s ", " sha256:%s", "SHA256:%s",
        "sha1:%s", "%s", "sha256::%s", "sha256:%.63s", "sha256:0%s"]
EXTENSIONS = ["ext-0-a", "ext-1-b", "ext-9-c d", "ext-0-_", "ext-0-A!\u00e9", "ext-1-",
              "ext-1-\u00e9", "ext-10-a", "ext--1-a", "ext-a-b", "Ext-0-a", "ext-0",
              "ext-0-a\u00a0b"]
ORDERS = ["vos", "vso", "osv", "ovs", "vo", "vs", "os", "vvos", "voos", "voss",
          "vosx", "vxos", "voxs", "xvos", "vosv", "Vos", "vOs", "voS"]
WORDS = {"v": "version", "o": "oid", "s": "size", "V": "Version", "O": "Oid",
         "S": "Size", "x": "flag"}
PLACES = [(0,), (1,), (2,), (3,), (0, 0), (0, 1), (1, 0), (2, 1), (1, 2), (3, 3)]


class Maker:
    """Files with a number, an oid and a size of their own."""

    def __init__(self, directory):
        self.directory = directory
        self.n = 0

    def write(self, make, kind="plain"):
        self.n += 1
        oid = hashlib.sha256(str(self.n).encode()).hexdigest()
        data = make(oid, self.n)
        name = os.path.join(self.directory, "%s-%d" % (kind, self.n))
        with open(name, "wb") as file:
            file.write(data)


def number(template, n):
    return template % ((n,) * template.count("%d"))


def text(oid, n, url=URLS[0], order="vos", end="\n", size="%d",
         form="sha256:%s", before="", after="\n"):
    """The lines of a pointer, each of which may be odd."""
    values = {"v": url, "o": form % oid, "s": number(size, n), "x": "1"}
    lines = ["%s %s" % (WORDS[c], values[c.lower()]) for c in order]
    return (before + end.join(lines) + after).encode()


def extended(oid, n, places, names):
    """A pointer with lines of extensions before its line PLACE."""
    lines = text(oid, n).decode().splitlines(True)
    for place, name in zip(places, names):
        lines.insert(place, "%s sha256:%s\n" % (name, oid))
    return "".join(lines).encode()


def spoilt(oid, n, rng):
    """A pointer with a byte or two that are other, more or fewer."""
    data = bytearray(text(oid, n))
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(data))
        byte = rng.choice(b"\n\r\v\f\t \0+-0a:\xc2\xa0\x85")
        how = rng.randrange(3)
        if how == 0:
            data[at] = byte
        elif how == 1:
            data.insert(at, byte)
        else:
            del data[at]
    return bytes(data)


def make(directory):
    maker = Maker(directory)
    axes = {"url": URLS, "order": ORDERS, "end": ENDS, "size": SIZES,
            "form": OIDS, "before": BLANKS, "after": BLANKS}
    for axis, odd in axes.items():
        for value in odd:
            maker.write(lambda oid, n: text(oid, n, **{axis: value}))
    for end, size, blank in itertools.product(ENDS[:6], SIZES[:8], BLANKS[:20:3]):
        maker.write(lambda oid, n: text(oid, n, end=end, size=size,
                                        before=blank, after=blank))
    for places, name in itertools.product(PLACES, EXTENSIONS):
        maker.write(lambda oid, n: extended(oid, n, places, [name, "ext-0-a"]),
                    "ext")
    for length in (1022, 1023, 1024, 1025):
        maker.write(lambda oid, n: text(oid, n).ljust(length, b"\n"))
        maker.write(lambda oid, n: text(oid, n).rjust(length, b" "))
    rng = random.Random(1)
    for _ in range(300):
        maker.write(lambda oid, n: spoilt(oid, n, rng))


def listed(path):
    """The pointers that git-lfs found: name -> oid, size."""
    with open(path, encoding="utf-8", errors="replace") as file:
        found = re.findall(r"^filepath: (\S+)\n +size: (\d+)\n(?:.*\n)*? +oid: "
                           r"\S+ (\w+)\n", file.read(), re.M)
    return {name: (oid, int(size)) for name, size, oid in found}


def compare(directory, theirs, ours):
    theirs = listed(theirs)
    with open(ours, encoding="ascii") as file:
        rest = {(oid, int(size)) for oid, size in map(str.split, file)}
    names = {hashlib.sha256(name.split("-")[1].encode()).hexdigest(): name
             for name in os.listdir(directory) if name != ".git"}
    faults = []
    for name, pointer in sorted(theirs.items()):
        if pointer in rest:
            rest.remove(pointer)
        else:
            faults.append("not found: " + name)
    faults += ["no pointer: " + names.get(oid, oid) for oid, size in sorted(rest)
               if size and not names.get(oid, "").startswith("ext-")]
    for fault in faults:
        print(fault)
    print("%d files, %d pointers, %d more are found" %
          (len(names), len(theirs), len(rest)))
    return len(faults) > 0 or len(theirs) < 200


def main():
    if sys.argv[1] == "make":
        return make(sys.argv[2])
    return compare(*sys.argv[2:])


sys.exit(main())
