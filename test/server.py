#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Git LFS server for tests and the demo.

Prints `listening URL` when it is ready.  Ends on SIGTERM, or when its standard
input is a pipe and ends.  See lfsserver/ for what it does.

    GET    /_control/counters   numbers (lfsserver/counters.py), as JSON
    GET    /_control/count/KEY[.KEY...]
                                one of them, 0 if it is not there
    GET    /_control/log        the requests, oldest first, as JSON
    GET    /_control/lines[/KIND]
                                a line for each: kind, method, status, part or
                                -, range or -, path
    GET    /_control/header/NAME/KIND
                                how many requests of a kind had that header
    GET    /_control/refs       the `ref` of each batch, or -
    POST   /_control/reset      counters to zero
    GET    /_control/faults     the faults and how often each has struck
    POST   /_control/faults     more faults, one a line (lfsserver/faults.py)
    DELETE /_control/faults     none any more; ends a stall
    POST   /_control/expire     all links and tokens so far have expired
"""

import argparse
import os
import signal
import socket
import ssl
import stat
import sys
import threading
import traceback

sys.dont_write_bytecode = True

from lfsserver.app import App  # noqa: E402
from lfsserver.conn import Connection, Hangup  # noqa: E402
from lfsserver.dialects import DIALECTS  # noqa: E402
from lfsserver.faults import table  # noqa: E402


def parse_options(args):
    parser = argparse.ArgumentParser(description="a Git LFS test server")
    add = parser.add_argument
    add("--root", help="folder of the objects")
    add("--port", type=int, default=0, help="default: the kernel picks")
    add("--name", default="127.0.0.1", help="its host, in all links")
    add("--port-file", help="write the URL to this file, and on a second line that of "
        "the port without TLS")
    add("--dialect", choices=DIALECTS, default="hf")
    add("--chunk-size", type=int, default=8 << 20)
    add("--max-parts", type=int, default=10000, help="of csghub")
    add("--multipart-threshold", type=int, default=0,
        help="smaller objects are one PUT")
    add("--pick-download", action="store_true",
        help="name the transfer for downloads too")
    add("--expires", type=int, default=3600, help="life of links in seconds")
    add("--expires-in", action="store_true",
        help="say so in the batch answer as well")
    add("--expires-at", action="store_true", help="or when that is over")
    add("--etag", choices=("random", "md5"), default="random")
    add("--no-hash", action="store_true", help="take any bytes for the oid")
    add("--discard", action="store_true", help="drop the bytes of uploads")
    add("--locks", type=int, default=501, help="status of the locks API; 200: one that works")
    add("--auth", metavar="USER:PASSWORD")
    add("--bearer", metavar="TOKEN")
    add("--api-login", action="store_true",
        help="actions without headers, which want the login of the API")
    add("--echo-login", action="store_true",
        help="copy the login of the batch into its actions, as Gitea does")
    add("--cookie", metavar="NAME=VALUE", help="the batch wants this cookie")
    add("--open-batch", action="store_true",
        help="anybody may ask; it is the actions that want a login")
    add("--chunked-put", action="store_true",
        help="want the body of a PUT in chunks, and say so in the action")
    add("--presigned", action="store_true",
        help="objects by links to another host, without headers")
    add("--other-login", metavar="USER:PASSWORD",
        help="objects at another host, which wants this login of its own")
    add("--presigned-here", action="store_true",
        help="the same at its own host, and no login beside the signature")
    add("--tls", nargs=2, metavar=("CERT", "KEY"))
    add("--client-ca", help="ask for a client certificate of this CA")
    add("--rate", type=int, default=0, metavar="BYTES",
        help="a second, for each connection and direction")
    add("--delay", type=int, default=0, metavar="MS", help="of each answer")
    add("--fault", action="append", default=[], metavar="SPEC",
        help="NAME[=VALUE][,KEY=VALUE...], such as status=503,on=batch,times=2; "
        "lfsserver/faults.py has the keys; may be given several times")
    add("--list-faults", action="store_true", help="print the names, and end")
    options = parser.parse_args(args)
    if not options.root and not options.list_faults:
        parser.error("--root is required")
    return options


class Listener:
    """One port: accepts connections, a thread for each."""

    def __init__(self, app, context, port=0):
        self.app, self.context = app, context
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if app.options.rate:
            # Small buffers, or the peer would not feel the limit.
            for name in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self.sock.setsockopt(socket.SOL_SOCKET, name, 65536)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(1024)
        scheme = "https" if context else "http"
        self.url = "%s://%s:%d" % (scheme, app.options.name,
                                   self.sock.getsockname()[1])

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.sock.accept()
            threading.Thread(target=self.talk, args=(sock,),
                             daemon=True).start()

    def talk(self, sock):
        self.app.counters.connected(1)
        conn = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            conn = Connection(sock, self.app.options.rate)
            self.app.serve(conn)
        except (Hangup, OSError):
            pass
        except Exception:
            traceback.print_exc()
        finally:
            conn.close() if conn else sock.close()
            self.app.counters.connected(-1)


def tls_context(options):
    if not options.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*options.tls)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


def wait_for_end():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        while os.read(0, 4096):
            pass
        return
    while True:
        signal.pause()


def main():
    options = parse_options(sys.argv[1:])
    if options.list_faults:
        sys.stdout.write(table())
        return
    os.makedirs(options.root, exist_ok=True)
    app = App(options)
    context = tls_context(options)
    main_port = Listener(app, context, options.port)
    app.origins["main"] = app.origins["plain"] = main_port.url
    main_port.start()
    if context:
        plain = Listener(app, None)
        app.origins["plain"] = plain.url
        plain.start()
    if options.port_file:
        with open(options.port_file + ".new", "w") as file:
            file.writelines(app.origins[name] + "\n"
                            for name in ("main", "plain"))
        os.rename(options.port_file + ".new", options.port_file)
    print("listening " + main_port.url, flush=True)
    try:
        wait_for_end()
    finally:
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
