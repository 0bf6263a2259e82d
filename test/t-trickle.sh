#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a connection that brings a byte a second holds up nothing: what it has
# not brought comes by another one, and no byte comes twice.  An upload begins
# its part anew for that, twice at most, and not with more than half of it sent.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfs.concurrenttransfers 1
lfs_config lfsmultipart.connections 4
lfs_config lfsmultipart.partSize 1m
# A part takes a second.
start_server --dialect basic --rate 1000000
repo=s
for size in 300K 3M 12M
do
	new_repo $repo
	add_file $repo 1.bin $size
	git -C $repo push -q origin main || die "push of $repo"
	repo=${repo}x
done

# fetch REPO SPEC WHAT REQUESTS BATCHES: it would take seconds without the fault,
# and days if a trickle were waited for
fetch () {
	rm -rf c
	GIT_LFS_SKIP_SMUDGE=1 clone_repo "$1" c || die 'clone'
	server_nofaults
	server_faults "$2"
	server_reset
	check "$3: it comes" git -C c lfs fetch
	git -C c lfs checkout >/dev/null 2>&1
	check "$3: the bytes are right" same_files "$1" c
	check "$3: a few bytes are cut off at the most" at_most \
		$(($(server_count bytes_out.get) + $(server_count bytes_cut.get))) \
		$(($(wc -c <"$1/1.bin") + 2 * $4))
	check "$3: few requests are in vain" at_most \
		"$(server_count requests.get)" "$4"
	check "$3: the server is asked as often as it has to be" equal "$5" \
		"$(server_count requests.batch)"
}

fetch sxx 'trickle,every=4,times=0' 'each fourth of many' 24 1
fetch sx 'trickle,skip=2' 'the last of a few' 4 1

# Uploads: the second part is slow whenever it is sent, the fifth once the most
# of it is.  Neither is ever slow enough to be called a stall.
download=$SERVER download_control=$CONTROL
start_server --dialect hf --chunk-size 2097152 --rate 2000000
new_repo up
add_file up 1.bin 24M
server_faults 'trickle=80000,on=part,part=2,times=2' \
	'trickle=200000,on=part,part=2,times=0' \
	'trickle=100000,on=part,part=5,after=1200000,times=0'
GIT_LFS_MULTIPART_LOG=$TEST_TMP/log
export GIT_LFS_MULTIPART_LOG
check 'upload: it is pushed' git -C up push -q origin main
unset GIT_LFS_MULTIPART_LOG
check 'upload: the bytes are right' server_has up up/1.bin
slower () {
	grep -c "part $1 of 12: far slower than the object's other" log
}
check 'upload: a trickle is closed' at_most 1 "$(slower 2)"
check 'upload: twice at the most' at_most "$(slower 2)" 2
check 'upload: and no third time' equal $(($(slower 2) + 1)) \
	"$(server_log part | grep -c '^part PUT [0-9]* 2 ')"
check 'upload: not with more than half of the part sent' equal 0 "$(slower 5)"
check 'upload: which is sent once' equal 1 \
	"$(server_log part | grep -c '^part PUT [0-9]* 5 ')"
SERVER=$download CONTROL=$download_control

lfs_config lfsmultipart.stallTimeout 2
# An object in one part: as after any failure, the link may be the matter.
fetch s 'trickle' 'the only one' 2 2

# If only a trickle comes, on one connection or on all, a message says so.
lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 1
for repo in s sx
do
	rm -rf c
	GIT_LFS_SKIP_SMUDGE=1 clone_repo $repo c || die 'clone'
	server_nofaults
	server_faults trickle,times=0
	git -C c lfs fetch >fetch.out 2>&1
	check "$repo: only trickles: it fails" equal $? 2
	check "$repo: only trickles: and says so" \
		grep "1\.bin.*less than 1 KiB a second" fetch.out
done
finish
