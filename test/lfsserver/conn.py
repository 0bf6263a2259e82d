# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection: requests in, answers out, and the limit on its rate.

Bodies never pass through Python objects: they go from the socket into one
reused buffer and from there to `pwrite`, or by `sendfile` to the socket.
"""

import os
import socket
import ssl
import struct
import time
from urllib.parse import parse_qsl, urlsplit

BUFFER = 512 * 1024
HEAD_MAX = 64 * 1024
SMALL_BODY_MAX = 64 * 1024 * 1024


class Hangup(Exception):
    """The connection ends here, without a word."""


class Bucket:
    """Holds a connection to `rate` bytes per second; 0 is no limit."""

    def __init__(self, rate):
        self.rate = rate
        self.due = 0.0

    def slice(self):
        if not self.rate:
            return BUFFER
        return max(4096, min(BUFFER, self.rate // 50))

    def pay(self, nbytes):
        if not self.rate:
            return
        now = time.monotonic()
        self.due = max(self.due, now - 0.05) + nbytes / self.rate
        if self.due > now:
            time.sleep(self.due - now)


class Request:
    """A request's head; `left` counts body bytes still on the socket."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        url = urlsplit(self.target)
        self.path = url.path
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.chunked = "transfer-encoding" in self.headers
        self.length = int(self.headers.get("content-length", 0))
        self.left = self.length
        self.host = self.headers.get("host", "")
        self.keep = (self.headers.get("connection", "").lower() != "close"
                     and not self.version.endswith("1.0"))
        self.kind = "other"
        self.repo = self.oid = self.part = self.start = self.what = None
        self.ref = None
        self.faults = {}
        self.trip = None
        self.ended = False
        self.got = self.sent = self.cut = self.status = 0
        self.admitted = False


class Connection:
    def __init__(self, sock, rate=0):
        self.sock = sock
        self.tls = isinstance(sock, ssl.SSLSocket)
        self.bucket = Bucket(rate)
        self.rest = b""
        self.buffer = bytearray(BUFFER)
        self.view = memoryview(self.buffer)

    def read_request(self):
        """The next request, or None at the end of the connection."""
        head = self.rest
        while b"\r\n\r\n" not in head:
            if len(head) > HEAD_MAX:
                raise Hangup
            data = self.sock.recv(65536)
            if not data:
                return None
            head += data
            if head[:1] == b"\x16" and not self.tls:
                # A hello of TLS: nginx says so in plain HTTP.
                self.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                raise Hangup
        head, _, self.rest = head.partition(b"\r\n\r\n")
        try:
            return Request(head)
        except ValueError:
            raise Hangup from None

    def _fill(self, want):
        """Put up to `want` body bytes into the buffer; returns how many."""
        if self.rest:
            got = min(want, len(self.rest))
            self.view[:got] = self.rest[:got]
            self.rest = self.rest[got:]
            return got
        if self.tls:
            return self.sock.recv_into(self.view, want)
        return self.sock.recv_into(self.view, want, socket.MSG_WAITALL)

    def _skip(self, want):
        """Like _fill, but the bytes are not even copied."""
        if self.rest or self.tls:
            return self._fill(want)
        return self.sock.recv_into(self.view, want,
                                   socket.MSG_WAITALL | socket.MSG_TRUNC)

    def receive(self, req, sink=None):
        """Read the rest of the body.  `sink(view, pos)` gets each piece;
        `req.trip` is a fault that strikes after `trip.after` bytes."""
        if req.headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        pos, trip, bucket = 0, req.trip, self.bucket
        while req.left:
            want = min(req.left, bucket.slice())
            if trip:
                want = min(want, trip.after - pos)
                if want <= 0:
                    if trip.name == "trickle":
                        bucket = Bucket(int(trip.value))
                    else:
                        trip.strike(self)
                    trip = None
                    continue
            got = self._fill(want) if sink else self._skip(want)
            if not got:
                raise Hangup
            if sink:
                sink(self.view[:got], pos)
            pos += got
            req.left -= got
            req.got += got
            bucket.pay(got)

    def _exactly(self, want):
        while len(self.rest) < want:
            data = self.sock.recv(65536)
            if not data:
                raise Hangup
            self.rest += data
        found, self.rest = self.rest[:want], self.rest[want:]
        return found

    def read_chunked(self, req):
        """The whole body as bytes; its trailer is empty."""
        body, size = b"", 1
        while size:
            line = b""
            while not line.endswith(b"\r\n"):
                line += self._exactly(1)
            size = int(line, 16)
            body += self._exactly(size + 2)[:-2]
        req.got += len(body)
        return body

    def read_small(self, req):
        """The whole body as bytes, for JSON."""
        if req.length > SMALL_BODY_MAX:
            raise Hangup
        pieces = []
        self.receive(req, lambda view, pos: pieces.append(bytes(view)))
        return b"".join(pieces)

    def send(self, data):
        self.sock.sendall(data)

    def send_file(self, fd, start, length):
        """Yields how many bytes went out, as they do."""
        end = start + length
        while start < end:
            want = min(end - start, self.bucket.slice())
            if self.tls:
                data = os.pread(fd, want, start)
                self.sock.sendall(data)
                sent = len(data)
            else:
                sent = os.sendfile(self.sock.fileno(), fd, start, want)
            if not sent:
                raise Hangup
            start += sent
            yield sent
            self.bucket.pay(sent)

    def reset(self):
        """End the connection with a RST, as a crashed peer would."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        raise Hangup

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass
