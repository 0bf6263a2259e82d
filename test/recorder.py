# SPDX-License-Identifier: GPL-3.0-or-later
"""Where does a program send its requests?  A proxy that answers for all hosts.

It is every http server, and with a certificate of its own every https server
(the program must not verify), so that no name is looked up and nothing leaves
this machine.  Each request is noted by its URL and answered by 404.
"""

import socket
import ssl
import threading

ANSWER = (b"HTTP/1.1 404 Not Found\r\n"
          b"Content-Type: application/vnd.git-lfs+json\r\n"
          b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")


class Recorder:
    """with Recorder(CERT, KEY) as recorder: recorder.url, recorder.urls"""

    def __init__(self, cert, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.urls = []

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # A mere close() would not wake accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        client.settimeout(20)
        try:
            self.talk(client)
        except (OSError, ValueError):
            pass
        finally:
            client.close()

    def talk(self, client):
        target, host = read_head(client)
        if "/" not in target:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            client = self.context.wrap_socket(client, server_side=True)
            target, host = read_head(client)
            target = "https://" + host + target
        self.urls.append(target)
        client.sendall(ANSWER)
        client.close()


def read_head(client):
    """The target of a request and its Host; the body is read, too."""
    with client.makefile("rb") as file:
        target = file.readline().decode("latin-1").split(" ")[1]
        headers = {}
        for line in iter(file.readline, b"\r\n"):
            if not line:
                raise ValueError("half a request")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        file.read(int(headers.get("content-length", 0)))
    return target, headers.get("host", "")
