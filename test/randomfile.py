#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""randomfile.py PATH SIZE [SEED]: a file of pseudo-random bytes.

The same size and seed give the same bytes.  SIZE may end in K, M or G (binary).
"""

import random
import sys

PIECE = 1 << 20
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_size(text):
    if text[-1:] in UNITS:
        return int(text[:-1]) * UNITS[text[-1]]
    return int(text)


def write(path, size, seed):
    source = random.Random("%s %s" % (seed, size))
    with open(path, "wb") as file:
        while size > 0:
            file.write(source.randbytes(min(PIECE, size)))
            size -= PIECE


if __name__ == "__main__":
    write(sys.argv[1], parse_size(sys.argv[2]), *(sys.argv[3:] or ["0"]))
