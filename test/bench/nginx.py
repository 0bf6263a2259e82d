# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx as the other side: it takes parts, serves files, and answers the
Batch API with a fixed answer.

    PUT  /put/...       a file below `root`/put, with an ETag
    GET  /get/...       the same file
    GET  /slow/...      the same at `slow` bytes a second and connection
    POST /done...       204
    POST /NAME/objects/batch   batch[NAME]
"""

import json
import os
import socket
import subprocess
import time

CONFIG = """
%(user)s
daemon off;
worker_processes auto;
pid %(root)s/nginx.pid;
error_log %(root)s/nginx.err;
events { worker_connections 512; }
http {
	client_max_body_size 0;
	client_body_buffer_size 512k;
	client_body_temp_path %(root)s/body;
	proxy_temp_path %(root)s/body;
	fastcgi_temp_path %(root)s/body;
	uwsgi_temp_path %(root)s/body;
	scgi_temp_path %(root)s/body;
	keepalive_requests 100000;
	sendfile on;
	default_type application/octet-stream;
	types { }
	log_format seconds "$request_method $uri $request_time";
	access_log %(root)s/access.log seconds;
	server {
		listen 127.0.0.1:%(port)d;
		location /put/ {
			root %(root)s;
			dav_methods PUT;
			add_header ETag '"part"' always;
		}
		location /get/ { alias %(root)s/put/; }
		location /slow/ { alias %(root)s/put/; limit_rate %(slow)s; }
		location /done { return 204; }
		%(batches)s
	}
}
"""

BATCH = """
		location = /%s/objects/batch {
			default_type application/vnd.git-lfs+json;
			return 200 '%s';
		}
"""


def batch_answer(transfer, oid, size, actions):
    return json.dumps({"transfer": transfer, "objects": [
        {"oid": oid, "size": size, "authenticated": True,
         "actions": actions}]})


class Nginx:
    """`batches`: names and functions that turn the URL into an answer."""

    def __init__(self, root, slow="0", batches=None):
        self.root = root
        os.makedirs(os.path.join(root, "put"))
        # The kernel picks the port, and nginx inherits the socket, which must
        # not block, or one worker would wait in accept() for ever.
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(512)
        self.sock.setblocking(False)
        port = self.sock.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % port
        config = CONFIG % {
            "user": "user root;" if os.geteuid() == 0 else "",
            "root": root, "port": port, "slow": slow,
            "batches": "".join(BATCH % (name, make(self.url))
                               for name, make in (batches or {}).items())}
        with open(os.path.join(root, "nginx.conf"), "w") as file:
            file.write(config)
        fd = self.sock.fileno()
        self.process = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", root, "-c", root + "/nginx.conf",
             "-e", root + "/nginx.err"],
            pass_fds=[fd], env=dict(os.environ, NGINX="%d;" % fd))
        self.wait_until_ready()

    def wait_until_ready(self):
        for _ in range(200):
            if os.path.exists(self.root + "/nginx.pid"):
                return
            time.sleep(0.02)
        raise RuntimeError("nginx does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.sock.close()

    def clear(self):
        """Remove the files that were put there."""
        folder = os.path.join(self.root, "put")
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))

    def file(self, name):
        return os.path.join(self.root, "put", name)

    def cpu(self):
        """Processor seconds of its workers so far."""
        pid, ticks = self.process.pid, 0
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            workers = file.read().split()
        for worker in workers:
            with open("/proc/%s/stat" % worker) as file:
                fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def put_seconds(self):
        """How long the latest PUT took, by nginx's own clock."""
        with open(self.root + "/access.log") as file:
            puts = [line for line in file if line.startswith("PUT ")]
        return float(puts[-1].split()[-1])
