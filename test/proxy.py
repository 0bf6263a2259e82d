#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxy.py LOG [USER:PASSWORD [HOST:PORT=HOST:PORT...]]: an HTTP proxy for
tests.

Takes CONNECT and absolute URLs, prints `listening URL` when it is ready and
appends a line to LOG for each request: method and target host.  Hosts that are
none lead to others; an empty USER:PASSWORD means that anybody may use it.
"""

import base64
import os
import socket
import sys
import threading
from urllib.parse import urlsplit


def pump(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
    except OSError:
        pass
    for sock in (source, sink):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxy:
    def __init__(self, log, password, places):
        self.places = places
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.wanted = password and "Basic " + base64.b64encode(
            password.encode()).decode()

    def note(self, line):
        """Whole, whatever other threads have to say just then."""
        os.write(self.log, line.encode())

    def serve(self, client):
        try:
            self.talk(client)
        except (OSError, ValueError):
            pass
        finally:
            client.close()

    def talk(self, client):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        given = [line.partition(":")[2].strip() for line in lines
                 if line.lower().startswith("proxy-authorization:")]
        if self.wanted and given != [self.wanted]:
            self.note("refused %s\n" % method)
            client.sendall(b"HTTP/1.1 407 Who are you\r\n"
                           b"Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
                           b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if method == "CONNECT":
            host = target
        else:
            host = urlsplit(target).netloc
        self.note("%s %s\n" % (method, host))
        address = host if ":" in host else host + ":80"
        address = self.places.get(address, address)
        try:
            server = socket.create_connection(address.rsplit(":", 1))
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n"
                           b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            server.sendall(self.forwarded(method, target, version, lines)
                           + rest)
        back = threading.Thread(target=pump, args=(server, client))
        back.start()
        pump(client, server)
        back.join()
        server.close()

    @staticmethod
    def forwarded(method, target, version, lines):
        url = urlsplit(target)
        path = url.path + ("?" + url.query if url.query else "")
        kept = [line for line in lines
                if not line.lower().startswith(("proxy-", "connection:"))]
        # One request a connection: the next may be for another host.
        return "\r\n".join(["%s %s %s" % (method, path, version), *kept,
                            "Connection: close", "", ""]).encode("latin-1")


def main():
    proxy = Proxy(sys.argv[1], sys.argv[2] if sys.argv[2:] else None,
                  dict(place.split("=") for place in sys.argv[3:]))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print("listening http://127.0.0.1:%d" % listener.getsockname()[1],
          flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=proxy.serve, args=(client,),
                         daemon=True).start()


main()
