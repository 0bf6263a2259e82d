#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a download that was stopped in any way resumes: the agent checks the
# bytes on the disk instead of fetching them again, and the result is right
# whatever happened to them.
. "$(dirname "$0")/lib.sh"

SIZE=25165824
MIB=1048576
use_standalone
# Parts over 4 MiB, so that what has come of one must count.
lfs_config lfsmultipart.partSize 12m
lfs_config lfsmultipart.connections 2
start_server --dialect basic --rate 16000000
make_file a.bin $SIZE
OID=$(oid_of a.bin)
mkdir -p "$(dirname "$(object_at r a.bin)")"
cp a.bin "$(object_at r a.bin)"
git init -q c
git -C c config lfs.url "$(lfs_url r)"
git -C c remote add origin "$(lfs_url r)"
FILES=c/.git/lfs/multipart
JOURNAL=$FILES/$OID.journal
PARTIAL=$FILES/$OID.partial

# How the agent gets its action: from us, or it asks itself.
api=

download () {
	# shellcheck disable=SC2086
	(cd c && drive "$TEST_TMP/$1" $api $2 download "$OID" $SIZE)
}

# This keeps the server from sending more than 16 MiB, however late the stop.
stalls=

# stop HOW AT: a download that comes to about that many bytes
stop () {
	# shellcheck disable=SC2086
	server_faults $stalls
	download first.out "--stop $1 --at $2"
	server_nofaults
	test "$(said first.out stopped)" && test ! "$(said first.out complete)"
}

# stopped HOW AT: the same, from the start
stopped () {
	rm -rf "$FILES"
	stop "$@"
}

# The file that it handed over is right; it is gone then.
right () {
	said_complete "$1" && cmp a.bin "$(said "$1" complete)" &&
		rm -f "$(said "$1" complete)"
}

# finished WHAT BYTES: the next run ends well.  It fetches again at most that
# many of the bytes that had come when the first run was told to stop; or all of
# them. How many came later depends on the load.
finished () {
	came=$(said first.out stopped)
	test "$2" != all || set -- "$1" "$came"
	server_reset
	download second.out ''
	check "$1: the bytes are right" right second.out
	fetched=$(($(server_count bytes_out.get) + $(server_count bytes_cut.get)))
	check "$1: at most $2 bytes came twice" at_most "$fetched" \
		$((SIZE - came + $2))
	check "$1: the progress sums to the size" equal \
		"$(said second.out sum)" $SIZE
	check "$1: nothing is left" equal '' "$(find "$FILES" -name "$OID*")"
}

stalls=stall,on=get,after=$((8 * MIB)),times=0
for api in '' "--api $(lfs_url r)"
do
	who=${api:+negotiated, }
	check "${who}kill -9 in the middle" stopped KILL $((14 * MIB))
	finished "${who}kill -9" $((2 * 4 * MIB))
	check "${who}it began with what there was" at_most \
		$((14 * MIB - 2 * 4 * MIB)) "$(said second.out first)"
	check "${who}SIGTERM in the middle" stopped TERM $((10 * MIB))
	finished "${who}SIGTERM" $MIB
	check "${who}end of input in the middle" stopped EOF $((10 * MIB))
	finished "${who}end of input" $MIB
done
api=
lfs_config lfsmultipart.partSize 4m
stalls="stall,on=get,from=$((16 * MIB)),times=0
	stall,on=get,from=$((20 * MIB)),times=0"

# Twice in a row

check 'stopped once' stopped KILL $((7 * MIB))
check 'and again' stop KILL $((15 * MIB))
finished 'stopped twice' $((2 * 4 * MIB))

# In one part, killed again and again: what is left is one file, not one a kill.

status () {
	(cd c && git lfs-multipart status) >status.out
	grep "$1" status.out
}

lfs_config lfsmultipart.partSize 64m
check 'one part, stopped' stopped KILL $((6 * MIB))
for at in 10 14
do
	check "one part, stopped at $at" stop KILL $((at * MIB))
done
check 'one part: one file and its journal are left' equal 2 \
	"$(find "$FILES" -name "$OID*" | wc -l)"
check 'one part: status knows it' status 'download .* of 24 MiB .* stopped '
finished 'one part' $((4 * MIB))
lfs_config lfsmultipart.partSize 4m

# A second agent at the same object has a file of its own.  Killed, it leaves
# one that status and prune know, and that the next one takes away.

# second AT: kill one that comes while another has the journal
second () {
	rm -rf "$FILES"
	mkdir -p "$FILES"
	chmod 700 "$FILES"
	mkdir "$JOURNAL"
	stop KILL "$1"
	rmdir "$JOURNAL"
}

check 'a second agent, stopped' second $((6 * MIB))
check 'a second agent: its file is left' equal 1 \
	"$(find "$FILES" -name "$OID.partial.*" | wc -l)"
check 'a second agent: status knows it' status \
	'download *0 B of 24 MiB .* stopped '
check 'a second agent: prune removes it' sh -c \
	"cd c && git lfs-multipart prune | grep '^removed download'"
check 'a second agent: nothing is left' equal '' "$(find "$FILES" -name "$OID*")"
check 'a second agent, stopped again' second $((6 * MIB))
finished 'a second agent' all

# Bytes that were fetched for one remote serve for another.

check 'stopped' stopped TERM $((14 * MIB))
mkdir -p "$(dirname "$(object_at other a.bin)")"
cp a.bin "$(object_at other a.bin)"
git -C c config lfs.url "$(lfs_url other)"
finished 'from another remote' $MIB
git -C c config lfs.url "$(lfs_url r)"

# Two at once: one has the journal, the other a file of its own.

