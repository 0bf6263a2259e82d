#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Goal: `pull` fetches the objects of a checkout and places their files; git and
# git-lfs find all in order, no filter reads the bytes, and what a person changed
# stays.
. "${0%/*}/lib.sh"
. "${0%/*}/pull.sh"

start_server
new_repo a
mkdir a/dir
make_file a/large.bin 13M 1
make_file a/run.bin 40K 2
make_file a/dir/x.bin 300K 3
make_file a/dir/y.bin 200K 4
make_file "a/a [b] *.bin" 10K 5
cp a/dir/x.bin a/twin.bin
chmod +x a/run.bin
echo '/*.lock.bin lockable' >>a/.gitattributes
make_file a/l.lock.bin 3K 6
: >a/empty.bin
echo text >a/text
git -C a add . && git -C a commit -q -m 'objects'
git -C a tag old
git -C a push -q origin main old || die 'push'

# All of it.
pointers a b
check 'a dry run' run_pull b --dry-run
check 'a dry run says what would be fetched' \
	grep -q '^would fetch  *6 objects, 13 MiB:$' out
check 'a dry run names the paths' grep -q '300 KiB  dir/x.bin$' out
check 'a dry run says what would be placed' \
	grep -q '^would place  *7 files,  *13 MiB$' out
check 'a dry run says what the disk needs' \
	grep -q '^would need  *27 MiB of the disk at most$' out
check 'a dry run changes nothing' is_clean b
server_reset
check 'pull' run_pull b
check 'it says what was fetched' \
	grep -q '^fetched  *6 objects, 13 MiB$' out
check 'it says what was placed' grep -q '^placed  *7 files,  *13 MiB$' out
check 'nothing else is said' equal "$(cat err)" ''
check 'all agree' agrees a b
check 'in a folder, too' same_files a/dir b/dir
check 'the x bit stays' test -x b/run.bin
check 'no other has one' test ! -x b/large.bin
check 'one question' equal "$(server_count requests.batch)" 1
check 'again' run_pull b --json
check 'again: nothing is fetched' equal "$(number fetched_bytes)" 0
check 'again: it is complete' grep -q '"complete":true' out
check 'again: no question' equal "$(server_count requests.batch)" 1
check 'all agree after it' agrees a b

# Files that are gone.
rm b/run.bin b/dir/x.bin
rmdir b/dir 2>/dev/null
check 'files that are gone come back' run_pull b
check 'files that are gone come back: all agree' agrees a b
check 'files that are gone come back: the x bit' test -x b/run.bin
check 'without the server' equal "$(server_count requests.batch)" 1

# What a person did.
pointers a c
echo changed >c/dir/x.bin
git -C c rm -q dir/y.bin
rm -f c/run.bin && ln -s text c/run.bin
: >c/twin.bin
check 'a person has changed files' run_pull c
check 'a changed file stays' equal "$(cat c/dir/x.bin)" changed
check 'a staged deletion stays' test ! -e c/dir/y.bin
check 'a link stays' equal "$(readlink c/run.bin)" text
check 'an emptied file stays' test ! -s c/twin.bin
check 'the others are there' cmp a/large.bin c/large.bin
git -C c status --porcelain >changes
check 'git sees the changes and no more' equal "$(cat changes)" \
	"$(printf '%s\n' ' M dir/x.bin' 'D  dir/y.bin' ' T run.bin' ' M twin.bin')"

# A link in the path leads out of the work tree.
pointers a linked
mkdir outside
rm -r linked/dir && ln -s ../outside linked/dir
check 'a link in the path is refused' equal "$(status_of run_pull linked)" 1
check 'a link in the path: it is named' grep -q 'dir' out
check 'a link in the path: nothing is written there' \
	equal "$(ls outside)" ''
check 'a link in the path: the others are placed' cmp a/large.bin linked/large.bin

# Lockable files stay as git-lfs has made them.
git lfs install --local >lock.out 2>&1
pointers a locked
git -C locked config lfs.setlockablereadonly true
chmod a-w locked/l.lock.bin
check 'lockable' run_pull locked
check 'lockable: read-only' equal "$(stat -c %A locked/l.lock.bin | tr -dc w)" ''
check 'lockable: all agree' agrees a locked

# Which files.
pointers a which
check 'a path' run_pull which dir
check 'a path: its files' same_files a/dir which/dir
check 'a path: no other' equal "$(lfs_state which | grep -c '^-')" 5
check 'a path from a folder, after --' run_pull which/dir -- ../twin.bin
check 'a path from a folder: it' cmp a/twin.bin which/twin.bin
check 'a remote and a path' run_pull which origin 'a [[]b]*'
check 'a remote and a path: it' cmp 'a/a [b] *.bin' 'which/a [b] *.bin'
check 'no such path' equal "$(status_of run_pull which nothing)" 1
check 'no such path: it is named' grep -q nothing err
check 'no such remote before --' equal "$(status_of run_pull which no -- .)" 1
check 'no such remote: it is named' grep -q "there is no remote 'no'" err
check 'include and exclude' run_pull which -I '*.bin' -X 'large.bin,*.lock.bin'
check 'include and exclude: those' equal "$(lfs_state which | grep -e '^-')" \
	"$(printf '%s\n' '- l.lock.bin' '- large.bin')"
check 'none chosen' run_pull which -I 'none'
check 'none chosen: it is said' grep -q 'no object is wanted at a path' err
git -C which config lfs.fetchexclude 'large.bin'
check 'lfs.fetchexclude' run_pull which
check 'lfs.fetchexclude: honoured' equal "$(lfs_state which | grep -e '^-')" \
	'- large.bin'
check 'an option replaces the key' run_pull which -X ''
check 'all agree at the end' agrees a which

# An object that the server lost.
pointers a lost
object=$(object_at a a/dir/x.bin)
mv "$object" object
check 'a missing object' equal "$(status_of run_pull lost)" 1
check 'a missing object is named, with its path' \
	grep -q '300 KiB  dir/x.bin  ' out
check 'a missing object: one' grep -q '^missing  *1 object,  *300 KiB:$' out
check 'a missing object: the others are placed' equal \
	"$(lfs_state lost | grep -e '^-')" "$(printf '%s\n' '- dir/x.bin' '- twin.bin')"
check 'a missing object, as JSON' equal "$(status_of run_pull lost --json)" 1
check 'a missing object, as JSON: the path' grep -q \
	'"complete":false' out
check 'a missing object, as JSON: the list' grep -q \
	'"missing":\[{"path":"dir/x.bin","oid":"[0-9a-f]\{64\}","size":307200,"error":".*"}\]' out
check 'a missing object: the status is clean' is_clean lost
mv object "$object"

# Set-ups that cannot work.
check 'outside a repository' equal "$(status_of run_pull outside)" 1
(cd which && git config filter.lfs.process '' && git config filter.lfs.clean '')
check 'git-lfs is not set up' equal "$(status_of run_pull which)" 1
check 'git-lfs is not set up: what to do' grep -q "git lfs install" err
check 'git-lfs is not set up, as JSON' \
	equal "$(status_of run_pull which --json)" 1
check 'git-lfs is not set up, as JSON: one object' \
	grep -q '^{"error":"git is not set up.*"complete":false}$' out
for words in '--sideways' '--jobs 0' '--store --no-store' 'origin x -- y'
do
	# shellcheck disable=SC2086
	check "pull $words: the exit status" \
		equal "$(status_of run_pull lost $words)" 129
	check "pull $words: the usage is shown" grep -q '^usage: ' err
done
check 'help' run_pull lost --help
finish
