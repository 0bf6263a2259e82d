#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the start of an agent to its answer to init.

usage: startup.py BUILD
"""

import sys

from agentrun import Agent
from claims import Table
from place import Place, rounds_option

LIMIT_MS = 10


def main():
    table = Table("start of an agent to its answer to init")
    with Place() as place:
        for _ in range(rounds_option(31)):
            with Agent(sys.argv[1] + "/git-lfs-multipart",
                       place.repo) as agent:
                table.add("start to answer, ms", agent.init("upload") * 1e3)
    table.claim("start to answer, ms", table.median("start to answer, ms"),
                at_most=LIMIT_MS)
    return table.finish()


sys.exit(1 if main() else 0)
