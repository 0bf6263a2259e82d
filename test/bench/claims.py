# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of claims: the rounds as they come, then the medians and verdicts.

    table = Table("uploads on loopback")
    table.add("agent, MB/s", 1512.0)
    table.claim("agent / limit", 0.93, at_least=0.9)
    sys.exit(table.finish())
"""

import statistics


class Table:
    def __init__(self, title):
        self.rows = {}
        self.claims = []
        print("== " + title, flush=True)

    def add(self, name, value, note=""):
        """One round's value of a row."""
        self.rows.setdefault(name, []).append(value)
        print("   %-44s %10.2f  %s" % (name, value, note), flush=True)

    def median(self, name):
        return statistics.median(self.rows[name])

    def ratio(self, name, other):
        """The median of the ratios of rounds that belong together."""
        return statistics.median(
            a / b for a, b in zip(self.rows[name], self.rows[other]))

    def claim(self, name, value, at_least=None, at_most=None):
        passed = ((at_least is None or value >= at_least)
                  and (at_most is None or value <= at_most))
        bound = ("at least %g" % at_least if at_most is None
                 else "at most %g" % at_most)
        self.claims.append((name, value, bound, passed))

    def finish(self):
        """Print the table; how many claims were missed."""
        print("\n   %-44s %10s %10s %10s  rounds" % ("", "median", "least",
                                                    "most"))
        for name, values in self.rows.items():
            print("   %-44s %10.2f %10.2f %10.2f  %d" % (
                name, statistics.median(values), min(values), max(values),
                len(values)))
        print()
        for name, value, bound, passed in self.claims:
            print("   %-44s %10.3f  %-16s %s" % (
                name, value, bound, "pass" if passed else "MISSED"))
        print(flush=True)
        return sum(not passed for *_, passed in self.claims)
