# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which servers offer an upload or a download.

A dialect says which transfer it names in a batch answer and builds the actions
of one object.  `app` is the server: its options, its store, its links.
"""

import time

from .steps import AUTHORIZATION, digest


class Basic:
    """Every LFS server does this: one PUT, one GET."""

    transfer = "basic"

    def __init__(self, app):
        self.app = app

    def choose(self, operation, offered):
        """The name of the transfer of this batch answer."""
        return "basic"

    def upload(self, origin, repo, oid, size):
        """The actions of one object to upload."""
        return {"upload": self.app.object_action("PUT", origin, repo, oid),
                "verify": self.app.verify_action(origin, repo)}

    def download(self, origin, repo, oid, size):
        return {"download": self.app.object_action("GET", origin, repo, oid)}


class HuggingFace(Basic):
    """Part URLs in the header, under keys of five digits; objects under the
    threshold have the shape of `basic` in the same answer."""

    transfer = "multipart"
    key = "%05d"

    def choose(self, operation, offered):
        options = self.app.options
        wanted = operation == "upload" or options.pick_download
        if wanted and self.transfer in offered:
            return self.transfer
        return "basic"

    def chunk(self, size):
        return self.app.options.chunk_size

    def takes(self, size):
        return size >= self.app.options.multipart_threshold

    def upload(self, origin, repo, oid, size):
        if not self.takes(size):
            return super().upload(origin, repo, oid, size)
        upload = self.app.store.new_upload(repo, oid, size, self.chunk(size))
        header = {"chunk_size": str(upload.chunk)}
        for number in range(1, upload.count + 1):
            header[self.key % number] = self.app.part_link(
                origin, upload, number)
        return {"upload": {"href": origin + self.complete_link(upload),
                           "header": header},
                "verify": self.app.verify_action(origin, repo)}

    def complete_link(self, upload):
        query = {"uploadId": upload.id, "bucket": upload.repo,
                 "prefix": upload.oid}
        return self.app.signer.plain("POST", "/api/complete_multipart",
                                     query, self.app.options.expires)


class CsgHub(HuggingFace):
    """The same with keys that are not padded, and for every object; at most
    `max_parts` parts."""

    key = "%d"

    def chunk(self, size):
        options = self.app.options
        return max(-(-size // options.max_parts), options.chunk_size)

    def takes(self, size):
        return True

    def complete_link(self, upload):
        query = {"uploadId": upload.id,
                 "objectKey": upload.repo + "/" + upload.oid}
        return self.app.signer.plain("POST", "/api/v1/complete_multipart",
                                     query, self.app.options.expires)


class KohakuHub(CsgHub):
    """The same as `basic`, with other members among the numbers."""

    transfer = "basic"

    def takes(self, size):
        return size >= self.app.options.multipart_threshold

    def upload(self, origin, repo, oid, size):
        actions = super().upload(origin, repo, oid, size)
        header = actions["upload"]["header"]
        if "chunk_size" in header:
            header["upload_id"] = "2~kohaku"
            actions["upload"]["expires_at"] = time.strftime(
                "%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + 604800))
        return actions


class Giftless(Basic):
    """Each part an action of its own, and requests before and after them
    (steps.py); only what the server misses is asked for."""

    transfer = "multipart-basic"
    has_init = has_commit = True
    part_method = "PUT"
    want_digest = "contentMD5"

    def choose(self, operation, offered):
        if operation == "upload" and self.transfer in offered:
            return self.transfer
        return "basic"

    def upload(self, origin, repo, oid, size):
        session = self.app.steps.session(self, repo, oid, size)
        actions = {}
        if not session.begun:
            actions["init"] = self.step(origin, session, "init", "POST", None)
        parts = [self.part(origin, session, number)
                 for number in session.missing()]
        if parts:
            actions["parts"] = parts
        actions["commit"] = self.step(origin, session, "commit", "PUT", "PUT")
        actions["commit"]["body"] = session.body
        actions["commit"]["header"]["Content-type"] = "text/xml; charset=utf8"
        actions["abort"] = self.step(origin, session, "abort", "DELETE",
                                     "DELETE")
        actions["verify"] = self.app.verify_action(origin, repo)
        return actions

    def link(self, origin, upload, what, method, query):
        path = "/%s/%s/%s" % (upload.repo, what, upload.oid)
        return origin + self.app.signer.plain(method, path, query,
                                              self.app.options.expires)

    def step(self, origin, session, what, method, named):
        """The action `what`; `named` is its method, or None to leave the
        client its default."""
        action = {"href": self.link(origin, session.upload, what, method,
                                    {"uploadId": session.upload.id}),
                  "header": {"X-Upload-Token": session.token}}
        if named:
            action["method"] = named
        return action

    def part(self, origin, session, number):
        upload = session.upload
        action = {"href": self.link(origin, upload, "block", self.part_method,
                                    {"comp": "block",
                                     "partNumber": str(number)}),
                  "header": {"X-Upload-Token": session.token,
                             "Authorization": AUTHORIZATION},
                  "want_digest": self.want_digest}
        if number > 1:
            action["pos"] = (number - 1) * upload.chunk
        if number < upload.count:
            action["size"] = upload.length(number)
        if self.part_method != "PUT":
            action["method"] = self.part_method
        return action

    @staticmethod
    def bad_digest(req, data):
        if "digest" in req.headers:
            return "a Digest that nobody wants"
        if req.headers.get("content-md5") != digest("md5", data):
            return "Md5Mismatch"
        return None


class Proposal(Giftless):
    """git-lfs's proposal: no init, and verify is the commit."""

    transfer = "multipart"
    has_init = has_commit = False
    part_method = "POST"
    want_digest = "sha-512;q=1.0, md5;q=0.2,SHA-256; q=0.5"

    def upload(self, origin, repo, oid, size):
        actions = super().upload(origin, repo, oid, size)
        session = self.app.steps.session(self, repo, oid, size)
        del actions["commit"]
        actions["parts"] = actions.get("parts", [])[::-1]
        actions["verify"]["params"] = session.params
        return actions

    @staticmethod
    def bad_digest(req, data):
        if "content-md5" in req.headers:
            return "a Content-MD5 that nobody wants"
        if req.headers.get("digest") != "SHA-256=" + digest("sha256", data):
            return "DigestMismatch"
        return None


DIALECTS = {"basic": Basic, "hf": HuggingFace, "csghub": CsgHub,
            "kohaku": KohakuHub, "giftless": Giftless, "proposal": Proposal}
