#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads without limits: the agent against what bounds it.

usage: loopback.py BUILD

The agent's leg, from the request to `complete`, against the SHA-256 speed of a
core and against nginx as fast as curl can fill it; with verify=false against
the PUT of a stock `git lfs push`, and its processor time against git-lfs's.
Beside them, and not judged: nginx filled by curl while OpenSSL hashes the file,
which on two processors is less than either alone; the agent's rate to a server
that drops the bytes; and what the processors allow whoever hashes a file and
has nginx store it, if to read and to send it took no time at all.
BENCH_SIZE (2G) and ROUNDS (5).
"""

import os
import subprocess
import sys

from agentrun import Agent, measured
from claims import Table
from lfsserver import Server
from nginx import Nginx, batch_answer
from place import Place, rounds_option, size_option

PART = 16 << 20
CONNECTIONS = 16


class Bench:
    def __init__(self, build, place):
        self.build, self.place = build, place
        self.agent = os.path.join(build, "git-lfs-multipart")
        self.object = place.make_object(size_option("2G"))
        self.nparts = -(-self.object.size // PART)
        self.nginx = Nginx(place.path("nginx"), batches={"stock": self.batch})
        self.count = 0
        self.split()
        for key, value in (
                ("user.name", "A Bencher"),
                ("remote.origin.url", self.nginx.url + "/stock"),
                ("lfs.url", self.nginx.url + "/stock"),
                ("lfs.locksverify", "false")):
            place.config(key, value)

    def batch(self, url):
        return batch_answer("basic", self.object.oid, self.object.size, {
            "upload": {"href": url + "/put/whole"}})

    def part_url(self, number):
        return "%s/put/part-%05d" % (self.nginx.url, number)

    def split(self):
        """The parts as files, for curl, and a list of what it is to do."""
        lines = []
        with open(self.object.path, "rb") as file:
            for number in range(1, self.nparts + 1):
                path = self.place.path("part-%05d" % number)
                with open(path, "wb") as part:
                    part.write(file.read(PART))
                lines.append('upload-file = "%s"\nurl = "%s"\n'
                             % (path, self.part_url(number)))
        # Not one `curl --parallel`: that is one thread.
        for i in range(CONNECTIONS):
            with open(self.place.path("curl-%d" % i), "w") as file:
                file.write("".join(lines[i::CONNECTIONS]))

    def action(self):
        header = {"%05d" % number: self.part_url(number)
                  for number in range(1, self.nparts + 1)}
        header["chunk_size"] = str(PART)
        # An upload that is done is not done again: each has a URL of its own.
        self.count += 1
        return {"href": "%s/done/%d" % (self.nginx.url, self.count),
                "header": header}

    def make_ready(self):
        """Nothing is at the server: a file that replaces another is sent to
        the disk by ext4 at once, and that would be timed."""
        self.nginx.clear()
        self.place.warm(self.object.size)

    def rate(self, seconds):
        return self.object.size / seconds / 1e6

    def hash_rate(self):
        out = subprocess.run([self.build + "/test/bench/hash", "sha256",
                              "256", "500"], check=True, capture_output=True)
        return float(out.stdout)

    def curl_rate(self, beside=""):
        """The rate of 16 curls, while another command may run."""
        self.make_ready()
        script = beside + "".join(
            "curl -sS -H Expect: -K '%s' & " % self.place.path("curl-%d" % i)
            for i in range(min(CONNECTIONS, self.nparts))) + "wait"
        return self.rate(measured(["sh", "-c", script],
                                  stdout=subprocess.DEVNULL)[0])

    def nginx_cpu(self, begun):
        """Its processor seconds a GB, since cpu() was `begun`."""
        return (self.nginx.cpu() - begun) / self.object.size * 1e9

    def agent_push(self, verify, action):
        """(MB/s, processor seconds a GB)"""
        self.place.config("lfsmultipart.verify", verify)
        thing = self.object
        self.make_ready()
        with Agent(self.agent, self.place.repo) as agent:
            agent.init("upload")
            seconds = agent.upload(thing.oid, thing.size, thing.path, action)
        return self.rate(seconds), agent.cpu / thing.size * 1e9

    def stock_push(self):
        self.make_ready()
        _, cpu = measured(
            ["git", "lfs", "push", "--object-id", "origin", self.object.oid],
            cwd=self.place.repo, stdout=subprocess.DEVNULL)
        return (self.rate(self.nginx.put_seconds()),
                cpu / self.object.size * 1e9)


def one_round(bench, table, server):
    hash_rate, curl_rate = bench.hash_rate(), bench.curl_rate()
    table.add("SHA-256 of one core, MB/s", hash_rate)
    table.add("nginx filled by curl, MB/s", curl_rate)
    table.add("the lower of the two", min(hash_rate, curl_rate))
    table.add("both at once, MB/s", bench.curl_rate(
        "openssl dgst -sha256 '%s' & " % bench.object.path))
    nginx_begun = bench.nginx.cpu()
    rate, cpu = bench.agent_push("true", bench.action())
    nginx_cpu = bench.nginx_cpu(nginx_begun)
    table.add("agent, MB/s", rate)
    table.add("agent, CPU s/GB", cpu)
    table.add("nginx meanwhile, CPU s/GB", nginx_cpu)
    table.add("the processors at most, MB/s",
              os.cpu_count() / (1 / hash_rate + nginx_cpu / 1e3))
    for name, verify, action in (
            ("agent, verify=false", "false", bench.action()),
            ("agent, bytes dropped", "true", server.action(bench.object))):
        rate, cpu = bench.agent_push(verify, action)
        table.add(name + ", MB/s", rate)
        table.add(name + ", CPU s/GB", cpu)
    rate, cpu = bench.stock_push()
    table.add("stock git-lfs, MB/s", rate)
    table.add("stock git-lfs, CPU s/GB", cpu)


def main():
    table = Table("uploads on loopback, %d processors" % os.cpu_count())
    with Place() as place, Server(place.path("drop"), PART) as server:
        bench = Bench(sys.argv[1], place)
        with bench.nginx:
            for _ in range(rounds_option(5)):
                one_round(bench, table, server)
    table.claim("agent / lower of hash and server",
                table.ratio("agent, MB/s", "the lower of the two"),
                at_least=0.9)
    table.claim("agent without verify / stock",
                table.ratio("agent, verify=false, MB/s",
                            "stock git-lfs, MB/s"), at_least=1)
    table.claim("CPU of agent without verify / stock",
                table.ratio("agent, verify=false, CPU s/GB",
                            "stock git-lfs, CPU s/GB"), at_most=1)
    return table.finish()


sys.exit(1 if main() else 0)
