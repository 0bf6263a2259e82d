# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads whose parts are actions of their own: giftless and the proposal.

A `Session` is one object on its way in.  It outlives the batch answer that it
was made for: another one names only the parts that are missing.  `Steps` is the
server's side of the requests; it believes nothing and forgives nothing.
"""

import base64
import hashlib
import json
import secrets
import threading

AUTHORIZATION = "Bearer part"


class Session:
    def __init__(self, dialect, upload):
        self.dialect, self.upload = dialect, upload
        self.begun = not dialect.has_init
        self.stored = set()
        self.token = secrets.token_hex(8)
        # The client must send these back as they are.
        self.body = ('<?xml version="1.0" encoding="utf-8"?>'
                     "<BlockList>%s\u00e9\t&amp;</BlockList>" % "".join(
                         "<Uncommitted>%d</Uncommitted>" % number
                         for number in self.numbers()))
        self.params = {"uploadId": upload.id, "deep": [{"nul": None}, 1.5],
                       "partIds": self.numbers()}

    def numbers(self):
        return list(range(1, self.upload.count + 1))

    def missing(self):
        return [n for n in self.numbers() if n not in self.stored]


def digest(name, data):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


class Steps:
    def __init__(self, app):
        self.app = app
        self.sessions = {}
        self.lock = threading.Lock()

    def session(self, dialect, repo, oid, size):
        """The upload of the object, a new one if there is none."""
        with self.lock:
            found = self.sessions.get((repo, oid))
            if not found:
                store = self.app.store
                found = Session(dialect, store.new_upload(
                    repo, oid, size, self.app.options.chunk_size))
                self.sessions[repo, oid] = found
            return found

    def find(self, req, oid=None):
        return self.sessions.get((req.repo, oid or req.oid))

    def end(self, req, oid=None):
        with self.lock:
            session = self.sessions.pop((req.repo, oid or req.oid))
        self.app.store.forget(session.upload)
        return session.upload

    @staticmethod
    def bad_head(req, session, method):
        """Say what is wrong with the head of the request, or return None."""
        if req.method != method:
            return 405, "the method is %s, not %s" % (req.method, method)
        if "content-length" not in req.headers or req.chunked:
            return 411, "no Content-Length"
        if "expect" in req.headers:
            return 400, "Expect"
        if req.headers.get("x-upload-token") != session.token:
            return 403, "X-Upload-Token is missing or wrong"
        return None

    # Each returns a status and, if it is no success, why.

    def init(self, conn, req):
        body = conn.read_small(req)
        session = self.find(req)
        if not session:
            return 404, "NoSuchUpload"
        bad = self.bad_head(req, session, "POST")
        if bad or body:
            return bad or (400, "a body that nobody gave")
        session.begun = True
        return 201, ""

    def part(self, conn, req):
        session = self.find(req)
        if not session:
            return 404, "NoSuchUpload"
        bad = self.bad_part(req, session)
        if bad:
            return bad
        upload = session.upload
        pieces = []
        conn.receive(req, lambda view, pos: pieces.append(bytes(view)))
        data = b"".join(pieces)
        bad = session.dialect.bad_digest(req, data)
        if bad:
            return 400, "%s: %s" % (bad, sorted(req.headers))
        sink = upload.sink((req.part - 1) * upload.chunk)
        if sink:
            sink(memoryview(data), 0)
        session.stored.add(req.part)
        return 201, ""

    def bad_part(self, req, session):
        if not session.begun:
            return 409, "no init before the first part"
        bad = self.bad_head(req, session, session.dialect.part_method)
        if bad:
            return bad
        if req.headers.get("authorization") != AUTHORIZATION:
            return 401, "the part's Authorization is missing or wrong"
        if "content-type" in req.headers:
            return 400, "a Content-Type that nobody gave"
        if req.length != session.upload.length(req.part):
            return 400, "%d bytes of %d" % (req.length,
                                            session.upload.length(req.part))
        return None

    def commit(self, conn, req):
        body = conn.read_small(req)
        session = self.find(req)
        if not session:
            return 404, "NoSuchUpload"
        bad = self.bad_head(req, session, "PUT")
        if bad:
            return bad
        if req.headers.get("content-type") != "text/xml; charset=utf8":
            return 400, "another Content-Type"
        if body != session.body.encode():
            return 400, "InvalidBlockList: %r" % body
        if session.missing():
            return 409, "parts %r are missing" % session.missing()
        self.end(req).finish()
        return 201, ""

    def abort(self, conn, req):
        body = conn.read_small(req)
        session = self.find(req)
        if not session:
            return 404, "NoSuchUpload"
        bad = self.bad_head(req, session, "DELETE")
        if bad or body:
            return bad or (400, "a body that nobody gave")
        self.end(req).drop()
        return 202, ""

    def verify(self, req, asked):
        """Before any other check of a verify: what is wrong, or None.  It
        finishes an upload that has no commit."""
        session = self.find(req, asked["oid"])
        if not session or session.dialect.has_commit:
            return (400, "params that nobody gave") if "params" in asked \
                else None
        if json.dumps(asked.get("params")) != json.dumps(session.params):
            return 400, "params: %r" % asked.get("params")
        if session.missing():
            return 409, "parts %r are missing" % session.missing()
        self.end(req, asked["oid"]).finish()
        return None
