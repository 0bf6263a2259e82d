# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a GET of an object, whole or in a range, sound or spoilt.

A body is a list of steps: ("file", offset, length), ("bytes", data) or
("strike", fault).  The faults rewrite the list before it is sent.
"""

import gzip
import os
import re
from functools import partial

from .conn import Hangup

RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")
CLIP = 3000000  # where `range=clip` ends to count


def parse_range(text, size):
    """(start, length) of a Range header; None: whole; False: none there."""
    match = RANGE.match(text or "")
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start = int(first)
        end = min(size, int(last) + 1) if last else size
    return (start, end - start) if start < end else False


class Download:
    def __init__(self, req, fd, size, etag):
        self.req, self.fd, self.size = req, fd, size
        self.faults = req.faults
        self.start, self.length = 0, size
        self.etag = {"other": '"other"', "weak": "W/" + etag}.get(
            self._value("etag"), etag)
        self.status = 200
        self.headers = {"Content-Type": "application/octet-stream",
                        "Accept-Ranges": "bytes"}
        if self._value("etag") != "missing":
            self.headers["ETag"] = self.etag

    def plan(self):
        """Decide status, headers and steps; returns the steps."""
        asked = self._asked()
        if asked is False:
            self.status, self.length = 416, 0
            self.headers["Content-Range"] = "bytes */%d" % self.size
        elif asked:
            self._partial(*asked)
        if "gzip" in self.faults and self.length:
            return self._gzip()
        self.headers["Content-Length"] = str(self.length)
        return self._spoil([("file", self.start, self.length)])

    def _asked(self):
        asked = parse_range(self.req.headers.get("range"), self.size)
        only_if = self.req.headers.get("if-range")
        how = self._value("range")
        if how == "ignored" or (only_if and (
                only_if != self.etag or only_if.startswith("W/"))):
            return None
        return False if asked and how == "unsat" else asked

    def _value(self, name):
        return self.faults[name].value if name in self.faults else None

    def _partial(self, start, length):
        how = self._value("range")
        if how == "part":
            length = max(1, length // 2)
        if how == "clip" and start > CLIP:
            start, length = CLIP, length + start - CLIP
        if how == "toend":
            length = self.size - start
        self.status, self.start, self.length = 206, start, length
        said, total = start, self.size
        if how == "wrong":
            said = start + 1 if start + length < self.size else start - 1
        if how in ("rest", "clip", "toend"):
            total -= start
        if "size" in self.faults:
            total += 1
        if how != "nolength":
            self.headers["Content-Range"] = "bytes %d-%d/%d" % (
                said, said + length - 1, total)

    def _gzip(self):
        data = gzip.compress(os.pread(self.fd, self.length, self.start), 1)
        self.headers["Content-Encoding"] = "gzip"
        self.headers["Content-Length"] = str(len(data))
        return [("bytes", data)]

    def _spoil(self, steps):
        start, end = self.start, self.start + self.length
        flip = self.faults.get("flip")
        if flip and flip.after < self.length:
            at = start + flip.after
            byte = os.pread(self.fd, 1, at)[0] ^ 0x01
            steps = [("file", start, at - start), ("bytes", bytes([byte])),
                     ("file", at + 1, end - at - 1)]
        short = self.faults.get("short")
        if short:
            steps = cut(steps, self.length - int(short.value or 1))
            steps.append(("strike", short))
        for name in ("reset", "close", "stall"):
            if name in self.faults:
                steps = split(steps, self.faults[name])
        if "chunked" in self.faults:
            del self.headers["Content-Length"]
            self.headers["Transfer-Encoding"] = "chunked"
            steps = [self._chunk(step) for step in steps]
            if steps[-1][0] != "strike":
                steps.append(("bytes", b"0\r\n\r\n"))
        return steps

    def _chunk(self, step):
        """A step as a chunk of Transfer-Encoding: chunked."""
        if step[0] == "strike":
            return step
        data = step[1]
        if step[0] == "file":
            data = os.pread(self.fd, step[2], step[1])
        return "bytes", b"%x\r\n%s\r\n" % (len(data), data)

    def run(self, conn, head, steps, end):
        """Send head and body.  `end()` is called before the last byte of
        them, which counts as sent."""
        steps = apart(steps)
        if not steps:
            end()
        conn.send(head)
        for number, step in enumerate(steps):
            if number == len(steps) - 1:
                if step[0] != "strike":
                    self.req.sent += length_of(step)
                end()
            if step[0] == "file":
                send = conn.send_file
                if "trickle" in self.faults:
                    send = partial(self.faults["trickle"].trickle, conn)
                for sent in send(self.fd, step[1], step[2]):
                    self.req.cut += sent
                self.req.cut -= step[2]
                self.req.sent += step[2]
            elif step[0] == "bytes":
                conn.send(step[1])
                self.req.sent += len(step[1])
            elif step[1].name == "short":
                raise Hangup
            else:
                step[1].strike(conn)


def length_of(step):
    return step[2] if step[0] == "file" else len(step[1])


def cut(steps, keep):
    """The first `keep` bytes of the steps."""
    kept = []
    for step in steps:
        if keep <= 0:
            break
        if length_of(step) > keep:
            step = (("file", step[1], keep) if step[0] == "file"
                    else ("bytes", step[1][:keep]))
        kept.append(step)
        keep -= length_of(step)
    return kept


def split(steps, fault):
    """The steps with `fault` striking at its byte."""
    head = cut([s for s in steps if s[0] != "strike"], fault.after)
    done = sum(length_of(step) for step in head)
    tail = []
    for step in steps:
        if step[0] == "strike":
            tail.append(step)
            continue
        here = min(done, length_of(step))
        done -= here
        if here == length_of(step):
            continue
        tail.append(("file", step[1] + here, step[2] - here)
                    if step[0] == "file" else ("bytes", step[1][here:]))
    return head + [("strike", fault)] + tail


def apart(steps):
    """The same steps, with the last byte of a file on its own."""
    steps = [s for s in steps if s[0] == "strike" or length_of(s)]
    if steps and steps[-1][0] == "file" and steps[-1][2] > 1:
        _, start, length = steps.pop()
        steps += [("file", start, length - 1),
                  ("file", start + length - 1, 1)]
    return steps
