# SPDX-License-Identifier: GPL-3.0-or-later
"""The server: which request is what, and one function for each kind."""

import gzip
import hashlib
import json
import os
import re
import time
import zlib
from urllib.parse import quote, unquote

from .conn import Hangup
from .control import control
from .counters import Counters
from .dialects import DIALECTS
from .download import Download, parse_range
from .faults import Faults, trip_of
from .links import Signer
from .locks import Locks
from .login import Login
from .steps import Steps
from .store import Refused, Store

HTTP_TIME = "%a, %d %b %Y %H:%M:%S GMT"
LFS_JSON = "application/vnd.git-lfs+json"
TOKEN = "X-Object-Token"
API = re.compile(r"/(.+?)(?:\.git)?/info/lfs/(.+)\Z")
OBJECT = re.compile(r"/(.+)/(object|part|block|init|commit|abort)/"
                    r"([0-9a-f]{64})\Z")
REASONS = {200: "OK", 206: "Partial Content", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           416: "Range Not Satisfiable", 503: "Service Unavailable"}
# Statuses that begin with 2 but do not mean that a request has done its work.
UNTRUE = {
    "page": (200, "text/html", b"<!doctype html><h1>Please sign in</h1>"),
    "false": (200, LFS_JSON, b'{"success": false, "message": "no room"}'),
    "error": (200, LFS_JSON, b'{"error": {"message": "no room"}}'),
    "errors": (200, LFS_JSON, b'{"errors": [{"message": "no room"}]}'),
    "xml": (200, "application/xml", b'<Error xmlns="http://s3.example/">'
            b"<Code>NoSuchUpload</Code></Error>"),
    "cut": (200, LFS_JSON, b'{"oid": "'),
    "202": (202, LFS_JSON, b"{}"),
    "206": (206, LFS_JSON, b"{}"),
}
PAGE = (b"<!DOCTYPE html>\n<html lang=en><head><Title dir=ltr>\n  Blocked by "
        b"the\n  office\x9b31m proxy </title></head></html>")
# C1 controls raw and as UTF-8, ESC, a bidi override and a new line.
WORDS = (b"<Error><Code>Rude</Code><Message>\x9b31m\xc2\x9b31m\x1b[31m"
         b"\xe2\x80\xaeno\nyes\xc2\x85</Message></Error>")
# Lines of WWW-Authenticate: who wants NTLM, and who offers Basic as well.
OTHER_LOGINS = {
    "": ["NTLM"],
    "last": ['Digest realm="a, Basic"', "Negotiate, NTLM"],
    "basic": ["Negotiate, NTLM", 'Basic realm="test"'],
}
FORBIDDEN = ("authorization", "content-type", "expect", "transfer-encoding")


class Answer:
    def __init__(self, status, body=b"", headers=None, download=None):
        self.status = status
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.body = body
        self.headers = headers or {}
        self.download = download


def problem(status, text, headers=None):
    return Answer(status, {"message": text},
                  dict(headers or {}, **{"Content-Type": LFS_JSON}))


def compress(answer, how):
    if how == "bomb":
        answer.body = b" " * (80 << 20) + answer.body
    if how == "deflate":
        answer.body = zlib.compress(answer.body)
    else:
        answer.body = gzip.compress(answer.body)
    answer.headers["Content-Encoding"] = how if how == "deflate" else "gzip"


def untrue(fault):
    status, kind, body = UNTRUE[fault.value]
    return Answer(status, body, {"Content-Type": kind})


def other_host(origin):
    """The same server by another name."""
    return origin.replace("127.0.0.1", "localhost")


def flat(actions):
    """All actions; `parts` is a list of some."""
    for action in actions.values():
        yield from action if isinstance(action, list) else [action]


def s3_problem(status, code, headers=None):
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code>'
            "<Message>%s</Message></Error>" % (code, code)).encode()
    return Answer(status, body, dict(headers or {},
                                     **{"Content-Type": "application/xml"}))


