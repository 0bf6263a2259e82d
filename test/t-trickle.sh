#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a connection that brings a byte a second holds up nothing: what it has
# not brought comes by another one, and no byte comes twice.
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

# fetch REPO SPEC WHAT REQUESTS BATCHES: it would take seconds without the fault
fetch () {
	rm -rf c
	GIT_LFS_SKIP_SMUDGE=1 clone_repo "$1" c || die 'clone'
	server_nofaults
	server_faults "$2"
	server_reset
	check "$3: it comes" timeout 100 git -C c lfs fetch
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
lfs_config lfsmultipart.stallTimeout 2
# An object in one part: as after any failure, the link may be the matter.
fetch s 'trickle' 'the only one' 2 2

# Where nothing but a trickle comes, on one connection or on all, it is said.
lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 1
for repo in s sx
do
	rm -rf c
	GIT_LFS_SKIP_SMUDGE=1 clone_repo $repo c || die 'clone'
	server_nofaults
	server_faults trickle,times=0
	timeout 100 git -C c lfs fetch >fetch.out 2>&1
	check "$repo: only trickles: it fails, and not by the time limit" \
		equal $? 2
	check "$repo: only trickles: and says so" \
		grep "1\.bin.*less than 1 KiB a second" fetch.out
done
finish
