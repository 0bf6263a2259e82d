#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Goal: `clone` leaves what `git clone` with git-lfs leaves, in any form that git
# clone has, and goes on if it is run again.
. "${0%/*}/lib.sh"
. "${0%/*}/pull.sh"

start_server
new_repo a
mkdir a/d
make_file a/one.bin 300K 1
make_file a/d/two.bin 20K 2
# All clones find the server.
echo "[lfs]
	url = $(lfs_url a)" >a/.lfsconfig
git -C a add . && git -C a commit -q -m 'objects'
git -C a switch -q -c side
add_file a side.bin 50K 4
git -C a switch -q main
git -C a push -q origin main side || die 'push'

# run_clone WORD...: `clone`; what it says is in `out` and `err`.
run_clone () {
	: >"$FILTERS"
	run_in . clone "$@"
}

objects_of () {
	find "$1" -path '*lfs/objects/*' -type f | wc -l
}

# agree DIR: as agrees, without a look at git's own filter runs in the clone.
agree () {
	: >"$FILTERS"
	agrees a "$1" && cmp a/d/two.bin "$1/d/two.bin"
}

mkdir x
(cd x && timeout 60 "$AGENT" clone "$TEST_TMP/a.git") >out 2>err
check 'clone' agree x/a
check 'git shows what it does' grep -q "Cloning into 'a'" err
check 'it says what was placed' shows out '^placed  *2 files,  *320 KiB$'
check 'it says how git pull can use it' \
	grep -q "git lfs-multipart install --standalone origin" err
check 'no filter was given bytes' fails grep -q clean "$FILTERS"
git -C a switch -q -c more
add_file a d/more.bin 10K 7
git -C a push -q origin more || die 'push of more'
git -C a switch -q main
check 'git fetch' git -C x/a fetch -q
check 'git checkout' git -C x/a checkout -q more
check 'git checkout brings the file' \
	equal "$(oid_of x/a/d/more.bin)" "$(git -C a show more:d/more.bin | sed -n 's/^oid sha256://p')"
add_file x/a mine.bin 5K 8
check 'git push' git -C x/a push -q origin more
check 'git push: the server has it' server_has a x/a/mine.bin

# Again, in the same directory.
check 'again' run_clone a.git x/a
check 'again: nothing is fetched' grep -q '^fetched  *0 objects' out
check 'again: git does not clone' fails grep -q Cloning err
git -C x/a checkout -q main
rm -rf x/a/.git/lfs/objects x/a/one.bin
check 'a file and all objects are lost' run_clone a.git x/a
check 'a file and all objects are lost: it is back' cmp a/one.bin x/a/one.bin
mkdir full && echo mine >full/file
check 'a folder of other files' equal "$(status_of run_clone a.git full)" 1
check 'a folder of other files: git says so' grep -q full err
check 'a folder of other files: they stay' equal "$(ls full)" file
git clone -q --no-checkout a.git broken
check 'git was interrupted' equal "$(status_of run_clone a.git broken)" 1
check 'git was interrupted: what to do' grep -q "remove that directory" err
mkdir empty
check 'an empty folder' run_clone a.git empty
check 'an empty folder: all agree' agree empty

# Forms of git clone.
check 'a branch' run_clone a.git b -- --branch side --depth 1 --no-local
check 'a branch: its file' test "$(stat -c %s b/side.bin)" = 51200
check 'a branch: all agree' agree b
check 'another name for the remote' run_clone a.git o -- -o there
check 'another name: it is the one to install for' grep -q -e '--standalone there$' err
check 'another name: all agree' agree o
check '--bare' run_clone a.git bare.git -- --bare
check '--bare: the objects of HEAD' equal "$(objects_of bare.git)" 2
check '--bare: again' run_clone a.git bare.git -- --bare
(cd x && timeout 60 "$AGENT" clone --quiet "file://$TEST_TMP/a.git" -- --mirror)
check '--mirror' equal "$(objects_of x/a.git)" 2
check '--no-checkout' run_clone a.git n -- --no-checkout
check '--no-checkout: the objects' equal "$(objects_of n)" 2
check '--no-checkout: no files' equal "$(ls n)" ''
check '--no-checkout: again' run_clone a.git n -- --no-checkout
check '--no-checkout: git checkout' git -C n checkout -q main
check '--no-checkout: git checkout brings the files' same_files a n
check '--sparse' run_clone a.git s -- --sparse
check '--sparse: the file at the top' cmp a/one.bin s/one.bin
check '--sparse: no other object' equal "$(objects_of s)" 1
check '--no-store' run_clone --no-store a.git ns
check '--no-store: no object' equal "$(objects_of ns)" 0
check '--no-store: the file' cmp a/one.bin ns/one.bin
check '--exclude' run_clone -X d a.git ex
check '--exclude: no object' equal "$(objects_of ex)" 1
check '--json' run_clone --json a.git j
check '--json: a line' grep -q \
	'^{"directory":"j","source":.*"placed":{"files":2,.*"complete":true}$' out
check '--quiet' run_clone --quiet a.git q
check '--quiet: git, too' equal "$(cat err)" ''
git init -q --bare none.git
check 'a repository without commits' run_clone none.git none

# Submodules.
lfs_config protocol.file.allow always
git init -q --bare super.git
git clone -q super.git super 2>/dev/null
GIT_LFS_SKIP_SMUDGE=1 git -C super submodule --quiet add "$TEST_TMP/a.git" 'a part'
git -C super commit -q -m 'a submodule'
git -C super push -q origin HEAD:main
check 'no submodules' run_clone super.git s0
check 'no submodules: none' equal "$(ls 's0/a part')" ''
check 'submodules' run_clone --recurse-submodules super.git s1
check 'submodules: all agree' agree 's1/a part'
check 'submodules: each is reported' grep -q '^s1/a part:$' out
check 'submodules, by git' run_clone super.git s2 -- --recurse-submodules
check 'submodules, by git: all agree' agree 's2/a part'
check 'submodules, later' run_clone --recurse-submodules super.git s0
check 'submodules, later: all agree' agree 's0/a part'

# What cannot be cloned.
check 'no such repository' equal "$(status_of run_clone nowhere.git)" 1
check 'no such repository: git says so' grep -q nowhere err
check 'no such repository: nothing is left' test ! -e nowhere
object=$(object_at a a/one.bin)
mv "$object" object
check 'a missing object' equal "$(status_of run_clone a.git lost)" 1
check 'a missing object is named' grep -q '300 KiB  one.bin  ' out
check 'a missing object: the other is there' cmp a/d/two.bin lost/d/two.bin
mv object "$object"
git config --global --remove-section filter.lfs
check 'git-lfs is not set up' equal "$(status_of run_clone a.git not)" 1
check 'git-lfs is not set up: what to do' grep -q "git lfs install" err
check 'git-lfs is not set up: nothing is cloned' test ! -e not
for words in '' '--sideways a.git' 'a.git b c' 'https://host' 'a.git y -- --sideways'
do
	test "$words" != 'a.git y -- --sideways' ||
		git config --global filter.lfs.process 'git-lfs filter-process'
	# shellcheck disable=SC2086
	check "clone $words: the exit status" \
		equal "$(status_of run_clone $words)" 129
done
finish