rm -rf "$FILES"
(cd c && drive "$TEST_TMP/one.out" download "$OID" $SIZE) &
first=$!
(cd c && drive "$TEST_TMP/two.out" download "$OID" $SIZE)
wait $first
one=$(said one.out complete)
check 'two at once do not write one file' fails equal "$one" \
	"$(said two.out complete)"
check 'the first is right' right one.out
check 'the second is right' right two.out
check 'nothing is left of either' equal '' "$(find "$FILES" -name "$OID*")"

# git-lfs takes its time to check what it is handed: until it has moved the
# file, nobody else writes to it.

rm -rf "$FILES"
mkfifo hold
download one.out "--hold $TEST_TMP/hold" &
first=$!
until test "$(find "$FILES" -name "$OID.??????" -size +1k)"
do
	kill -0 $first || break
done
download two.out ''
: >hold
wait $first
check 'what was handed over is no longer a partial file' fails equal \
	"$(said one.out complete)" "$(said two.out complete)"
check 'the one is right' right one.out
check 'the other is right' right two.out
check 'nothing is left of either' equal '' "$(find "$FILES" -name "$OID*")"

# untaken WHAT REQUESTS: git-lfs was killed before it took a download, and
# there is an older partial file, too.
untaken () {
	server_reset
	download two.out ''
	check "$1: the bytes are right" right two.out
	check "$1: requests" equal "$(server_count requests.get)" "$2"
	check "$1: nothing is left" equal '' "$(find "$FILES" -name "$OID*")"
}

check 'stopped' stopped TERM $((6 * MIB))
cp "$PARTIAL" partial
cp "$JOURNAL" journal
download one.out ''
cp partial "$PARTIAL"
cp journal "$JOURNAL"
untaken 'never taken' 0
download one.out ''
download two.out '--stop EOF --at 1'
untaken 'never taken, and stopped when it was checked' 0
download one.out ''
printf x | dd of="$(said one.out complete)" bs=1 seek=1000000 conv=notrunc \
	status=none
untaken 'never taken, and damaged' 6
download one.out ''
lfs_config lfsmultipart.verify false
rm -f two.out
server_reset
download two.out ''
check 'without a hash it is not trusted' equal 6 "$(server_count requests.get)"
check 'the new one is right' right two.out
check 'the old one stays' right one.out
lfs_config lfsmultipart.verify true

# Damage

check 'stopped' stopped KILL $((14 * MIB))
truncate -s -7 "$JOURNAL"
finished 'a journal that is cut off' $((3 * 4 * MIB))

check 'stopped' stopped KILL $((14 * MIB))
make_file "$JOURNAL" 3000
finished 'a journal of garbage' all

check 'stopped' stopped KILL $((14 * MIB))
: >"$JOURNAL"
finished 'an empty journal' all

check 'stopped' stopped TERM $((14 * MIB))
rm "$PARTIAL"
finished 'no partial file' all

check 'stopped' stopped TERM $((14 * MIB))
truncate -s -1 "$PARTIAL"
finished 'a partial file that is too short' all

check 'stopped' stopped TERM $((14 * MIB))
rm "$JOURNAL"
make_file "$PARTIAL" $((SIZE + 5000)) 5
finished 'a stray file that is too long' all

# A server that no longer heeds ranges sends the whole once, not for each part.

# By then the first part is there.
check 'stopped' stopped TERM $((12 * MIB))
server_faults range=ignored,times=0
finished 'ranges ignored from now on' all
check 'it asked once' equal 1 "$(server_count requests.get)"
check 'what came before it was kept' at_most $((4 * MIB)) \
	"$(said second.out first)"
server_nofaults

# A machine that crashed: the file is there, but not all of its bytes.

spoil () {
	printf '\0\0\0\0\0\0\0\0' | dd of="$PARTIAL" bs=1 seek="$1" \
		conv=notrunc status=none
}

check 'stopped' stopped TERM $((14 * MIB))
journal boot "$JOURNAL"
finished 'another boot, no damage' $MIB

check 'stopped' stopped TERM $((14 * MIB))
journal boot "$JOURNAL"
spoil 1000000
finished 'another boot and a damaged part' $((5 * MIB))

check 'stopped' stopped TERM $((14 * MIB))
journal boot "$JOURNAL"
spoil 1000000
lfs_config lfsmultipart.verify false
download second.out ''
check 'another boot, and no hash to tell: nothing is trusted' right second.out
lfs_config lfsmultipart.verify true

check 'stopped' stopped TERM $((14 * MIB))
spoil 1000000
finished 'the same boot and a damaged part' $((5 * MIB))

check 'stopped' stopped TERM $((6 * MIB))
journal piece "$JOURNAL" $((20 * MIB)) $((4 * MIB))
finished 'a journal that knows of a part that never came' $((5 * MIB))

# All of it is there, but git-lfs was not told.

check 'stopped' stopped TERM $((6 * MIB))
cp a.bin "$PARTIAL"
journal fill "$JOURNAL" a.bin
finished 'all but the hand-over' 0
check 'no byte came' equal 0 "$(server_count requests.get)"

# The real git-lfs

rm -rf "$FILES"
new_repo g
add_file g b.bin $SIZE 2
git -C g push -q origin main
GIT_LFS_SKIP_SMUDGE=1 clone_repo g clone
server_reset
(cd clone && exec git-lfs fetch origin main) >fetch.out 2>&1 &
pid=$!
until test "$(server_count requests.get)" -ge 4
do
	kill -0 $pid || break
done
kill -9 $pid
wait $pid 2>/dev/null
check 'git lfs fetch, killed: goes on' git -C clone lfs pull
check 'the bytes are right' cmp g/b.bin clone/b.bin
check 'and few came twice' at_most "$(server_count bytes_out.get)" \
	$((SIZE + 2 * 4 * MIB))
finish
