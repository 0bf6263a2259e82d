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
GIT_LFS_MULTIPART_TRACE=trace
export GIT_LFS_MULTIPART_LOG GIT_LFS_MULTIPART_TRACE
check 'push' git -C r push -q origin main
check 'clone' clone_repo r c
check 'there is a log' test -s log
check 'a retry is in it, with its reason' grep 'part 3.*503' log
check 'URLs are in it' grep "$SERVER" log
check 'their queries are not' fails grep -i 'Signature=\|uploadId=\|Expires=' log
check 'headers are not' fails grep -i 'X-Object-Token' log
check 'only the user may read it' equal 600 "$(stat -c %a log)"
finish
