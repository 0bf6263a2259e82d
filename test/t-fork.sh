#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `fork` carries the objects of a history from one LFS server to another,
# without a checkout and without a file for each.
. "${0%/*}/lib.sh"

# make_fork NAME: a clone of the repository a, whose objects are at the first
# server ($FROM); its own shall be at the second ($TO).
make_fork () {
	{
		git init -q --bare "$1.git" &&
		GIT_LFS_SKIP_SMUDGE=1 git clone -q -o upstream \
			-c "remote.upstream.lfsurl=$FROM/a.git/info/lfs" \
			a.git "$1" &&
		git -C "$1" remote add origin "$TEST_TMP/$1.git" &&
		git -C "$1" config remote.origin.lfsurl "$TO/$1.git/info/lfs"
	} || die "make_fork $1"
}

# In the fork $1; what it says is in `out` and `err`.
run_fork () {
	repo=$1
	shift
	(cd "$repo" && exec "$AGENT" fork "$@") >out 2>err
}

has_all () {
	for file in a/*.bin
	do
		server_has "$1" "$file" || return 1
	done
}

start_server
FROM=$SERVER
FROM_CONTROL=$CONTROL
new_repo a
for i in 1 2 3 4 5
do
	make_file "a/small$i.bin" $((i * 100000)) "$i"
done
make_file a/large.bin 30000000 9
git -C a add . && git -C a commit -q -m 'objects'
git -C a push -q origin main || die "push"

start_server --chunk-size 5242880
TO=$SERVER

make_fork b
check 'a dry run moves nothing' run_fork b --dry-run
check 'and says what would be moved' grep -q 'would move  *6 objects' out
check 'and asks once' equal "$(server_log batch | wc -l)" 1
check 'fork' run_fork b
check 'it says so' grep -q '^moved  *6 objects' out
check 'the target has all' has_all b
check 'no object is in the local storage' equal \
	"$(find b/.git/lfs -type f -size +15k)" ''
check 'asked about all at once' equal "$(server_log batch | wc -l)" 2
CONTROL=$FROM_CONTROL
check 'and the source as well' equal "$(server_log batch | grep -c 200)" 3
check 'each byte is fetched once' equal \
	"$(server_count bytes_out | sed 's/.*get.: \([0-9]*\).*/\1/')" 31500000
finish
