#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_check.py ROOT: does the test server refuse what it must refuse?

A small multipart client plays each mistake once and the right thing last.
Exits 1 at the first surprise.
"""

import hashlib
import http.client
import json
import sys
from urllib.parse import urlsplit

sys.dont_write_bytecode = True

import server as server_  # noqa: E402
from lfsserver.app import App  # noqa: E402

DATA = bytes(range(256)) * 10
OID = hashlib.sha256(DATA).hexdigest()
CHUNK = 1000


def start(root, *options):
    app = App(server_.parse_options(
        ["--root", root, "--chunk-size", str(CHUNK), *options]))
    port = server_.Listener(app, None)
    app.origins["main"] = app.origins["plain"] = port.url
    port.start()
    return app


def ask(url, method, body=b"", headers=None, bare=False):
    """(status, headers, body) of one request; `bare` sends no length."""
    url = urlsplit(url)
    conn = http.client.HTTPConnection(url.netloc, timeout=10)
    conn.putrequest(method, url.path + "?" + url.query,
                    skip_accept_encoding=True)
    if not bare:
        conn.putheader("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
        conn.putheader(name, value)
    conn.endheaders(body)
    answer = conn.getresponse()
    return answer.status, answer.headers, answer.read()


def want(what, status, *request, **more):
    found, headers, body = ask(*request, **more)
    if found != status:
        sys.exit("%s: status %d, not %d: %r" % (what, found, status, body))
    return headers


def new_upload(app):
    body = {"operation": "upload", "transfers": ["multipart"],
            "objects": [{"oid": OID, "size": len(DATA)}]}
    found = ask(app.origins["main"] + "/r.git/info/lfs/objects/batch", "POST",
                json.dumps(body).encode())[2]
    action = json.loads(found)["objects"][0]["actions"]["upload"]
    parts = [action["header"]["%05d" % number] for number in (1, 2, 3)]
    return action["href"], parts


def part(number):
    return DATA[(number - 1) * CHUNK:number * CHUNK]


def completion(etags, oid=OID, first=1):
    return json.dumps({"oid": oid, "parts": [
        {"partNumber": number, "etag": etag}
        for number, etag in enumerate(etags, first)]}).encode()


def check_parts(app):
    _, urls = new_upload(app)
    url = urls[0]
    for name, value in (("Authorization", "Basic eA=="),
                        ("Content-Type", "text/plain")):
        want(name, 400, url, "PUT", part(1), {name: value})
    want("no length", 400, url, "PUT", bare=True)
    if app.counters.numbers()["refused_puts"] != 3:
        sys.exit("refused PUTs are not counted")
    want("too short", 400, url, "PUT", part(1)[1:])
    want("signature", 403, url.replace("partNumber=1", "partNumber=2"),
         "PUT", part(2))
    want("no upload", 403, url.replace("uploadId=", "uploadId=0"), "PUT",
         part(1))
    app.faults.add(["etag=missing", "status=503,on=part,skip=1"])
    headers = want("missing ETag", 200, url, "PUT", part(1))
    if headers["ETag"]:
        sys.exit("an ETag, in spite of the fault")
    want("503", 503, url, "PUT", part(1))


def check_complete(app):
    href, urls = new_upload(app)
    etags = [want("part", 200, url, "PUT", part(number))["ETag"]
             for number, url in enumerate(urls, 1)]
    want("order", 400, href, "POST", completion(etags[::-1]))
    want("one missing", 400, href, "POST", completion(etags[:2]))
    want("from 0", 400, href, "POST", completion(etags, first=0))
    want("oid", 400, href, "POST", completion(etags, oid="0" * 64))
    want("quotes", 400, href, "POST",
         completion([etag.strip('"') for etag in etags]))
    want("not JSON", 400, href, "POST", b"x")
    want("right", 200, href, "POST", completion(etags))
    want("again", 404, href, "POST", completion(etags))


def check_hash(app):
    href, urls = new_upload(app)
    etags = [want("part", 200, url, "PUT", b"x" * len(part(number)))["ETag"]
             for number, url in enumerate(urls, 1)]
    want("wrong bytes", 400, href, "POST", completion(etags))


def main():
    root = sys.argv[1]
    app = start(root)
    check_parts(app)
    check_hash(app)
    check_complete(app)
    app = start(root + ".old", "--expires", "-1")
    href, urls = new_upload(app)
    want("expired part", 403, urls[0], "PUT", part(1))
    want("expired completion", 403, href, "POST", completion([]))


if __name__ == "__main__":
    main()
