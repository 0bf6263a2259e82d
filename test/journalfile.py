#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and rewrite a journal (lfs/transfer/record.h), with the CRCs right.

    journalfile.py list FILE            a line for each record: type, bytes
    journalfile.py boot FILE            as if begun before the last boot
    journalfile.py drop FILE TYPE       without the records of a type
    journalfile.py links FILE OLD NEW   with NEW for OLD in an upload's links
    journalfile.py piece FILE OFF SIZE  and a piece that nobody has received
    journalfile.py fill FILE OBJECT     as if all of a download had been
    journalfile.py run FILE N AGE       as if N runs, so many seconds ago, and
                                        no other had gone on with an upload
"""

import struct
import sys
import time
import zlib

HEAD = struct.Struct("=IIQ")
TYPES = ("none", "begin", "piece", "hash", "key", "action", "part", "hashed",
         "complete", "run")
BOOT = 40       # where the boot id begins in `begin`


def read(path):
    """A list of (type, bytes)."""
    with open(path, "rb") as file:
        data = file.read()
    records, pos = [], 0
    while pos + HEAD.size <= len(data):
        crc, kind, size = HEAD.unpack_from(data, pos)
        body = data[pos + HEAD.size:pos + HEAD.size + size]
        if zlib.crc32(data[pos + 4:pos + HEAD.size] + body) != crc:
            break
        records.append((TYPES[kind], body))
        pos += HEAD.size + size
    return records


def write(path, records):
    with open(path, "wb") as file:
        for kind, body in records:
            head = HEAD.pack(0, TYPES.index(kind), len(body))[4:]
            file.write(struct.pack("=I", zlib.crc32(head + body)) + head
                       + body)


def of_another_boot(record):
    kind, body = record
    if kind != "begin":
        return record
    return kind, body[:BOOT] + b"0" * 36 + body[BOOT + 36:]


def filled(records, path):
    """The first record, and a piece for each part of the file."""
    part_size = struct.unpack_from("=Q", records[0][1], 16)[0]
    pieces, off = [], 0
    with open(path, "rb") as file:
        for data in iter(lambda: file.read(part_size), b""):
            pieces.append(("piece", struct.pack(
                "=QQII", off, len(data), zlib.crc32(data), 0)))
            off += len(data)
    return records[:1] + pieces


def main():
    verb, path, *words = sys.argv[1:]
    records = read(path)
    if not records:
        sys.exit("journalfile.py: no record in " + path)
    if verb == "list":
        for kind, body in records:
            print(kind, len(body))
        return
    if verb == "boot":
        records = [of_another_boot(record) for record in records]
    elif verb == "drop":
        records = [record for record in records if record[0] != words[0]]
    elif verb == "links":
        old, new = (word.encode() for word in words)
        records = [(kind, body.replace(old, new) if kind == "action" else body)
                   for kind, body in records]
    elif verb == "piece":
        records.append(("piece", struct.pack(
            "=QQII", int(words[0]), int(words[1]), 12345, 0)))
    elif verb == "run":
        then = struct.pack("=q", int(time.time()) - int(words[1]))
        records = [record for record in records if record[0] != "run"]
        records += [("run", then)] * int(words[0])
    elif verb == "fill":
        records = filled(records, words[0])
    else:
        sys.exit("journalfile.py: unknown verb " + verb)
    write(path, records)


if __name__ == "__main__":
    main()
