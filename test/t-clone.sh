#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: where the server picks the agent for downloads, clone, fetch and pull
# hand over the right bytes.
. "$(dirname "$0")/lib.sh"

use_agent both
start_server --chunk-size 262144 --pick-download --rate 20000000
new_repo r
add_file r a.bin 3M
add_file r b.bin 20M
add_file r c.bin 1
check 'push' git -C r push -q origin main
check 'clone' clone_repo r c
for name in a b c
do
	check "the clone has $name" cmp r/$name.bin c/$name.bin
done
check 'every byte was fetched once' equal "$(server_count bytes_out.get)" \
	$((23 * 1048576 + 1))
check 'the large file came in ranges, side by side' \
	at_most 2 "$(server_count transfers_max)"
check 'nothing is left of the downloads' equal '' \
	"$(find c/.git/lfs/multipart -type f -size +1k)"

add_file r d.bin 1M
check 'push one more' git -C r push -q origin main
check 'pull' git -C c pull -q origin main
check 'the pull brought it' cmp r/d.bin c/d.bin

add_file r e.bin 700K
check 'push another' git -C r push -q origin main
check 'fetch' git -C c fetch -q origin
check 'lfs fetch' git -C c lfs fetch origin main
check 'the object is in the store' git -C c lfs fsck --objects
check 'no connection for what is there' git -C c lfs checkout

GIT_LFS_SKIP_SMUDGE=1 clone_repo r later
check 'pull of all that a clone left out' git -C later lfs pull
check 'all files are equal' same_files r later
finish
