# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of the API: none, a password, or a token."""

import base64


class Login:
    def __init__(self, password, bearer):
        """`password` is USER:PASSWORD; None: none is taken."""
        self.taken = set()
        self.challenges = []
        if password:
            self.taken.add(
                "Basic " + base64.b64encode(password.encode()).decode())
            self.challenges.append('Basic realm="test"')
        if bearer:
            self.taken.add("Bearer " + bearer)
            self.challenges.append('Bearer realm="test"')

    def is_good(self, req):
        return (not self.taken
                or req.headers.get("authorization") in self.taken)

    def headers(self):
        """The headers of a 401 answer."""
        return {"WWW-Authenticate": ", ".join(self.challenges),
                "Lfs-Authenticate": self.challenges[0]}
