#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Goal: `fetch` brings the objects of refs into the local storage, and takes the
# same refs and options as `git lfs fetch`.
. "${0%/*}/lib.sh"
. "${0%/*}/pull.sh"

start_server
new_repo a
add_file a one.bin 300K 1
git -C a tag old
add_file a one.bin 200K 2
make_file a/two.bin 100K 3
git -C a add . && git -C a commit -q -m 'two'
git -C a switch -q -c side
add_file a side.bin 50K 4
git -C a switch -q main
git -C a push -q origin main side old || die 'push'

oids=$(printf '%s\n' one.bin:1 two.bin:1)

# objects_of DIR: how many objects the storage has.
objects_of () {
	find "$1/.git/lfs/objects" -type f 2>/dev/null | wc -l
}

# as_git_lfs DIR WORD...: the storage is the same after git-lfs has fetched.
as_git_lfs () {
	dir=$1
	shift
	pointers a theirs
	git -C theirs lfs fetch "$@" >theirs.out 2>&1
	(cd theirs/.git/lfs/objects && find . -type f | sort) >theirs.list
	(cd "$dir/.git/lfs/objects" && find . -type f | sort) >ours.list
	rm -rf theirs
	diff ours.list theirs.list
}

# fetches WHAT N WORD...: `fetch WORD...` brings N objects, as git-lfs does.
fetches () {
	what=$1
	n=$2
	shift 2
	pointers a b
	check "$what" run_fetch b "$@"
	check "$what: it says so" shows out "^fetched  *$n objects?, "
	check "$what: as git-lfs" as_git_lfs b "$@"
	check "$what: no file is touched" \
		equal "$(git -C b status --porcelain; git -C b grep -c oid)" "$oids"
	rm -rf b
}

fetches 'HEAD' 2
fetches 'a remote' 2 origin
fetches 'a branch' 3 origin origin/side
fetches 'two refs' 3 origin old main
fetches 'a commit' 1 origin "$(git -C a rev-parse old)"
fetches 'all' 4 --all
fetches 'all of a remote' 4 --all origin
pointers a b
check 'all that refs reach' run_fetch b --all origin old
check 'all that refs reach: no other' shows out '^fetched  *1 object, '
rm -rf b
fetches 'include' 1 -I 'one.*'
fetches 'exclude' 1 -X 'one.*' origin main

pointers a b
git -C b config lfs.fetchexclude two.bin
check 'lfs.fetchexclude' run_fetch b
check 'lfs.fetchexclude: honoured' equal "$(objects_of b)" 1
check 'lfs.fetchexclude: not with --all' run_fetch b --all
check 'lfs.fetchexclude: not with --all: all are here' equal "$(objects_of b)" 4
check 'objects that are here' run_fetch b --json --all
check 'objects that are here: nothing is fetched' \
	equal "$(number fetched_bytes)" 0
check 'objects that are here: it is complete' grep -q '"complete":true' out
check 'pull places what fetch brought' run_pull b -X ''
check 'pull places what fetch brought: all agree' agrees a b

pointers a c
check 'a dry run' run_fetch c --dry-run --all
check 'a dry run says what would be fetched' \
	grep -q '^would fetch  *4 objects, 650 KiB:$' out
check 'a dry run says what the disk needs' \
	grep -q '^would need  *650 KiB of the disk at most$' out
check 'a dry run fetches nothing' equal "$(objects_of c)" 0
object=$(object_at a a/two.bin)
mv "$object" object
check 'a missing object' equal "$(status_of run_fetch c)" 1
check 'a missing object is named' grep -q '100 KiB  two.bin  ' out
check 'a missing object: the other is here' equal "$(objects_of c)" 1
mv object "$object"

git clone -q --bare a.git bare.git
git -C bare.git config lfs.url "$(lfs_url a)"
check 'a bare repository' run_fetch bare.git
check 'a bare repository: its objects' \
	equal "$(find bare.git/lfs/objects -type f | wc -l)" 2
rm -rf bare.git/lfs
check 'pull in a bare repository is a fetch' run_pull bare.git
check 'pull in a bare repository: its objects' \
	equal "$(find bare.git/lfs/objects -type f | wc -l)" 2
check 'a bare repository and --no-store' \
	equal "$(status_of run_pull bare.git --no-store)" 1

for words in '--all -I x' '--all -X x' '--sideways'
do
	# shellcheck disable=SC2086
	check "fetch $words: the exit status" \
		equal "$(status_of run_fetch c $words)" 129
	check "fetch $words: the usage is shown" grep -q '^usage: ' err
done
check 'no such remote' equal "$(status_of run_fetch c main)" 1
check 'no such remote: it is named' grep -q "there is no remote 'main'" err
check 'no such ref' equal "$(status_of run_fetch c origin nothing)" 1
check 'no such ref: it is named' grep -q nothing err
finish
