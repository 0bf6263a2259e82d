# SPDX-License-Identifier: GPL-3.0-or-later
"""One agent, driven as git-lfs drives it, and what it cost.

    with Agent(program, repo) as agent:
        agent.init("upload")
        seconds = agent.upload(oid, size, path, action)
    agent.cpu, agent.peak_kib
"""

import json
import os
import re
import shutil
import subprocess
import time


class Failed(Exception):
    """The agent said no; the text is its message."""


class Agent:
    def __init__(self, program, repo, env=None):
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [program, "agent"], cwd=repo, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dict(os.environ, **(env or {})))
        self.cpu = self.peak_kib = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def send(self, message):
        line = json.dumps(message).encode() + b"\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def answer(self):
        """The next line that is no progress."""
        for line in self.process.stdout:
            if b'"progress"' not in line:
                message = json.loads(line)
                if "error" in message:
                    raise Failed(message["error"]["message"])
                return message
        raise Failed("the agent closed its output")

    def init(self, operation, nagents=1):
        """Seconds from the start of the process to its answer."""
        self.send({"event": "init", "operation": operation,
                   "remote": "origin", "concurrent": True,
                   "concurrenttransfers": nagents})
        self.answer()
        return time.monotonic() - self.begun

    def upload(self, oid, size, path, action):
        """Seconds from the request to its `complete`."""
        begun = time.monotonic()
        self.send({"event": "upload", "oid": oid, "size": size, "path": path,
                   "action": action})
        self.answer()
        return time.monotonic() - begun

    def download(self, oid, size, action, target):
        """The same; what came is then moved to `target`."""
        begun = time.monotonic()
        self.send({"event": "download", "oid": oid, "size": size,
                   "action": action})
        path = self.answer()["path"]
        seconds = time.monotonic() - begun
        shutil.move(path, target)
        return seconds

    def end(self):
        if self.cpu is not None:
            return
        self.peak_kib = self.read_peak()
        try:
            self.send({"event": "terminate"})
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.process.stdout.close()
        self.cpu = usage.ru_utime + usage.ru_stime

    def read_peak(self):
        """In KiB; 0 if the process has ended."""
        try:
            with open("/proc/%d/status" % self.process.pid) as file:
                return int(re.search(r"VmHWM:\s*(\d+)", file.read()).group(1))
        except (OSError, AttributeError):
            return 0


def measured(command, **options):
    """Run a command to its end: (seconds, processor seconds)."""
    seconds, cpu, _ = measured_all(command, **options)
    return seconds, cpu


def measured_all(command, **options):
    """The same, and the peak memory in MiB, of it or of what it ran."""
    begun = time.monotonic()
    process = subprocess.Popen(command, **options)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed("%s: exit status %d" % (command[0], process.returncode))
    return (seconds, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024)
