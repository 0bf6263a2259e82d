#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Goal: `pull` works in every kind of repository and work tree that git knows,
# and git and git-lfs find all in order afterwards.
. "${0%/*}/lib.sh"
. "${0%/*}/pull.sh"

start_server
new_repo a
mkdir a/d a/e
make_file a/one.bin 300K 1
make_file a/d/two.bin 20K 2
make_file a/e/three.bin 10K 3
make_file "a/new
line.bin" 1K 4
make_file "a/ümläut \"'.bin" 2K 5
git -C a add . && git -C a commit -q -m 'objects'
git -C a push -q origin main || die 'push'

# whole NAME DIR WHAT: pull in DIR, and all agree.
whole () {
	check "$3" run_pull "$2"
	check "$3: all agree" agrees "$1" "$2"
	check "$3: in folders, too" same_files "$1/e" "$2/e"
}

pointers a b
whole a b 'names with newlines and quotes'
pointers a sub
check 'in a folder' run_pull sub/e
check 'in a folder: all agree' agrees a sub

# Work trees.
pointers a w
GIT_LFS_SKIP_SMUDGE=1 git -C w worktree add -q ../w2 -b other
settle w2
settle w
whole a w2 'a second work tree'
check 'the first is left' equal "$(lfs_state w | grep -c '^\*')" 0
check 'the first has the objects' run_pull w --json
check 'the first has the objects: none is fetched' \
	equal "$(number fetched_bytes)" 0
check 'the first: all agree' agrees a w

# A submodule.
git init -q super
GIT_LFS_SKIP_SMUDGE=1 git -C super -c protocol.file.allow=always submodule --quiet add \
	"$TEST_TMP/a.git" part 2>sub.err || cat sub.err
git -C super/part config lfs.url "$(lfs_url a)"
settle super/part
whole a super/part 'a submodule'

# Sparse checkouts, where only some files are wanted.
pointers a cone --sparse
git -C cone sparse-checkout set d
settle cone
check 'a cone' run_pull cone
check 'a cone: its file' cmp a/d/two.bin cone/d/two.bin
check 'a cone: not the others' test ! -e cone/e
check 'a cone: the status' is_clean cone
check 'a cone: only its objects' \
	equal "$(find cone/.git/lfs/objects -type f | wc -l)" 4
pointers a index --sparse
git -C index sparse-checkout set --sparse-index e
settle index
check 'a sparse index' run_pull index
check 'a sparse index: its file' cmp a/e/three.bin index/e/three.bin
check 'a sparse index: the status' is_clean index
pointers a pat --no-checkout
git -C pat sparse-checkout set --no-cone '/*.bin' '!/one.bin'
GIT_LFS_SKIP_SMUDGE=1 git -C pat checkout -q main
settle pat
check 'patterns' run_pull pat
check 'patterns: not the others' test ! -e pat/one.bin -a ! -e pat/d
check 'patterns: the status' is_clean pat

# An index that only git can write, just after a clone: git asks the filter of the
# update about files that it does not trust yet, an empty one among them.
git -C a switch -q -c empty
: >a/empty.bin
git -C a add . && git -C a commit -q -m 'an empty file'
git -C a push -q origin empty || die 'push of empty'
git -C a switch -q main
GIT_LFS_SKIP_SMUDGE=1 clone_repo a split -b empty
git -C split update-index --split-index
: >"$FILTERS"
check 'a split index' run_pull split e
check 'a split index: the file' cmp a/e/three.bin split/e/three.bin
check 'a split index: the rest' run_pull split
check 'a split index: the bytes are right' same_files a split
check 'a split index: the status' \
	equal "$(git -C split status --porcelain)" ''

# Clones that lack something.
pointers a shallow --depth 1 --no-local
whole a shallow 'a shallow clone'
git -C a.git config uploadpack.allowFilter true
git -C a.git config uploadpack.allowAnySHA1InWant true
GIT_LFS_SKIP_SMUDGE=1 git clone -q --no-local --filter=blob:none \
	-c lfs.url="$(lfs_url a)" "file://$TEST_TMP/a.git" partial
settle partial
whole a partial 'a partial clone'

# Where objects are kept.
pointers a stored -c lfs.storage="$TEST_TMP/storage"
whole a stored 'lfs.storage'
check 'lfs.storage: there they are' \
	equal "$(find storage/objects -type f | wc -l)" 5
pointers a shared -c core.sharedRepository=group
chmod -R g+ws shared/.git
whole a shared 'core.sharedRepository'
check 'core.sharedRepository: the group can read' equal \
	"$(find shared/.git/lfs/objects -type f ! -perm -040)" ''
pointers a crlf -c core.autocrlf=true
whole a crlf 'core.autocrlf'
chmod -R a-w b/.git/lfs/objects
GIT_LFS_SKIP_SMUDGE=1 git clone -q --shared -c lfs.url="$(lfs_url none)" b borrowed
settle borrowed
server_reset
whole a borrowed "another's storage, by alternates"
check "another's storage: nothing is fetched" \
	equal "$(server_count requests.get)" 0
chmod -R u+w b/.git/lfs/objects

# Remotes that are paths.
git clone -q --bare a.git local.git
mkdir -p local.git/lfs
cp -R b/.git/lfs/objects local.git/lfs/
for url in "$TEST_TMP/local.git" "file://$TEST_TMP/local.git"
do
	GIT_LFS_SKIP_SMUDGE=1 git clone -q "$url" path
	settle path
	whole a path "${url%%/*}//"
	rm -rf path
done
GIT_LFS_SKIP_SMUDGE=1 git clone -q local.git path
object=$(oid_of a/one.bin)
find local.git/lfs -name "$object" -delete
check 'a path that lacks an object' equal "$(status_of run_pull path)" 1
check 'a path that lacks an object: the path is named' \
	grep -q '300 KiB  one.bin  ' out
check 'a path that lacks an object: the others' cmp a/d/two.bin path/d/two.bin

# Git's other hash.
git init -q --object-format=sha256 --bare s.git
git init -q --object-format=sha256 s
git -C s remote add origin "$TEST_TMP/s.git"
git -C s config lfs.url "$(lfs_url s)"
cp a/.gitattributes s && cp -R a/one.bin a/e s
git -C s add . && git -C s commit -q -m 'objects'
git -C s push -q origin main || die 'push of s'
pointers s s2
whole s s2 'a repository with SHA-256'
finish
