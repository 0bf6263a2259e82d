# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages by which a test asks a server about itself: see server.py."""


def count(numbers, key):
    for word in key.split("."):
        numbers = numbers.get(word, 0) if isinstance(numbers, dict) else 0
    return numbers


def entries_of(app, kind=None):
    return [entry for entry in app.counters.log()
            if kind in (None, entry["kind"])]


def line(entry):
    return " ".join(str(word) for word in (
        entry["kind"], entry["method"], entry["status"],
        entry.get("part", "-"), entry.get("range", "-"), entry["path"]))


def text(lines):
    return "".join("%s\n" % each for each in lines).encode()


READ = {
    "counters": lambda app: app.counters.numbers(),
    "count": lambda app, key: text([count(app.counters.numbers(), key)]),
    "log": lambda app: app.counters.log(),
    "lines": lambda app, kind=None: text(map(line, entries_of(app, kind))),
    "header": lambda app, name, kind: text(
        [sum(name in entry["headers"] for entry in entries_of(app, kind))]),
    "refs": lambda app: text(
        entry.get("ref", "-") for entry in entries_of(app, "batch")),
    "faults": lambda app: app.faults.state(),
}


def control(app, req, body):
    """The body of the answer; LookupError if there is no such page."""
    what, *words = req.path[len("/_control/"):].split("/")
    if req.method == "GET" and what in READ:
        return READ[what](app, *words)
    if (req.method, what) == ("POST", "faults"):
        app.faults.add(body.split())
    elif (req.method, what) == ("DELETE", "faults"):
        app.faults.clear()
    elif (req.method, what) == ("POST", "reset"):
        app.counters.reset()
    elif (req.method, what) == ("POST", "expire"):
        app.signer.expire()
    else:
        raise LookupError("no such page")
    return b""
