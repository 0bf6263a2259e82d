#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one transcript: a conversation with the agent, as data.

    wire.py CASE        CASE is a folder with the files `in` and `out`

Lines of `in` are sent as they are, after substitution; after each one but
`terminate` the agent's next answer is awaited.  Lines of `out` are the answers
that must come, compared as JSON; a string "~RE" is a regular expression,
searched, and "~int" any integer.  Progress events are not listed: they are checked against
the rules (wirecheck.py).  `#` begins a comment, `!` a directive.

In `in`:
    !server [OPTION...]     start a server; defines @SERVER@, @PORT@
    !file NAME SIZE [SEED]  random bytes; defines @NAME.path@ .size@ .oid@
    !upload NAME            ask the server; defines @NAME.action@
    !store NAME             put the file into the server
    !download NAME          ask the server; defines @NAME.action@
    !fault SPEC...          spoil requests (lfsserver/faults.py)
    !append NAME TEXT       change a file behind the agent's back
    !git KEY VALUE          configure the repository
    !env NAME VALUE         set a variable for the agent
    !set NAME COUNT TEXT    defines @NAME@ as TEXT, COUNT times
    !send LINE              send a line, do not wait
    !raw TEXT               send bytes, with \\n \\xff \\\\ and so on
    !repeat COUNT TEXT      send TEXT so often, without a line end
    !wait                   await an answer
    !progress               await a progress event
    !close                  close the agent's standard input
    !kill SIGNAL            such as TERM
In `out`:
    !exit STATUS [SECONDS]  how the agent ends, and how soon (default 0 2)
    !count KEY N            a counter of the server
    !stored NAME            the server has the bytes of the file
    !received NAME          so has the file that the agent handed over
    !rewinds                progress may go back, as parts are retried
