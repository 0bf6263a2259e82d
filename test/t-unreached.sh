#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a server that has never answered is given up on after a few seconds for
# the whole command, not for each object; one that has answered is waited for.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfs.concurrenttransfers 8
export GIT_LFS_SKIP_SMUDGE=1
start_server --dialect basic
new_repo r
add_files r 24
git -C r push -q origin main || die push

# fetch: into a new clone; what the agents do is in the log
fetch () {
	rm -rf clone log
	clone_repo r clone
	server_reset
	GIT_LFS_MULTIPART_LOG=$TEST_TMP/log GIT_LFS_MULTIPART_TRACE=info \
		git "$@" -C clone lfs fetch origin main >fetch.out 2>&1
}
told () {
	equal 24 "$(grep -c "error transferring.*$1" fetch.out)"
}
# retried: how often in all an agent has paused before another try
retried () {
	grep -c 'again in' log
}

# Instead of the ten seconds.
lfs_config lfsmultipart.offlineTimeout 1
server_faults 'status=502,on=batch,times=0'
check 'a gateway in front of nothing' fails fetch
check 'is asked by one agent, for a while' at_most \
	"$(server_count requests.batch)" 9
check 'each object is told why' told '502 Bad Gateway'
server_nofaults
server_faults 'page=503,on=batch,times=0'
check 'a front that says so in a page' fails fetch
check 'is asked by one agent, for a while' at_most \
	"$(server_count requests.batch)" 9
check 'each object is told why' told '503 .*: Blocked by'
server_nofaults

lfs_config lfsmultipart.offlineTimeout 900
server_faults 'status=502,on=batch,times=1'
check 'one that comes up meanwhile' fetch
check 'all are there' equal 24 \
	"$(find clone/.git/lfs/objects -type f | wc -l)"
lfs_config lfsmultipart.offlineTimeout 1

# A port where nobody listens.
/usr/bin/python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])
' >port
lfs_config "url.http://127.0.0.1:$(cat port)/.insteadOf" "$SERVER/"
check 'a server that is not there' fails fetch
check 'is tried by one agent, for a while' at_most "$(retried)" 9
check 'each object is told why' told "127.0.0.1:$(cat port)"
git config --global --unset "url.http://127.0.0.1:$(cat port)/.insteadOf"

# The server answers, but what it leads to is not there.
dead=127.0.0.1:$(cat port)
server_faults "elsewhere=$dead,times=0"
check 'links to where nobody is' fails fetch
check 'are tried by each agent, for a while' at_most "$(retried)" 80
check 'each object is told why' told "$dead.*; the LFS server's link leads there"
server_nofaults
server_faults "redirect=http://$dead/,on=get,times=0"
check 'redirects to where nobody is' fails fetch
check 'are tried by each agent, for a while' at_most "$(retried)" 80
check 'each object is told why' told "$dead"
server_nofaults
server_faults "redirect=http://$dead/,on=batch,times=0"
check 'so are those of the batch' fails fetch
check 'by each agent, for a while' at_most "$(retried)" 80
check 'each object is told why' told "$dead"
server_nofaults

check 'the next command tries it again' fetch
check 'and has all of them' equal 24 \
	"$(find clone/.git/lfs/objects -type f | wc -l)"
finish
