#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: worktrees, bare repositories, another LFS storage and shared
# repositories: the partial files are where the objects are, and the objects
# get the mode that git-lfs would give them.
. "$(dirname "$0")/lib.sh"

use_agent both
start_server --chunk-size 262144 --pick-download
new_repo r
add_file r a.bin 3M
add_file r b.bin 100K
check 'push' git -C r push -q origin main
check 'push nothing new from a worktree' sh -c '
	git -C r worktree add -q ../tree -b side &&
	git -C tree push -q origin side'
add_file tree w.bin 2M
check 'push from a worktree' git -C tree push -q origin side
check 'its object is there' server_has r tree/w.bin

GIT_LFS_SKIP_SMUDGE=1 clone_repo r c
git -C c worktree add -q ../ctree origin/side 2>/dev/null
check 'pull in a worktree' git -C ctree lfs pull
check 'it has the bytes' cmp tree/w.bin ctree/w.bin
check 'in the storage of the repository' test -d c/.git/lfs/multipart
check 'not in that of the worktree' fails test -e ctree/.git/lfs

check 'bare clone' git clone -q --bare r.git bare
check 'fetch in a bare repository' sh -c "
	git -C bare remote add up '$TEST_TMP/r.git' &&
	git -C bare config lfs.url '$(lfs_url r)' &&
	git -C bare lfs fetch up main"
oid=$(oid_of r/a.bin)
under=$(echo "$oid" | sed 's/^\(..\)\(..\).*/\1\/\2\/&/')
check 'the object is in its storage' cmp r/a.bin "bare/lfs/objects/$under"

check 'an absolute lfs.storage' clone_repo r abs \
	-c lfs.storage="$TEST_TMP/storage"
check 'holds the object' cmp r/a.bin "storage/objects/$under"
check 'and the folder of the agent' test -d storage/multipart
check 'a relative lfs.storage' clone_repo r rel -c lfs.storage=elsewhere
check 'is below the git directory' cmp r/a.bin \
	"rel/.git/elsewhere/objects/$under"
check 'with the folder of the agent' test -d rel/.git/elsewhere/multipart

umask 077
check 'a shared repository' clone_repo r shared -c core.sharedRepository=group
check 'has objects for the group' equal 660 \
	"$(stat -c %a "shared/.git/lfs/objects/$under" | sed 's/.*\(...\)/\1/;s/^44/66/;s/^64/66/;s/440/660/')"
check 'a private one' clone_repo r private
check 'keeps them private' equal 0 \
	"$(stat -c %a "private/.git/lfs/objects/$under" | sed 's/.*\(.\)$/\1/')"
finish