@TMP@ is the folder of the test, which holds the repository @TMP@/repo.
"""

import codecs
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.dont_write_bytecode = True

import randomfile  # noqa: E402
import server as server_  # noqa: E402
from lfsserver.app import App  # noqa: E402
from wirecheck import Expected, Points  # noqa: E402

PATIENCE = 30


class Failed(Exception):
    """The transcript cannot go on."""


class Agent:
    """The program, its lines and when they came."""

    def __init__(self, folder, env):
        program = os.environ.get("AGENT", "build/git-lfs-multipart")
        self.process = subprocess.Popen(
            [os.path.abspath(program), "agent"], cwd=folder,
            env=dict(os.environ, **env),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.events = []
        self.queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.queue.put((time.monotonic(), line))
        self.queue.put(None)

    def send(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass        # what the agent said, or did not, will tell

    def next(self, wanted=None):
        """The next event that is no progress, or is `wanted`."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                item = self.queue.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise Failed("no answer in %d s" % PATIENCE) from None
            if item is None:
                self.queue.put(None)
                raise Failed("the agent closed its output")
            event = Event(*item)
            self.events.append(event)
            if event.is_progress == (wanted == "progress"):
                return

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def end(self, patience):
        """Close, collect the rest, return (status, seconds)."""
        start = time.monotonic()
        self.close()
        try:
            status = self.process.wait(patience + 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed("the agent does not end") from None
        seconds = time.monotonic() - start
        while True:
            item = self.queue.get(timeout=PATIENCE)
            if item is None:
                return status, seconds
            self.events.append(Event(*item))


class Event:
    """One line of the agent."""

    def __init__(self, when, line):
        self.when, self.line = when, line
        try:
            self.json = json.loads(line)
        except ValueError:
            self.json = line.decode("utf-8", "replace")
        self.is_progress = (isinstance(self.json, dict)
                            and self.json.get("event") == "progress")

    def __str__(self):
        return self.line.decode("utf-8", "replace").rstrip("\n")


class Script:
    """The file `in`: names, directives, lines to send."""

    def __init__(self, tmp):
        self.tmp = tmp
        self.repo = os.path.join(tmp, "repo")
        self.names = {"TMP": tmp}
        self.sizes = {}
        self.env = {}
        self.agent = self.app = None
        subprocess.run(["git", "init", "-q", self.repo], check=True)

    def expand(self, text):
        def name(match):
            word = match.group(1)
            if word not in self.names:
                raise Failed("nothing is called @%s@" % word)
            return self.names[word]
        return re.sub(r"@([A-Za-z0-9_.]+)@", name, text)

    def line(self, text):
        if text.startswith("!"):
            verb, _, rest = text[1:].partition(" ")
            method = getattr(self, "do_" + verb, None)
            if not method:
                raise Failed("no directive !" + verb)
            method(self.expand(rest))
            return
        self.do_send(self.expand(text))
        if '"terminate"' not in text:
            self.start().next()

    def start(self):
        if not self.agent:
            self.agent = Agent(self.repo, self.env)
        return self.agent

    def do_server(self, text):
        options = server_.parse_options(
            ["--root", self.tmp + "/server"] + text.split())
        os.makedirs(options.root, exist_ok=True)
        self.app = App(options)
        port = server_.Listener(self.app, None)
        self.app.origins["main"] = self.app.origins["plain"] = port.url
        port.start()
        self.names["SERVER"] = port.url
        self.names["PORT"] = port.url.rpartition(":")[2]

    def do_file(self, text):
        name, size, *seed = text.split()
        path = os.path.join(self.tmp, name)
        randomfile.write(path, randomfile.parse_size(size), *(seed or ["0"]))
        with open(path, "rb") as file:
            oid = hashlib.sha256(file.read()).hexdigest()
        self.names[name + ".path"] = path
        self.names[name + ".oid"] = oid
        self.names[name + ".size"] = str(os.path.getsize(path))
        self.sizes[oid] = os.path.getsize(path)

    def ask(self, operation, name):
        body = json.dumps({
            "operation": operation, "transfers": ["multipart"],
            "objects": [{"oid": self.names[name + ".oid"],
                         "size": int(self.names[name + ".size"])}]})
        url = self.names["SERVER"] + "/r.git/info/lfs/objects/batch"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, body.encode()) as answer:
            found = json.loads(answer.read())["objects"][0]
        self.names[name + ".action"] = json.dumps(found["actions"][operation])

    def do_upload(self, name):
        self.ask("upload", name)

    def do_download(self, name):
        self.ask("download", name)

    def do_store(self, name):
        path = self.app.store.path("r", self.names[name + ".oid"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(self.names[name + ".path"], path)

    def do_fault(self, text):
        self.app.faults.add(text.split())

    def do_append(self, text):
        name, _, rest = text.partition(" ")
        with open(self.names[name + ".path"], "a") as file:
            file.write(rest)

    def do_git(self, text):
        key, _, value = text.partition(" ")
        subprocess.run(["git", "-C", self.repo, "config", key, value],
                       check=True)

    def do_env(self, text):
        name, _, value = text.partition(" ")
        self.env[name] = value

    def do_set(self, text):
        name, count, what = text.split(" ", 2)
        self.names[name] = what * int(count)

    def do_send(self, text):
        self.start().send(text.encode() + b"\n")

    def do_raw(self, text):
        self.start().send(codecs.escape_decode(text.encode())[0])

    def do_repeat(self, text):
        count, what = text.split(" ", 1)
        self.start().send(what.encode() * int(count))

    def do_wait(self, _):
        self.start().next()

    def do_progress(self, _):
        self.start().next("progress")

    def do_close(self, _):
        self.start().close()

    def do_kill(self, name):
        self.start().process.send_signal(getattr(signal, "SIG" + name))


def read_lines(path):
    with open(path) as file:
        lines = file.read().split("\n")
    return [line for line in lines if line.strip() and line[0] != "#"]


def run(case, tmp, points):
    script = Script(tmp)
    trouble = None
    try:
        for line in read_lines(case + "/in"):
            script.line(line)
    except Failed as failed:
        trouble = str(failed)
    expected = Expected(read_lines(case + "/out"), script)
    try:
        status, seconds = script.start().end(expected.limit)
        points.add(status == expected.exit and seconds <= expected.limit,
                   "ends with %d in %.1f s" % (expected.exit, expected.limit),
                   "found %d after %.2f s" % (status, seconds))
    except Failed as failed:
        trouble = trouble or str(failed)
    expected.judge(script, points)
    points.add(trouble is None, "the conversation goes to its end",
               str(trouble))


def main():
    tmp = os.environ.get("TEST_TMP")
    own = None if tmp else tempfile.mkdtemp(prefix="lfsmp-wire-")
    points = Points()
    try:
        run(os.path.abspath(sys.argv[1]), tmp or own, points)
    finally:
        if own:
            shutil.rmtree(own, ignore_errors=True)
    points.finish()


main()
