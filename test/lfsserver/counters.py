# SPDX-License-Identifier: GPL-3.0-or-later
"""A record of all requests: numbers for checks, a log for people.

    connections          accepted so far
    connections_max      most open at one time
    transfers_max        most bodies of objects moving at one time
    refused_puts         part PUTs with a header that a presigned link forbids
    leaked_headers       requests at another host that carried a token
    if_range             requests with that header
    asked                objects in all batch requests
    requests, bytes_in, bytes_out, bytes_cut, authorization
                         by kind: batch verify locks part complete init
                         commit abort put get; `cut` is of files that did not
                         go out to their end, and may be in no one's hands
    status               answers by status
    parts                by oid, then by part number: how often it was sent
"""

import copy
import threading
from collections import Counter, defaultdict

TRANSFERS = ("part", "put", "get")
LOG_MAX = 200000


class Counters:
    def __init__(self):
        self.lock = threading.Lock()
        self.open = self.moving = self.resets = 0
        self.admitted = Counter()       # by host
        self.reset()

    def reset(self):
        with self.lock:
            self.resets += 1
            self.connections = 0
            self.connections_max = self.open
            self.transfers_max = self.moving
            self.refused_puts = self.leaked_headers = self.if_range = 0
            self.asked = 0
            self.requests = Counter()
            self.bytes_in = Counter()
            self.bytes_out = Counter()
            self.bytes_cut = Counter()
            self.authorization = Counter()
            self.status = Counter()
            self.parts = defaultdict(Counter)
            self.entries = []

    def connected(self, step):
        with self.lock:
            self.open += step
            self.connections += step > 0
            self.connections_max = max(self.connections_max, self.open)

    def add(self, name, step=1):
        with self.lock:
            setattr(self, name, getattr(self, name) + step)

    def begin(self, req):
        with self.lock:
            req.moving = req.kind in TRANSFERS
            req.resets = self.resets
            self.moving += req.moving
            self.transfers_max = max(self.transfers_max, self.moving)
            self.requests[req.kind] += 1
            self.if_range += "if-range" in req.headers
            if "authorization" in req.headers:
                self.authorization[req.kind] += 1
            if req.kind == "part":
                self.parts[req.oid][str(req.part)] += 1

    def admit(self, req, most):
        """Let it be one of at most so many of its host, until it has
        moved."""
        with self.lock:
            req.admitted = self.admitted[req.host] < most
            self.admitted[req.host] += req.admitted
            return req.admitted

    def end(self, req):
        """Count the request; the second call does nothing.  To be called
        before the last byte of the answer: with it the client may end, and
        whoever waits for that looks at the counts."""
        with self.lock:
            if req.ended:
                return
            req.ended = True
            self.moving -= req.moving
            self.admitted[req.host] -= req.admitted
            if req.resets != self.resets:
                return      # it had begun before the count did
            self.bytes_in[req.kind] += req.got
            self.bytes_out[req.kind] += req.sent
            self.bytes_cut[req.kind] += req.cut
            self.status[str(req.status)] += 1
            if len(self.entries) < LOG_MAX:
                self.entries.append(self._entry(req))

    @staticmethod
    def _entry(req):
        entry = {"kind": req.kind, "method": req.method, "path": req.path,
                 "host": req.host, "status": req.status, "in": req.got,
                 "out": req.sent, "headers": sorted(req.headers)}
        for name in ("oid", "part", "ref"):
            if getattr(req, name) is not None:
                entry[name] = getattr(req, name)
        if "range" in req.headers:
            entry["range"] = req.headers["range"]
        if req.faults:
            entry["faults"] = sorted(req.faults)
        return entry

    def numbers(self):
        names = ("connections", "connections_max", "transfers_max",
                 "refused_puts", "leaked_headers", "if_range", "asked",
                 "requests", "bytes_in", "bytes_out", "bytes_cut",
                 "authorization", "status", "parts")
        with self.lock:
            return {name: copy.deepcopy(getattr(self, name))
                    for name in names}

    def log(self):
        with self.lock:
            return list(self.entries)
