#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak memory of an agent.

usage: memory.py BUILD

An object of BENCH_SIZE (2G) in parts of 16 MiB to a server that drops the
bytes, over http and https; and an object of 10,000 parts whose URLs have 1,500
characters, to nginx.
"""

import os
import subprocess
import sys

from agentrun import Agent
from claims import Table
from lfsserver import Server
from nginx import Nginx
from place import Place, size_option

PARTS = 10000
URL_LENGTH = 1500
SMALL_PART = 64 << 10


def many_parts(url):
    """Every part to the same file: what it holds is of no interest."""
    part = url + "/put/part?x="
    part += "x" * (URL_LENGTH - len(part))
    header = {"%05d" % (i + 1): part for i in range(PARTS)}
    header["chunk_size"] = str(SMALL_PART)
    return {"href": url + "/done", "header": header}


def peak(program, place, thing, action):
    with Agent(program, place.repo) as agent:
        agent.init("upload")
        agent.upload(thing.oid, thing.size, thing.path, action)
    return agent.peak_kib / 1024


def make_certificate(place):
    key, cert = place.path("key.pem"), place.path("cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, stderr=subprocess.DEVNULL)
    place.config("http.sslCAInfo", cert)
    return "--tls", cert, key


def main():
    program = os.path.join(sys.argv[1], "git-lfs-multipart")
    table = Table("peak memory of an agent")
    with Place() as place:
        large = place.make_object(size_option("2G"))
        small = place.make_sparse(PARTS * SMALL_PART)
        tls = make_certificate(place)
        for name, options in (("http", ()), ("https", tls)):
            with Server(place.path(name), 16 << 20, *options) as server:
                table.add("large object over %s, MiB" % name, peak(
                    program, place, large, server.action(large)))
        with Nginx(place.path("nginx")) as nginx:
            table.add("10,000 parts, MiB", peak(
                program, place, small, many_parts(nginx.url)))
    for name in ("http", "https"):
        name = "large object over %s, MiB" % name
        table.claim(name, table.median(name), at_most=32)
    table.claim("10,000 parts, MiB", table.median("10,000 parts, MiB"),
                at_most=48)
    return table.finish()


sys.exit(1 if main() else 0)
