#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the agent move one object, as git-lfs would, and stop it on the way.

    drive.py [OPTION...] upload FILE
    drive.py [OPTION...] download OID SIZE

The agent runs in the current folder, a repository. It prints the outcome in
lines of a word and a value:

    sum N           of bytesSinceLast in all progress events
    first N         bytesSoFar of the first that is above 1
    complete PATH   or `-` for an upload
    error TEXT      the message, in place of that
    stopped WHEN    it was stopped, after so many bytes
    exit N          the status, negative for a signal
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading

PATIENCE = 60           # seconds; who takes longer hangs, and is killed
LFS_JSON = "application/vnd.git-lfs+json"


def ask_batch(url, operation, oid, size):
    """The action of a batch answer, as git-lfs hands it on; None if there is
    nothing to be done."""
    body = {"operation": operation, "transfers": ["multipart", "basic"],
            "objects": [{"oid": oid, "size": size}]}
    import urllib.request       # here, as it takes long to load

    request = urllib.request.Request(
        url + "/objects/batch", json.dumps(body).encode(),
        {"Accept": LFS_JSON, "Content-Type": LFS_JSON})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        objects = json.loads(answer.read())["objects"]
    return objects[0].get("actions", {}).get(operation)


def hash_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


class Stop:
    """When to stop the agent, and how: KILL, TERM or EOF of its input.  At
    so many bytes, or after so many seconds from the request."""

    def __init__(self, how, at=None, after=None):
        self.how, self.at, self.after = how, at, after

    def do(self, process):
        if self.how == "EOF":
            process.stdin.close()
        else:
            process.send_signal(getattr(signal, "SIG" + self.how))


class Outcome:
    def __init__(self):
        self.sum = self.first = self.last = 0
        self.complete = False
        self.path = self.error = self.stopped = self.status = None

    def take(self, event):
        """An event of the agent; false after the last one."""
        if event["event"] == "progress":
            self.sum += event["bytesSinceLast"]
            self.last = event["bytesSoFar"]
            if self.last > 1 and not self.first:
                self.first = self.last
            return True
        self.path = event.get("path")
        self.error = event.get("error", {}).get("message")
        self.complete = self.error is None
        return False

    def lines(self):
        yield "sum %d" % self.sum
        yield "first %d" % self.first
        if self.complete:
            yield "complete %s" % (self.path or "-")
        if self.error is not None:
            yield "error %s" % self.error
        if self.stopped is not None:
            yield "stopped %d" % self.stopped
        yield "exit %d" % self.status


def start(program, repo, direction, env=None, stderr=None):
    """The agent, and its init answered."""
    process = subprocess.Popen(
        [program, "agent"], cwd=repo, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=stderr,
        env=dict(os.environ, **(env or {})))
    send(process, {"event": "init", "operation": direction,
                   "remote": "origin", "concurrent": True,
                   "concurrenttransfers": 1})
    process.stdout.readline()
    return process


def send(process, message):
    try:
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        pass        # it has died; what it said, or did not, will tell


def follow(process, stop, outcome):
    for line in process.stdout:
        try:
            going = outcome.take(json.loads(line))
        except ValueError:
            return          # it was killed in the middle of a line
        if not going:
            return
        if (stop and stop.at is not None and outcome.stopped is None
                and outcome.last >= stop.at):
            outcome.stopped = outcome.last
            stop.do(process)


def move(process, message, stop=None, hold=None):
    """Send the request and follow it to the end of the agent."""
    outcome = Outcome()
    send(process, message)
    timers = [threading.Timer(PATIENCE, process.kill)]
    if stop and stop.after is not None:
        timers.append(threading.Timer(stop.after, stop.do, [process]))
    for timer in timers:
        timer.start()
    follow(process, stop, outcome)
    if hold:
        open(hold).close()
    for timer in timers:
        timer.cancel()
    send(process, {"event": "terminate"})
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.stdout.close()
    outcome.status = process.wait()
    return outcome


def message_for(direction, oid, size, path=None, action=None):
    message = {"event": direction, "oid": oid, "size": size, "action": action}
    if path:
        message["path"] = path
    return message


def parse_options():
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("--api", help="ask this LFS server for an action first; without, the "
        "agent has to find one")
    add("--action", help="take it from this file, or write it there")
    add("--stop", choices=("KILL", "TERM", "EOF"))
    add("--at", type=int, default=1, help="so many bytes")
    add("--hold", metavar="FIFO", help="as git-lfs does while it checks a file: "
        "let the agent wait for its next request until this can be opened")
    add("--times", type=int, default=1, help="as often, each time by another "
        "agent, as the same git-lfs may; what is said is of the last")
    add("direction", choices=("upload", "download"))
    add("what", nargs="+")
    return parser.parse_args()


def find_action(options, oid, size):
    if options.action and os.path.exists(options.action):
        with open(options.action) as file:
            return json.load(file)
    action = ask_batch(options.api, options.direction, oid, size)
    if action is None:
        sys.exit("drive.py: the server wants nothing to be done")
    if options.action:
        with open(options.action, "w") as file:
            json.dump(action, file)
    return action


def main():
    options = parse_options()
    path = None
    if options.direction == "upload":
        path = os.path.abspath(options.what[0])
        oid, size = hash_file(path), os.path.getsize(path)
    else:
        oid, size = options.what[0], int(options.what[1])
    action = find_action(options, oid, size) if options.api else None
    stop = Stop(options.stop, at=options.at) if options.stop else None
    for _ in range(options.times):
        process = start(os.environ["AGENT"], ".", options.direction)
        outcome = move(process, message_for(options.direction, oid, size, path,
                                            action), stop, options.hold)
    for line in outcome.lines():
        print(line)


if __name__ == "__main__":
    main()
