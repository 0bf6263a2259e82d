# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults by name.

A fault is written `NAME[=VALUE][,KEY=VALUE...]`.  Keys that choose the request:

    on=KIND     batch verify locks part complete init commit abort put get
                (default: the kind that the fault is about, else any of them)
    oid=PREFIX  only objects whose oid starts so
    part=N      only this part number
    from=N      only a GET whose range starts at this byte
    times=N     how many requests it spoils (default 1; 0: all of them)
    skip=N      how many matching requests go well before
    every=N     only each Nth of those

Keys that shape it:

    after=N     the body byte at which it strikes (default 0)
    code=N      the status of a redirect (default 307) or of a crowd (503)
    retry-after=S       adds this header: seconds, or `date+S`
    done=1      does the work all the same
    early=1     answers before reading the request's body

`KINDS` below is the whole list; `test/server.py --list-faults` prints it.
"""

import threading
import time
from email.utils import formatdate

from .conn import Hangup

# Name -> (kind it is about or None, what it does).
KINDS = {
    "status": (None, "answer with this status"),
    "words": (None, "likewise, with words that drive a terminal"),
    "crowd": (None, "refuse what is too many: let only so many bodies of a "
              "host move at once, of whatever object"),
    "s3-timeout": ("part", "answer 400 with S3's RequestTimeout"),
    "expired": ("part", "answer 403 as S3 does for an expired link, or, mute: "
                "as Ceph does, when the link's time is past by our clock"),
    "ntlm": ("batch", "answer 401 and ask for NTLM; or for it last, or for "
             "basic, too"),
    "redirect": ("get", "to a URL, or: self, loop (self for ever), "
                 "otherhost (localhost for 127.0.0.1), downgrade (to http)"),
    "delay": (None, "answer this many milliseconds late"),
    "garbage": (None, "answer with bytes that are not HTTP"),
    "reset": (None, "RST after `after` body bytes, in or out"),
    "close": (None, "FIN without an answer after `after` body bytes"),
    "stall": (None, "stop after `after` body bytes, for this many seconds "
              "(default 3600)"),
    "trickle": ("get", "send a byte a second; or, with on=part: after `after` "
                "bytes read only so many a second"),
    "short": ("get", "end the body this many bytes early (default 1)"),
    "flip": ("get", "spoil the body byte at `after`"),
    "page": ("get", "answer 200 with a page of HTML, of no said length, or "
             "with this status and a page that has a title"),
    "gzip": ("get", "compress the body, with Content-Encoding; with another "
             "`on`, too: deflate, or bomb (80 MiB of blanks before it)"),
    "chunked": ("get", "send the body with Transfer-Encoding: chunked"),
    "range": ("get", "ignored (200 with everything), wrong (Content-Range of "
              "other bytes), part (half of what was asked), unsat (416), "
              "any other status, "
              "nolength (206 without Content-Range), rest (Content-Range with "
              "the size of the rest), toend (likewise, and up to the end), "
              "clip (likewise, and from 3,000,000 at the most)"),
    "size": ("get", "of the object is one too large: in Content-Range, or "
             "with on=batch in the batch answer"),
    "object": ("batch", "of the batch has an error with this code"),
    "elsewhere": ("batch", "its links lead to this host"),
    "verify": ("batch", "an object that is there has an action, for that; or, "
               "none: no object has that action"),
    "etag": ("part", "wrong (not the one the completion wants) or missing; "
             "with on=get: other, weak or missing"),
    "lost-answer": ("complete", "do the work, then hang up"),
    "late-error": ("complete", "answer 200 with S3's <Error> of this code, "
                   "and do nothing"),
    "untrue": ("complete", "do nothing and answer as if all were well, with: "
               "page, false, error, errors, xml, cut, 202 or 206"),
    "slow-finish": ("complete", "wait this many seconds first"),
}


class Fault:
    def __init__(self, spec):
        self.spec = spec
        first, *rest = spec.split(",")
        self.name, _, self.value = first.partition("=")
        if self.name not in KINDS:
            raise ValueError("unknown fault: " + self.name)
        keys = dict(word.partition("=")[::2] for word in rest)
        self.on = keys.pop("on", KINDS[self.name][0])
        self.oid = keys.pop("oid", "")
        self.part = self._int(keys, "part")
        self.start = self._int(keys, "from")
        self.times = self._int(keys, "times", 1)
        self.skip = self._int(keys, "skip", 0)
        self.every = self._int(keys, "every", 1)
        self.after = self._int(keys, "after", 0)
        self.code = self._int(keys, "code",
                              503 if self.name == "crowd" else 307)
        self.done = keys.pop("done", "0") == "1"
        self.early = keys.pop("early", "0") == "1"
        self.retry_after = keys.pop("retry-after", "")
        if keys:
            raise ValueError("unknown key in fault: " + spec)
        if self.value == "loop":
            self.times = 0
        self.hits = self.seen = 0

    @staticmethod
    def _int(keys, name, default=None):
        return int(keys.pop(name)) if name in keys else default

    def matches(self, req):
        if self.on not in (None, "any", req.kind):
            return False
        if req.kind in ("control", "other"):
            return False
        return ((req.oid or "").startswith(self.oid)
                and self.part in (None, req.part)
                and self.start in (None, req.start))

    def take(self):
        """True if this matching request is one to spoil."""
        if self.skip:
            self.skip -= 1
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        if self.times and self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def headers(self):
        if not self.retry_after:
            return {}
        value = self.retry_after
        if value.startswith("date+"):
            value = formatdate(time.time() + int(value[5:]), usegmt=True)
        return {"Retry-After": value}

    def strike(self, conn):
        """In the middle of a body: reset, close or stall."""
        if self.name == "reset":
            conn.reset()
        if self.name == "close":
            raise Hangup
        end = time.monotonic() + float(self.value or 3600)
        while time.monotonic() < end and not self.over:
            time.sleep(0.02)

    def trickle(self, conn, fd, start, length):
        """As Connection.send_file, but slowly."""
        for at in range(start, start + length):
            end = time.monotonic() + 1
            while time.monotonic() < end and not self.over:
                time.sleep(0.02)
            yield from conn.send_file(fd, at, 1)

    over = False


class Faults:
    def __init__(self, specs=()):
        self.lock = threading.Lock()
        self.list = [Fault(spec) for spec in specs]

    def add(self, specs):
        new = [Fault(spec) for spec in specs]
        with self.lock:
            self.list += new

    def clear(self):
        with self.lock:
            for fault in self.list:
                fault.over = True
            self.list = []

    def take(self, req):
        """The faults of this request, by name; at most one of a name."""
        found = {}
        with self.lock:
            for fault in self.list:
                if fault.name in found or not fault.matches(req):
                    continue
                if fault.take():
                    found[fault.name] = fault
        return found

    def state(self):
        with self.lock:
            return [{"fault": f.spec, "hits": f.hits} for f in self.list]


def trip_of(req):
    """The fault that strikes inside this request's body, or None."""
    for name in ("reset", "close", "stall", "trickle"):
        if name in req.faults:
            return req.faults[name]
    return None


def table():
    return "".join("%-12s %-9s %s\n" % (name, on or "any", text)
                   for name, (on, text) in KINDS.items())
