#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the log says what happened to each part and never holds a secret: no
# query of a URL, no header, on disk or on standard error.
. "$(dirname "$0")/lib.sh"

use_agent both
lfs_config lfsmultipart.maxRetryDelay 1
start_server --chunk-size 262144 --pick-download --multipart-threshold 500000
new_repo r
add_file r a.bin 1M
add_file r small.bin 5000
server_faults 'status=503,on=part,part=3' 'status=500,on=put'
GIT_LFS_MULTIPART_LOG=$TEST_TMP/log
GIT_LFS_MULTIPART_TRACE=debug
export GIT_LFS_MULTIPART_LOG GIT_LFS_MULTIPART_TRACE
check 'push' git -C r push -q origin main
check 'clone' clone_repo r c
check 'there is a log' test -s log
check 'a retry is in it, with its reason' grep 'part 3.*503' log
check 'URLs are in it' grep "$SERVER" log
check 'their queries are not' fails grep -i 'Signature=\|uploadId=\|Expires=' log
check 'headers are not' fails grep -i 'X-Object-Token' log
check 'only the user may read it' equal 600 "$(stat -c %a log)"

# git-lfs starts two agents, and one of them gets nothing to do.
GIT_LFS_MULTIPART_LOG=$TEST_TMP/idle
add_file r idle.bin 600K 1
check 'push of one object' git -C r push -q origin main
check 'only the agent that had it says how much memory that took' equal 1 \
	"$(grep -c 'peak memory' idle)"

# git-lfs reports a log that cannot or must not be opened, and nothing moves.
says () {
	fails git -C r push origin main >push.out 2>&1 && grep -F "$1" push.out
}

add_file r b.bin 600K 2
server_reset
GIT_LFS_MULTIPART_LOG=$TEST_TMP/nowhere/log
check 'a log file that cannot be opened is named' says \
	"cannot open the log file '$TEST_TMP/nowhere/log'"
mkdir open
chmod 1777 open
echo mine >victim
ln -s ../victim open/log
GIT_LFS_MULTIPART_LOG=$TEST_TMP/open/log
check 'a link in a folder of others is refused' says "log' is a link in a folder"
check 'and not written to' equal mine "$(cat victim)"
check 'nothing was moved' equal 0 "$(server_count requests.part)"
check 'a command says so, too' sh -c "
	cd r && '$AGENT' status 2>&1 | grep 'is a link in a folder'"
GIT_LFS_MULTIPART_LOG=/dev/stderr
check 'standard error is fine' git -C r push -q origin main
finish
