# SPDX-License-Identifier: GPL-3.0-or-later
"""A Git LFS server that misbehaves on command: for tests and the demo.

    conn.py      one connection: HTTP/1.1 on a socket, rate limit
    links.py     signed links that expire
    login.py     passwords and tokens of the API
    store.py     objects and unfinished uploads on disk
    counters.py  what was asked of the server, as numbers and as a log
    faults.py    the table of faults, and which request gets one
    download.py  the answer to a GET: ranges, and everything that spoils one
    dialects.py  the shapes of a batch answer, one class each
    steps.py     uploads whose parts are actions of their own
    app.py       routes, and one function for each kind of request
"""
