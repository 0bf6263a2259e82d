#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `fork --push` pushes what it says and nothing else, carries the objects
# of all that it pushes, and knows beforehand what git would refuse.
. "${0%/*}/lib.sh"

# make_fork NAME [OPTION...]: a clone of up.git, whose objects are at the
# source; its own, NAME.git, is empty and has its objects at the target.
make_fork () {
	name=$1
	shift
	{
		git init -q --bare "$name.git" &&
		GIT_LFS_SKIP_SMUDGE=1 git clone -q -o upstream \
			-c "remote.upstream.lfsurl=$FROM/up.git/info/lfs" \
			"$@" "file://$TEST_TMP/up.git" "$name" &&
		git -C "$name" remote add origin "$TEST_TMP/$name.git" &&
		git -C "$name" config remote.origin.lfsurl "$(lfs_url "$name")"
	} || die "make_fork $name"
}

# In the fork $1; what it says is in `out` and `err`.
run_fork () {
	repo=$1
	shift
	(cd "$repo" && exec timeout 60 "$AGENT" fork "$@") >out 2>err
}

# status_of COMMAND...: fails with its status, for `equal`.
status_of () {
	"$@"
	echo $?
}

# How many objects the target has of a fork.
count_objects () {
	find "$ROOT/$1/objects" -type f | wc -l
}

start_server
FROM=$SERVER
new_repo up
for i in 1 2 3 4
do
	add_file up data.bin $((i * 1000)) "$i"
done
git -C up push -q origin main || die 'push'
start_server

# Git pushes the history as it is, whatever stands in for it here.
make_fork replaced
git -C replaced replace --graft HEAD
check 'a history cut by git replace' run_fork replaced --push main
check 'a history cut by git replace: what is pushed has its objects' \
	equal "$(count_objects replaced)" 4
make_fork grafted
git -C grafted rev-parse HEAD >grafted/.git/info/grafts
check 'a history cut by a grafts file' run_fork grafted --push main
check 'a history cut by a grafts file: what is pushed has its objects' \
	equal "$(count_objects grafted)" 4
check 'a history cut by a grafts file: all of it is pushed' \
	equal "$(git -C grafted.git rev-list --count main)" 5
check 'git says nothing of grafts' fails grep -i deprecated err
finish
