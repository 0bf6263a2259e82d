# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed links, in the two forms that real servers use.

A link that carries X-Amz-Date and X-Amz-Expires looks like S3's; one that
carries `expiration` looks like Hugging Face's completion URL.
"""

import calendar
import hashlib
import hmac
import os
import time
from urllib.parse import quote, urlencode

AMZ_TIME = "%Y%m%dT%H%M%SZ"
SIGNATURES = ("X-Amz-Signature", "signature")


class Signer:
    def __init__(self):
        self.secrets = [os.urandom(32)]     # the last one counts

    def expire(self):
        """Every link and token so far has expired."""
        self.secrets.append(os.urandom(32))

    def token(self, *words, secret=-1):
        text = "\n".join(words).encode()
        return hmac.new(self.secrets[secret], text,
                        hashlib.sha256).hexdigest()

    def token_refusal(self, given, *words):
        """Why this token is no good, or None."""
        for i in range(len(self.secrets)):
            if hmac.compare_digest(self.token(*words, secret=i),
                                   given or ""):
                last = i == len(self.secrets) - 1
                return None if last else "Request has expired"
        return "the token is missing or wrong"

    @staticmethod
    def _words(method, path, query):
        plain = sorted((k, v) for k, v in query.items()
                       if k not in SIGNATURES)
        return method, path, repr(plain)

    def _signature(self, method, path, query):
        return self.token(*self._words(method, path, query))

    def amz(self, method, path, query, lifetime):
        """Path and query of a link like S3's."""
        query = dict(query)
        query["X-Amz-Algorithm"] = "AWS4-HMAC-SHA256"
        query["X-Amz-Date"] = time.strftime(AMZ_TIME, time.gmtime())
        query["X-Amz-Expires"] = str(lifetime)
        query["X-Amz-SignedHeaders"] = "host"
        query["X-Amz-Signature"] = self._signature(method, path, query)
        return quote(path) + "?" + urlencode(query)

    def plain(self, method, path, query, lifetime):
        """Path and query of a link with `expiration` and `signature`."""
        query = dict(query)
        query["expiration"] = str(int(time.time()) + lifetime)
        query["signature"] = self._signature(method, path, query)
        return quote(path) + "?" + urlencode(query)

    def refusal(self, req):
        """Why this link is no good, or None."""
        query = req.query
        given = query.get("X-Amz-Signature") or query.get("signature") or ""
        reason = self.token_refusal(given, *self._words(
            req.method, req.path, query))
        if reason:
            return ("SignatureDoesNotMatch" if "token" in reason else reason)
        if "expiration" in query:
            end = int(query["expiration"])
        else:
            start = time.strptime(query["X-Amz-Date"], AMZ_TIME)
            end = calendar.timegm(start) + int(query["X-Amz-Expires"])
        return "Request has expired" if time.time() > end else None
