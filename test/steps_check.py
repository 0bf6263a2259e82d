#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""steps_check.py ROOT: does the test server refuse what it must refuse, where
parts are actions of their own?

Like server_check.py: each mistake once, the right thing last.
"""

import base64
import hashlib
import json
import sys

sys.dont_write_bytecode = True

from server_check import DATA, OID, ask, part, start, want  # noqa: E402


def actions(app):
    body = {"operation": "upload", "objects": [{"oid": OID,
                                                "size": len(DATA)}],
            "transfers": ["multipart-basic", "multipart", "basic"]}
    found = ask(app.origins["main"] + "/r.git/info/lfs/objects/batch", "POST",
                json.dumps(body).encode())[2]
    return json.loads(found)["objects"][0].get("actions")


def act(what, status, action, body=b"", method="POST", **headers):
    """Take the action with its own headers, and these in their place."""
    head = dict(action["header"])
    head.update((name.replace("_", "-"), value)
                for name, value in headers.items())
    head = {name: value for name, value in head.items() if value}
    want(what, status, action["href"], action.get("method", method), body,
         head)


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def sha256(data):
    return "SHA-256=" + base64.b64encode(
        hashlib.sha256(data).digest()).decode()


def put(what, status, action, number, **headers):
    act(what, status, action, part(number), "PUT",
        **{"Content-MD5": md5(part(number)), **headers})


def check_parts(app):
    given = actions(app)
    first = given["parts"][0]
    put("no init", 409, first, 1)
    act("init with a body", 400, given["init"], b"x")
    act("init", 201, given["init"])
    put("no digest", 400, first, 1, Content_MD5=None)
    put("wrong digest", 400, first, 1, Content_MD5=md5(b""))
    put("two digests", 400, first, 1, Digest=sha256(part(1)))
    put("no token", 403, first, 1, X_Upload_Token=None)
    put("no Authorization", 401, first, 1, Authorization=None)
    put("a type", 400, first, 1, Content_Type="text/plain")
    put("another part", 400, given["parts"][2], 1)
    put("another method", 403, dict(first, method="POST"), 1)
    put("part 1", 201, first, 1)
    put("part 3", 201, given["parts"][2], 3)
    commit = given["commit"]
    act("too early", 409, commit, commit["body"].encode())


def check_rest(app):
    given = actions(app)
    if "init" in given or [each["pos"] for each in given["parts"]] != [1000]:
        sys.exit("not what is missing: %r" % given)
    put("part 2", 201, given["parts"][0], 2)
    given = actions(app)
    if "parts" in given:
        sys.exit("parts, though all are there")
    commit = given["commit"]
    body = commit["body"].encode()
    act("another body", 400, commit, body[:-1])
    act("another type", 400, commit, body, **{"Content-type": "text/xml"})
    act("commit", 201, commit, body)
    act("again", 404, commit, body)
    if actions(app):
        sys.exit("actions, though the object is there")


def check_abort(app):
    given = actions(app)
    act("init", 201, given["init"])
    put("part", 201, given["parts"][0], 1)
    act("abort", 202, given["abort"])
    act("again", 404, given["abort"])
    if len(actions(app)["parts"]) != 3:
        sys.exit("aborted, but a part is there")


def verify(what, status, action, params):
    body = json.dumps({"oid": OID, "size": len(DATA), "params": params})
    act(what, status, action, body.encode())


def check_proposal(app):
    given = actions(app)
    params = given["verify"]["params"]
    parts = given["parts"][::-1]
    for number, each in enumerate(parts[:2], 1):
        act("part", 201, each, part(number), Digest=sha256(part(number)))
    act("wrong digest", 400, parts[2], part(3), Digest=sha256(b""))
    act("Content-MD5", 400, parts[2], part(3), Digest=sha256(part(3)),
        Content_MD5=md5(part(3)))
    verify("too early", 409, given["verify"], params)
    act("part", 201, parts[2], part(3), Digest=sha256(part(3)))
    verify("params", 400, given["verify"], dict(params, deep=[]))
    verify("no params", 400, given["verify"], None)
    verify("right", 200, given["verify"], params)
    if actions(app):
        sys.exit("actions, though the object is there")


def main():
    root = sys.argv[1]
    app = start(root, "--dialect", "giftless")
    check_parts(app)
    check_rest(app)
    check_abort(start(root + ".abort", "--dialect", "giftless"))
    check_proposal(start(root + ".proposal", "--dialect", "proposal"))


main()
