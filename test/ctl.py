#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talk to a test server from a shell script.

    ctl.py URL count KEY[.KEY...]   a counter, 0 if it is not there
    ctl.py URL log [KIND]           a line per request: kind, method, status,
                                    part or -, range or -, path
    ctl.py URL header NAME KIND     how many requests of a kind had that header
    ctl.py URL refs                 the `ref` of each batch, or -
    ctl.py URL faults SPEC...       add faults
    ctl.py URL nofaults             remove all of them
    ctl.py URL reset                counters to zero
    ctl.py URL expire               all links so far have expired
"""

import json
import socket
import sys


def ask(url, method="GET", body=b""):
    """A request by hand: scenarios ask by the hundred, and the modules that
    could do it take longer to load than all of the rest."""
    host, _, path = url.partition("://")[2].partition("/")
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), 20) as sock:
        sock.sendall(b"%s /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (
                         method.encode(), path.encode(), host.encode(),
                         len(body), body))
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, text = answer.partition(b"\r\n\r\n")
    if head.split()[1] != b"200":
        sys.exit("ctl.py: %s: %s" % (url, text.decode()))
    return json.loads(text)


def count(url, key):
    value = ask(url + "counters")
    for word in key.split("."):
        value = value.get(word, 0) if isinstance(value, dict) else 0
    return value


def log(url, kind=None):
    for entry in ask(url + "log"):
        if kind in (None, entry["kind"]):
            print(entry["kind"], entry["method"], entry["status"],
                  entry.get("part", "-"), entry.get("range", "-"),
                  entry["path"])


def main():
    url, verb, *words = sys.argv[1:]
    url += "/_control/"
    if verb == "count":
        print(count(url, words[0]))
    elif verb == "log":
        log(url, *words)
    elif verb == "header":
        print(sum(words[0] in entry["headers"] and words[1] == entry["kind"]
                  for entry in ask(url + "log")))
    elif verb == "refs":
        for entry in ask(url + "log"):
            if entry["kind"] == "batch":
                print(entry.get("ref", "-"))
    elif verb == "faults":
        ask(url + "faults", "POST", "\n".join(words).encode())
    elif verb == "nofaults":
        ask(url + "faults", "DELETE")
    elif verb in ("reset", "expire"):
        ask(url + verb, "POST")
    else:
        sys.exit("ctl.py: unknown verb " + verb)


if __name__ == "__main__":
    main()
