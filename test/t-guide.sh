#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: Hugging Face's guide to forking a repository with its LFS objects works
# as it is written, with this agent in place of the Python one; and `fork
# --push` does the same in one go, without overwriting what it has not seen.
. "${0%/*}/lib.sh"

# The fork NAME.git at the second server, which is what `origin` means from now
# on.  It is not empty: it has a README and a small.bin of its own.
make_fork () {
	{
		cp -r start.git "$1.git" &&
		cp -r "$ROOT/start" "$ROOT/$1" &&
		lfs_config remote.origin.lfsurl "$(lfs_url "$1")"
	} || die "make_fork $1"
	server_reset
}

# A clone without objects, which knows upstream.
clone_fork () {
	{
		GIT_LFS_SKIP_SMUDGE=1 git clone -q "$TEST_TMP/$1.git" &&
		git -C "$1" lfs install --skip-smudge --local &&
		git -C "$1" remote add upstream "$TEST_TMP/upstream.git" &&
		git -C "$1" fetch -q upstream
	} >/dev/null || die "clone_fork $1"
}

# The guide, up to the objects of upstream.
begin_guide () {
	git clone -q "$TEST_TMP/$1.git" &&
	git -C "$1" lfs install --skip-smudge --local &&
	git -C "$1" remote add upstream "$TEST_TMP/upstream.git" &&
	git -C "$1" fetch -q upstream &&
	git -C "$1" lfs fetch --all upstream
}

override () {
	git -C "$1" reset -q --hard upstream/main
}

# The merge keeps both lines of the README, and the fork's small.bin, which a
# rebase calls `theirs`.
rebase () {
	if git -C "$1" rebase -q upstream/main
	then
		echo 'there was no conflict'
		return 1
	fi
	sed -i '/^[<=>]/d' "$1/README.md" &&
	git -C "$1" checkout -q --theirs small.bin &&
	git -C "$1" add README.md small.bin &&
	git -C "$1" -c core.editor=true rebase --continue
}

# The rest of it, once the history is as it shall be.
end_guide () {
	git -C "$1" lfs install --force --local &&
	git lfs-multipart install "$1" &&
	git -C "$1" push -q --force origin main
}

fork_push () {
	(cd "$1" && git lfs-multipart fork --push) >out 2>err
}

main_of () {
	git -C "$1.git" rev-parse main
}

has_upstreams () {
	for file in old large small
	do
		server_has "$1" "$file.bin" || return 1
	done
}

is_upstreams () {
	equal "$(main_of "$1")" "$(main_of upstream)" && has_upstreams "$1"
}

# Upstream, one commit of the fork's, and all objects of both.
is_rebased () {
	equal "$(git -C "$1.git" rev-parse main^)" "$(main_of upstream)" &&
	equal "$(git -C "$1.git" show main:README.md)" "$(cat both)" &&
	has_upstreams "$1" &&
	server_has "$1" own.bin
}

# old.bin has 2 parts and large.bin 5, each sent once; small.bin is one PUT.
went_in_parts () {
	equal "$(server_count requests.part)" 7 &&
	equal "$(server_count requests.complete)" 2 &&
	equal "$(server_count requests.put)" "$1"
}

make_file old.bin 2000000 1
make_file large.bin 5000001 2
make_file small.bin 100000 3
make_file own.bin 100001 4

start_server
FROM_ROOT=$ROOT
lfs_config remote.upstream.lfsurl "$(lfs_url upstream)"
new_repo upstream
cp old.bin upstream/large.bin
git -C upstream add . && git -C upstream commit -q -m 'the old one'
cp large.bin small.bin upstream
echo 'of upstream' >upstream/README.md
git -C upstream add . && git -C upstream commit -q -m 'the new ones'
git -C upstream push -q origin main || die 'push of upstream'

start_server --chunk-size 1048576 --multipart-threshold 1000000
new_repo start
cp own.bin start/small.bin
echo 'of the fork' >start/README.md
git -C start add . && git -C start commit -q -m "the fork's own"
git -C start push -q origin main || die 'push of the fork'
# From here on the hooks are those that `git lfs install` writes.
git config --global --unset core.hooksPath
printf 'of upstream\nof the fork\n' >both

make_fork a
check 'the guide to its step 3' begin_guide a
check '4.a: override the history' override a
check 'the guide to its end' end_guide a
check 'the fork is as upstream' is_upstreams a
check 'large objects went in parts' went_in_parts 1

make_fork b
check 'the guide to its step 3 once more' begin_guide b
check '4.b: rebase, with conflicts' rebase b
check 'the guide to its end after that' end_guide b
check 'the fork is ahead of upstream' is_rebased b
check 'large objects went in parts, and none twice' went_in_parts 1

make_fork c
clone_fork c
override c
before=$(main_of c)
lost=$(ROOT=$FROM_ROOT; object_at upstream small.bin)
mv "$lost" lost
check 'fork --push with an object missing fails' fails fork_push c
check 'it pushes nothing' equal "$(main_of c)" "$before"
check 'it says so' grep -q 'not pushed' err
check 'and names the object' grep -q "^  $(oid_of small.bin)" out
check 'the others are there' went_in_parts 0
mv lost "$lost"
check 'fork --push: override the history' fork_push c
check 'it says that it has pushed' grep -q '^pushed' out
check 'the fork is as upstream' is_upstreams c
check 'large objects went in parts, and none again' went_in_parts 1
check 'no object was on this disk' equal \
	"$(find c/.git/lfs -type f -size +15k ! -name notes)" ''

make_fork d
clone_fork d
check 'rebase without any object here' rebase d
theirs=$(git -C d.git commit-tree -p main -m 'by others' 'main^{tree}')
git -C d.git update-ref refs/heads/main "$theirs"
check 'fork --push does not overwrite what others have pushed' \
	fails fork_push d
check 'it is still there' equal "$(main_of d)" "$theirs"
check 'the message says what to do' grep -q 'run git fetch origin' err
check 'and nothing has moved' equal "$(server_count requests.part)" 0
check 'but not that it has pushed' fails grep -q '^pushed' out
git -C d fetch -q origin
check 'who has looked at it may push: after a rebase' fork_push d
check 'the fork is ahead of upstream' is_rebased d
check 'large objects went in parts, and none again' went_in_parts 1
finish
