# SPDX-License-Identifier: GPL-3.0-or-later
"""git-lfs in a repository of pointers, stock or with the agent.

    gitlfs.move_to_server(place, thing, store, "1.bin")
    gitlfs.commit(place)
    seconds = gitlfs.run(place, "fetch", options)
"""

import os
import shutil
import subprocess

from agentrun import measured

POINTER = ("version https://git-lfs.github.com/spec/v1\n"
           "oid sha256:%s\nsize %d\n")


def git(place, *words):
    subprocess.run(["git", "-C", place.repo, *words], check=True,
                   stdout=subprocess.DEVNULL)


def move_to_server(place, thing, store, name):
    """Leave a pointer of that name in the repository; the object goes to
    where servers look for it below `store`."""
    folder = os.path.join(store, thing.oid[:2], thing.oid[2:4])
    os.makedirs(folder, exist_ok=True)
    os.rename(thing.path, os.path.join(folder, thing.oid))
    with open(os.path.join(place.repo, name), "w") as file:
        file.write(POINTER % (thing.oid, thing.size))


def commit(place):
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "objects")


def agent_options(program):
    """The settings of git with which all objects go through the agent."""
    prefix = "lfs.customtransfer.lfs-multipart."
    return ["lfs.standalonetransferagent=lfs-multipart",
            prefix + "path=" + os.path.abspath(program),
            prefix + "args=agent", prefix + "concurrent=true"]


def wipe(place):
    """No object is here any more."""
    shutil.rmtree(place.repo + "/.git/lfs", ignore_errors=True)


def run(place, verb, options):
    """Seconds of `git lfs fetch` or `git lfs push`, git-lfs included."""
    command = ["git", "-C", place.repo]
    for option in options:
        command += ["-c", option]
    return measured(command + ["lfs", verb, "origin", "main"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)[0]
