# SPDX-License-Identifier: GPL-3.0-or-later
"""The File Locking API, in memory; the header X-User says who asks."""

import threading

TIME = "2026-01-01T00:00:00Z"


class Locks:
    def __init__(self):
        self.lock = threading.Lock()
        self.made = 0
        self.of_repo = {}       # repo -> id -> (path, owner)

    def answer(self, req, rest, asked):
        """Status and JSON for a request to locks/REST; `asked` is its body."""
        user = req.headers.get("x-user", "me")
        with self.lock:
            locks = self.of_repo.setdefault(req.repo, {})
            if rest == "verify":
                return self.verify(locks, user)
            if rest.endswith("/unlock"):
                return self.unlock(locks, user, rest[:-len("/unlock")], asked)
            if req.method == "POST":
                return self.create(locks, user, asked)
            return 200, {"locks": [
                self.show(locks, name) for name in locks
                if req.query.get("path", locks[name][0]) == locks[name][0]
                and req.query.get("id", name) == name]}

    @staticmethod
    def show(locks, name):
        path, owner = locks[name]
        return {"id": name, "path": path, "locked_at": TIME,
                "owner": {"name": owner}}

    def create(self, locks, user, asked):
        for name, (path, _) in locks.items():
            if path == asked["path"]:
                return 409, {"lock": self.show(locks, name),
                             "message": "already created lock"}
        self.made += 1
        locks[str(self.made)] = (asked["path"], user)
        return 201, {"lock": self.show(locks, str(self.made))}

    def verify(self, locks, user):
        shown = {True: [], False: []}
        for name in locks:
            shown[locks[name][1] == user].append(self.show(locks, name))
        return 200, {"ours": shown[True], "theirs": shown[False]}

    def unlock(self, locks, user, name, asked):
        if name not in locks:
            return 404, {"message": "no such lock"}
        if locks[name][1] != user and not asked.get("force"):
            return 403, {"message": "it is another's"}
        shown = self.show(locks, name)
        del locks[name]
        return 200, {"lock": shown}
