#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `fork` carries the objects of a history from one LFS server to another,
# without a checkout and without a file for each.
. "${0%/*}/lib.sh"

URL1=
URL2=

# fork_repo NAME: an empty clone of NAME's history, whose objects are still at
# the first server; its own are to be at the second.
fork_repo () {
	git init -q --bare "$1-fork.git" &&
	GIT_LFS_SKIP_SMUDGE=1 git clone -q -o upstream -c "remote.upstream.lfsurl=$URL1/$1.git/info/lfs" "$1.git" "$1-fork" &&
	git -C "$1-fork" remote add origin "$TEST_TMP/$1-fork.git" &&
	git -C "$1-fork" config remote.origin.lfsurl "$URL2/$1-fork.git/info/lfs"
}

run_fork () {
	repo=$1
	shift
	(cd "$repo" && "$AGENT" fork "$@") >"$TEST_TMP/out" 2>"$TEST_TMP/err"
}

start_server
URL1=$SERVER ROOT1=$ROOT CONTROL1=$CONTROL
start_server
URL2=$SERVER ROOT2=$ROOT CONTROL2=$CONTROL

SERVER=$URL1
new_repo a
for i in 1 2 3 4 5
do
	add_file a "small$i.bin" 100000 "$i"
done
add_file a large.bin 50000000 9
git -C a push -q origin main
check 'set up' fork_repo a

check 'the objects are carried' run_fork a-fork
cat out err
ls -R "$ROOT2" | head -30
finish
