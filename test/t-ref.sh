#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in standalone mode a batch names the ref that the objects are for, the
# same as git-lfs 3.8 names in a download.
. "$(dirname "$0")/lib.sh"

use_standalone
git config --global --unset lfs.standalonetransferagent
ours='-c lfs.standalonetransferagent=lfs-multipart'

# The ref that a fetch of a.bin in DIR names.
fetched () {
	dir=$1
	shift
	server_reset
	rm -rf r/.git/lfs/objects
	git -C "$dir" "$@" lfs fetch "$remote" HEAD >fetch.out 2>&1 ||
		cat fetch.out
	server_refs | sort -u
}

# row WHAT DIR REF [OLDER]: of a fetch by git-lfs, maybe an older one, and by us
row () {
	ref=$(fetched "$2")
	test "$ref" != "${4-}" || ref=$3
	check "$1: by git-lfs" equal "$3" "$ref"
	# shellcheck disable=SC2086 # two words
	check "$1: by us" equal "$3" "$(fetched "$2" $ours)"
}

# pushed WHAT DIR REF ARG...: what a push of a new object names
pushed () {
	what=$1
	dir=$2
	ref=$3
	shift 3
	number=$((number + 1))
	add_file "$dir" "$number.bin" 1000 "$number"
	server_reset
	# shellcheck disable=SC2086 # two words
	check "$what" git -C "$dir" $ours push -q "$@"
	check "$what: ref" equal "$ref" "$(server_refs | sort -u)"
}

number=0
start_server --dialect basic
remote=origin
new_repo r
git init -q --bare fork.git
git -C r remote add fork "$TEST_TMP/fork.git"

pushed 'the first push' r refs/heads/main origin main
row 'without an upstream' r refs/heads/main
git -C r branch -q --set-upstream-to=origin/main
row 'with an upstream' r refs/heads/main
git -C r tag main
row 'a tag of that name' r refs/heads/main
pushed 'and a push' r refs/heads/main origin HEAD:refs/heads/main
git -C r tag -d main >/dev/null

git -C r checkout -q -b topic/a.b --track origin/main
row 'an upstream of another name' r refs/heads/main
pushed 'a push to it' r refs/heads/main origin HEAD:main
pushed 'to another remote' r refs/heads/topic/a.b fork topic/a.b
remote=fork
row 'a fetch from there' r refs/heads/main refs/heads/topic/a.b
remote=origin
git -C r config push.default current
row 'push.default is current' r refs/heads/main refs/heads/topic/a.b
pushed 'and a push' r refs/heads/topic/a.b origin topic/a.b
git -C r config --unset push.default

git -C r worktree add -q ../tree -b other 2>/dev/null
row 'a worktree' tree refs/heads/other
pushed 'a push from there' tree refs/heads/other origin other
git -C r checkout -q --detach
# shellcheck disable=SC2086 # two words
check 'on no branch: none' equal - "$(fetched r $ours)"
pushed 'a push from there' r - origin HEAD:refs/heads/detached
finish
