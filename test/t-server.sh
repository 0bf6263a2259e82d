#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the test server is an LFS server to git-lfs itself, and its refusals
# and counters work; no other test means anything if these fail.
. "$(dirname "$0")/lib.sh"

start_server --dialect basic --auth me:secret
new_repo r
lfs_config credential.helper '!f() { echo username=me; echo password=secret; }; f'
add_file r a.bin 1M
add_file r b.bin 300K
check 'git-lfs pushes with its basic transfer' git -C r push -q origin main
check 'the server has the bytes' server_has r r/a.bin
check 'the other object too' server_has r r/b.bin
check 'two PUTs, each verified' equal \
	"$(server_count requests.put) $(server_count requests.verify)" '2 2'
check 'the password was asked for' equal "$(server_count status.401)" 1
check 'git-lfs clones' clone_repo r c
check 'the clone is equal' cmp r/a.bin c/a.bin
check 'a wrong password is refused' fails git -C r -c \
	credential.helper='!f() { echo username=me; echo password=no; }; f' \
	lfs fetch --all --quiet origin
check 'counters can be reset' server_reset
check 'and are zero then' equal "$(server_count requests.put)" 0

rm -rf c
server_faults flip,times=0,after=1000
check 'a spoilt download is noticed' fails clone_repo r c
server_nofaults

check 'the multipart client of the suite is content' \
	/usr/bin/python3 "$LIB/server_check.py" "$TEST_TMP/parts"
check 'and the one of parts that are actions' \
	/usr/bin/python3 "$LIB/steps_check.py" "$TEST_TMP/steps"
finish