class App:
    def __init__(self, options):
        self.options = options
        self.store = Store(options.root, options.discard,
                           not options.no_hash)
        self.signer = Signer()
        self.login = Login(options.auth, options.bearer)
        self.locks = Locks()
        self.other_login = Login(options.other_login, None)
        self.counters = Counters()
        self.faults = Faults(options.fault)
        self.steps = Steps(self)
        self.dialect = DIALECTS[options.dialect](self)
        self.basic = DIALECTS["basic"](self)
        self.origins = {}       # filled by server.py: "main" and "plain"

    # The base from which dialects are built.

    def object_action(self, method, origin, repo, oid):
        path = "/%s/object/%s" % (repo, oid)
        if self.options.presigned:
            return {"href": other_host(origin) + self.signer.amz(
                method, path, {}, self.options.expires)}
        if self.options.other_login:
            return {"href": other_host(origin) + quote(path)}
        if self.options.presigned_here:
            return {"href": origin + self.signer.amz(
                method, path, {}, self.options.expires)}
        action = self.with_token(origin + quote(path), repo, oid)
        if method == "PUT" and self.options.chunked_put:
            action.setdefault("header", {})["Transfer-Encoding"] = "chunked"
        return action

    def verify_action(self, origin, repo):
        return self.with_token("%s/%s.git/info/lfs/verify" % (
            origin, quote(repo)), repo, "verify")

    def with_token(self, href, *words):
        """An action that says who may do it, or leaves that to the login."""
        if self.options.api_login:
            return {"href": href}
        return {"href": href, "header": {TOKEN: self.signer.token(*words)}}

    def part_link(self, origin, upload, number):
        path = "/%s/part/%s" % (upload.repo, upload.oid)
        query = {"partNumber": str(number), "uploadId": upload.id}
        return origin + self.signer.amz("PUT", path, query,
                                        self.options.expires)

    # From a connection to an answer.

    def serve(self, conn):
        while True:
            req = conn.read_request()
            if not req:
                return
            self.route(req)
            self.counters.begin(req)
            req.faults = self.faults.take(req)
            if req.kind != "get":
                req.trip = trip_of(req)
            try:
                self.answer(conn, req)
            finally:
                self.counters.end(req)
            if not req.keep or req.left:
                return

    def route(self, req):
        api, obj = API.match(req.path), OBJECT.match(req.path)
        if req.path.startswith("/_control/"):
            req.kind = "control"
        elif api:
            req.repo = unquote(api.group(1))
            rest = api.group(2)
            req.kind = {"objects/batch": "batch", "verify": "verify"}.get(
                rest, "locks" if rest.startswith("locks") else "other")
        elif req.path.endswith("/complete_multipart"):
            req.kind = "complete"
            upload = self.store.upload(req.query.get("uploadId"))
            req.oid = upload.oid if upload else None
        elif obj:
            self.route_object(req, *obj.groups())

    @staticmethod
    def route_object(req, repo, what, oid):
        req.repo, req.oid, req.what = unquote(repo), oid, what
        if what in ("part", "block"):
            req.kind = "part"
            number = req.query.get("partNumber", "")
            req.part = int(number) if number.isdigit() else 0
        elif what != "object":
            req.kind = what
        else:
            req.kind = "put" if req.method == "PUT" else "get"
            if req.kind == "get":
                asked = parse_range(req.headers.get("range"), 1 << 62)
                req.start = asked[0] if asked else 0

    def answer(self, conn, req):
        if self.options.delay:
            time.sleep(self.options.delay / 1000)
        answer = self.before(conn, req)
        if not answer:
            try:
                answer = getattr(self, "do_" + req.kind)(conn, req)
            except Refused as refused:
                answer = problem(400, str(refused))
        if req.left and req.left < (1 << 30) and not self.is_early(req):
            conn.receive(req)
        if "lost-answer" in req.faults:
            raise Hangup
        if "gzip" in req.faults and not answer.download:
            compress(answer, req.faults["gzip"].value)
        if "untrue" in req.faults:
            answer = untrue(req.faults["untrue"])
        self.write(conn, req, answer)

    @staticmethod
    def is_early(req):
        return any(fault.early for fault in req.faults.values())

    def before(self, conn, req):
        """The answer of a fault that leaves the request undone, or None."""
        found = req.faults
        if "crowd" in found and not self.counters.admit(
                req, int(found["crowd"].value)):
            return Answer(found["crowd"].code, b"", found["crowd"].headers())
        if "delay" in found:
            time.sleep(float(found["delay"].value) / 1000)
        if "slow-finish" in found:
            time.sleep(float(found["slow-finish"].value))
        if "garbage" in found:
            self.counters.end(req)
            conn.send(b"\x00\xff SMTP ready\r\n\r\n")
            raise Hangup
        if "page" in found and found["page"].value:
            return Answer(int(found["page"].value), PAGE,
                          {"Content-Type": "text/html; charset=utf-8"})
        if "page" in found:
            self.counters.end(req)
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                      b"Connection: close\r\n\r\n<p>Please hold.</p>\r\n")
            raise Hangup
        if "status" in found:
            fault = found["status"]
            return self.refusal(req, int(fault.value), fault.headers())
        if "words" in found:
            return Answer(int(found["words"].value), WORDS,
                          {"Content-Type": "application/xml"})
        if "range" in found and "range" in req.headers:
            how = found["range"].value
            if how.isdigit():
                return self.refusal(req, int(how))
        if "ntlm" in found:
            return self.refusal(req, 401, {
                "WWW-Authenticate": OTHER_LOGINS[found["ntlm"].value]})
        if "s3-timeout" in found:
            return s3_problem(400, "RequestTimeout")
        if "late-error" in found:
            conn.read_small(req)
            return s3_problem(200, found["late-error"].value)
        if "untrue" in found and not found["untrue"].done:
            return untrue(found["untrue"])
        if "expired" in found:
            return self.expired(found["expired"])
        if "redirect" in found:
            return self.redirect(req, found["redirect"])
        return None

    def expired(self, fault):
        if fault.value != "mute":
            return s3_problem(403, "Request has expired")
        late = time.gmtime(time.time() + self.options.expires + 1)
        return Answer(403, b"<Error><Code>AccessDenied</Code><Message>"
                      b"</Message></Error>",
                      {"Date": time.strftime(HTTP_TIME, late)})

    @staticmethod
    def refusal(req, status, headers=None):
        text = "fault: status %d" % status
        if req.kind == "part":
            return s3_problem(status, text, headers)
        return problem(status, text, headers)

    def redirect(self, req, fault):
        """The redirect, or None if the request has been there already."""
        origin = self.origins["main"]
        target = fault.value
        if (target in ("otherhost", "downgrade")
                and req.host != origin.split("//")[1]):
            return None
        if target in ("self", "loop"):
            target = "%s://%s%s" % (origin.split(":")[0], req.host,
                                    req.target)
        elif target == "otherhost":
            target = other_host(origin) + req.target
        elif target == "downgrade":
            target = self.origins["plain"] + req.target
        return Answer(fault.code, b"moved", {"Location": target})

    def write(self, conn, req, answer):
        req.status = answer.status
        headers = dict(answer.headers)
        steps = None
        if answer.download:
            steps = answer.download.plan()
            req.status = answer.status = answer.download.status
            headers.update(answer.download.headers)
        else:
            headers["Content-Length"] = str(len(answer.body))
        if req.left or not req.keep:
            headers["Connection"] = "close"
        # As S3 does, for whoever asks its owner what went wrong.
        headers["x-amz-request-id"] = "TEST-" + req.kind.upper()
        headers.setdefault("Date", time.strftime(HTTP_TIME, time.gmtime()))
        head = "HTTP/1.1 %d %s\r\n" % (answer.status, REASONS.get(
            answer.status, "Fault"))
        head += "".join("%s: %s\r\n" % (name, line)
                        for name, value in headers.items()
                        for line in ([value] if isinstance(value, str)
                                     else value))
        head = head.encode("latin-1") + b"\r\n"
        if steps is None:
            req.sent += len(answer.body)
            self.counters.end(req)
            conn.send(head + answer.body)
            return
        try:
            if req.method == "HEAD":
                steps = []
            answer.download.run(conn, head, steps,
                                lambda: self.counters.end(req))
        finally:
            os.close(answer.download.fd)

    # One function for each kind of request.

    def do_other(self, conn, req):
        return problem(404, "no such page")

    def do_locks(self, conn, req):
        if self.options.locks != 200:
            return problem(self.options.locks, "this server does no locking")
        rest = API.match(req.path).group(2)[len("locks"):].strip("/")
        asked = json.loads(conn.read_small(req) or "{}")
        refused = self.unauthorized(req)
        if refused:
            return refused
        return Answer(*self.locks.answer(req, rest, asked),
                      {"Content-Type": LFS_JSON})

    def unauthorized(self, req):
        """The 401 answer if the API wants a password and has none."""
        if self.login.is_good(req):
            return None
        return problem(401, "who are you?", self.login.headers())

    def unauthorized_there(self, req):
        """The same at the other host, which must not see the API's."""
        if self.other_login.is_good(req):
            return None
        if self.login.taken and self.login.is_good(req):
            self.counters.add("leaked_headers")
        return problem(401, "and here?", self.other_login.headers())

    def do_batch(self, conn, req):
        body = conn.read_small(req)
        refused = self.unauthorized(req)
        if refused and not self.options.open_batch:
            return refused
        if self.options.cookie not in (None, req.headers.get("cookie")):
            return problem(403, "no cookie")
        asked = json.loads(body)
        self.counters.add("asked", len(asked["objects"]))
        req.ref = asked.get("ref", {}).get("name")
        offered = asked.get("transfers", ["basic"])
        name = self.dialect.choose(asked["operation"], offered)
        dialect = self.dialect if name != "basic" else self.basic
        if self.dialect.transfer == "basic":
            dialect = self.dialect
        objects = [self.batch_object(req, dialect, asked["operation"], each)
                   for each in asked["objects"]]
        return Answer(200, {"transfer": name, "objects": objects,
                            "hash_algo": "sha256"},
                      {"Content-Type": LFS_JSON})

    def batch_object(self, req, dialect, operation, asked):
        oid, size = asked["oid"], asked["size"]
        have = self.store.size(req.repo, oid)
        result = {"oid": oid, "size": size,
                  "authenticated": not (self.options.api_login
                                        or self.options.presigned
                                        or self.options.other_login
                                        or self.options.presigned_here)}
        origin = self.origins["main"]
        if "elsewhere" in req.faults:
            origin = "http://" + req.faults["elsewhere"].value
        if "object" in req.faults:
            code = int(req.faults["object"].value)
            result["error"] = {"code": code, "message": "fault: object"}
        elif operation == "download":
            if have is None:
                result["error"] = {"code": 404, "message": "no such object"}
            else:
                result["actions"] = dialect.download(origin, req.repo, oid,
                                                     have)
        elif have is None:
            result["actions"] = dialect.upload(origin, req.repo, oid, size)
        elif "verify" in req.faults and req.faults["verify"].value != "none":
            result["actions"] = {
                "verify": self.verify_action(origin, req.repo)}
        if "verify" in req.faults and req.faults["verify"].value == "none":
            result.get("actions", {}).pop("verify", None)
        login = req.headers.get("authorization")
        for action in flat(result.get("actions", {})):
            if self.options.echo_login and login:
                action.setdefault("header", {})["Authorization"] = login
            if self.options.expires_in:
                action["expires_in"] = self.options.expires
            if self.options.expires_at:
                action["expires_at"] = time.strftime(
                    "%Y-%m-%dT%H:%M:%SZ",
                    time.gmtime(time.time() + self.options.expires))
        if "size" in req.faults:
            result["size"] = size + 1
        return result

    def do_verify(self, conn, req):
        asked = json.loads(conn.read_small(req))
        refused = self.bad_token(req, req.repo, "verify")
        if refused:
            return refused
        refused = self.steps.verify(req, asked)
        if refused:
            return problem(*refused)
        if self.store.size(req.repo, asked["oid"]) != asked["size"]:
            return problem(404, "no such object of this size")
        return Answer(200, {}, {"Content-Type": LFS_JSON})

    def bad_token(self, req, *words):
        """The answer that refuses a request for want of a token of these
        words, or as it has been carried to another host; or None."""
        given = req.headers.get(TOKEN.lower())
        if req.host != self.origins["main"].split("//")[1]:
            if self.options.other_login and given is None:
                return self.unauthorized_there(req)
            if given is not None or "authorization" in req.headers:
                self.counters.add("leaked_headers")
                return problem(400, "a header was carried to another host")
            reason = "X-Amz-Date" in req.query and self.signer.refusal(req)
            return s3_problem(403, reason) if reason else None
        if "X-Amz-Signature" in req.query:
            reason = self.signer.refusal(req)
            if "authorization" in req.headers:
                return s3_problem(400, "InvalidArgument")
            return s3_problem(403, reason) if reason else None
        if self.options.api_login:
            return self.unauthorized(req)
        reason = self.signer.token_refusal(given, *words)
        return problem(403, reason) if reason else None

    def do_get(self, conn, req):
        refused = self.bad_token(req, req.repo, req.oid)
        if refused:
            return refused
        try:
            fd = os.open(self.store.path(req.repo, req.oid), os.O_RDONLY)
        except OSError:
            return problem(404, "no such object")
        size = os.fstat(fd).st_size
        return Answer(200, download=Download(req, fd, size,
                                             '"%s"' % req.oid[:32]))

    def do_put(self, conn, req):
        refused = self.bad_token(req, req.repo, req.oid)
        if refused:
            return refused
        if req.chunked != self.options.chunked_put:
            req.keep = False
            return problem(411, "length required, or not wanted")
        body = conn.read_chunked(req) if req.chunked else b""
        size = len(body) or req.length
        upload = self.store.new_upload(req.repo, req.oid, size, max(1, size))
        try:
            if body:
                upload.sink(0)(memoryview(body), 0)
            conn.receive(req, upload.sink(0))
            upload.finish()
        finally:
            upload.drop()
            self.store.forget(upload)
        return Answer(200)

    def do_init(self, conn, req):
        return self.do_step(conn, req)

    def do_commit(self, conn, req):
        return self.do_step(conn, req)

    def do_abort(self, conn, req):
        return self.do_step(conn, req)

    def do_step(self, conn, req):
        reason = self.signer.refusal(req)
        if reason:
            conn.read_small(req)
            return s3_problem(403, reason)
        status, text = getattr(self.steps, req.kind)(conn, req)
        return Answer(status) if status < 300 else s3_problem(status, text)

    def do_part(self, conn, req):
        if req.what == "block":
            return self.do_block(conn, req)
        reason = self.signer.refusal(req)
        if reason:
            return s3_problem(403, reason)
        bad = [name for name in FORBIDDEN if name in req.headers]
        if bad or "content-length" not in req.headers:
            self.counters.add("refused_puts")
            req.keep = False
            return s3_problem(400, "forbidden header: " +
                              (" ".join(bad) or "no Content-Length"))
        upload = self.store.upload(req.query["uploadId"])
        if not upload:
            return s3_problem(404, "NoSuchUpload")
        if req.length != upload.length(req.part):
            return s3_problem(400, "EntityTooLarge: %d bytes of %d" % (
                req.length, upload.length(req.part)))
        etag = self.take_part(conn, req, upload)
        if "etag" in req.faults:
            if req.faults["etag"].value == "missing":
                return Answer(200)
            etag = '"%s"' % ("0" * 32)
        return Answer(200, b"", {"ETag": etag})

    def do_block(self, conn, req):
        reason = self.signer.refusal(req)
        if reason:
            return s3_problem(403, reason)
        status, text = self.steps.part(conn, req)
        if text:
            self.counters.add("refused_puts")
            req.keep = False
            return s3_problem(status, text)
        return Answer(status)

    def take_part(self, conn, req, upload):
        write = upload.sink((req.part - 1) * upload.chunk)
        digest = hashlib.md5()
        if self.options.etag == "md5" and write:
            def sink(view, pos):
                digest.update(view)
                write(view, pos)
        else:
            digest.update(os.urandom(16))
            sink = write
        conn.receive(req, sink)
        etag = '"%s"' % digest.hexdigest()
        upload.parts[req.part] = etag
        return etag

    def do_complete(self, conn, req):
        body = conn.read_small(req)
        reason = self.signer.refusal(req)
        upload = self.store.upload(req.query.get("uploadId"))
        if reason:
            return problem(403, reason)
        if not upload:
            return problem(404, "NoSuchUpload")
        try:
            asked = json.loads(body)
            self.check_parts(upload, asked)
            upload.finish()
        except (ValueError, KeyError, TypeError) as error:
            return problem(400, "bad completion: %r" % error)
        self.store.forget(upload)
        return Answer(200, {}, {"Content-Type": LFS_JSON})

    @staticmethod
    def check_parts(upload, asked):
        if asked["oid"] != upload.oid:
            raise Refused("wrong oid")
        numbers = [part["partNumber"] for part in asked["parts"]]
        if numbers != list(range(1, upload.count + 1)):
            raise Refused("InvalidPartOrder")
        for part in asked["parts"]:
            number = part["partNumber"]
            if part["etag"] != upload.parts.get(number):
                raise Refused("InvalidPart: ETag of part %d" % number)

    def do_control(self, conn, req):
        body = conn.read_small(req).decode()
        try:
            return Answer(200, control(self, req, body))
        except ValueError as error:
            return problem(400, str(error))
        except LookupError as error:
            return problem(404, str(error))
