# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a transcript: the answers, the progress events, what the server saw.

Used by wire.py, whose text says what the file `out` may hold.
"""

import filecmp
import json
import os
import re
import sys


class Progress:
    """The rules for the progress events of one object: integers, the first
    with bytesSoFar above zero, never back, at most about ten a second, and
    on success bytesSinceLast sums to the size and bytesSoFar ends there."""

    def __init__(self, sizes, rewinds):
        self.sizes, self.rewinds = sizes, rewinds
        self.seen = []

    def take(self, event):
        """Look at the next event; returns what is wrong with it, or None."""
        if event.is_progress:
            self.seen.append(event)
            return self.wrong_event(event)
        if isinstance(event.json, dict) and "oid" in event.json:
            seen, self.seen = self.seen, []
            return self.wrong_series(event.json, seen)
        return None

    def wrong_event(self, event):
        numbers = [event.json.get(name)
                   for name in ("bytesSoFar", "bytesSinceLast")]
        if any(type(number) is not int for number in numbers):
            return "not integers"
        if sorted(event.json) != ["bytesSinceLast", "bytesSoFar", "event",
                                  "oid"]:
            return "other keys"
        if len(self.seen) == 1:
            return None if numbers[0] > 0 else "begins with nothing"
        before = self.seen[-2].json["bytesSoFar"]
        back = numbers[0] < before or numbers[1] < 0
        return "goes back" if back and not self.rewinds else None

    def wrong_series(self, complete, seen):
        if any(event.json["oid"] != complete["oid"] for event in seen):
            return "progress of another object"
        if seen:
            seconds = seen[-1].when - seen[0].when
            if len(seen) > 10 * seconds + 5:
                return "%d events in %.1f s" % (len(seen), seconds)
        size = self.sizes.get(complete["oid"])
        if size is None or "error" in complete:
            return None
        total = sum(event.json["bytesSinceLast"] for event in seen)
        if total != size:
            return "sums to %d, not %d" % (total, size)
        if size and seen[-1].json["bytesSoFar"] != size:
            return "ends at %d" % seen[-1].json["bytesSoFar"]
        return None


def alike(wanted, found):
    """Is the JSON value `found` what was `wanted`?  "~RE" is searched in a
    string, "~int" stands for any integer."""
    if wanted == "~int":
        return type(found) is int
    if isinstance(wanted, str) and wanted.startswith("~"):
        return isinstance(found, str) and bool(re.search(wanted[1:], found))
    if isinstance(wanted, dict) and isinstance(found, dict):
        return (wanted.keys() == found.keys()
                and all(alike(wanted[key], found[key]) for key in wanted))
    return type(wanted) is type(found) and wanted == found


class Points:
    """TAP on standard output."""

    def __init__(self):
        self.count = self.misses = 0

    def add(self, good, what, *why):
        self.count += 1
        self.misses += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, what))
        if not good:
            for line in why:
                print("#   " + line[:2000])

    def finish(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.misses else 0)


class Expected:
    """The file `out`, and the judgement by it."""

    def __init__(self, lines, script):
        self.answers, self.directives = [], []
        self.exit, self.limit, self.rewinds = 0, 2.0, False
        for line in lines:
            words = script.expand(line).split()
            if words[0] == "!exit":
                self.exit = int(words[1])
                self.limit = float(words[2]) if words[2:] else 2.0
            elif words[0] == "!rewinds":
                self.rewinds = True
            elif words[0].startswith("!"):
                self.directives.append(words)
            else:
                self.answers.append(json.loads(script.expand(line)))

    def judge(self, script, points):
        events = script.agent.events if script.agent else []
        self.judge_answers([e for e in events if not e.is_progress], points)
        progress = Progress(script.sizes, self.rewinds)
        wrong = [(progress.take(event), event) for event in events]
        wrong = ["%s: %s" % (why, event) for why, event in wrong if why]
        points.add(not wrong, "progress keeps to the rules", *wrong[:5])
        for words in self.directives:
            good, why = getattr(self, "see_" + words[0][1:])(
                script, *words[1:])
            points.add(good, " ".join(words)[1:], why)

    def judge_answers(self, found, points):
        why = []
        for number in range(max(len(found), len(self.answers))):
            wanted = self.answers[number:number + 1]
            event = found[number:number + 1]
            if not (wanted and event and alike(wanted[0], event[0].json)):
                why += ["answer %d" % (number + 1),
                        "  wanted " + "".join(map(json.dumps, wanted)),
                        "  found  " + "".join(map(str, event))]
        points.add(not why, "the answers are as expected", *why)

    @staticmethod
    def see_count(script, key, wanted):
        value = script.app.counters.numbers()
        for word in key.split("."):
            value = value.get(word, 0)
        return str(value) == wanted, "found %s" % value

    @staticmethod
    def see_stored(script, name):
        path = script.app.store.path("r", script.names[name + ".oid"])
        good = os.path.exists(path) and filecmp.cmp(
            path, script.names[name + ".path"], shallow=False)
        return good, "not there, or other bytes: " + path

    @staticmethod
    def see_received(script, name):
        oid = script.names[name + ".oid"]
        for event in script.agent.events:
            if (isinstance(event.json, dict) and event.json.get("oid") == oid
                    and "path" in event.json):
                path = os.path.join(script.repo, event.json["path"])
                return (filecmp.cmp(path, script.names[name + ".path"],
                                    shallow=False), "other bytes: " + path)
        return False, "nothing was handed over"
