#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in standalone mode the agent renews links that expire during a transfer,
# and moves no finished part again if the server allows it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/push.sh"

use_standalone
lfs_config lfsmultipart.retries 2
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.partSize 1m
lfs_config lfsmultipart.connections 4

push_from () {
	git -C "$1" push origin main >push.out 2>&1
}

start_server --dialect basic
new_repo r
change 1000
server_faults 'expired,on=put'
check 'a link that has run out is renewed' push
check 'and used' server_has r "r/$file"
check 'by asking once more' counts batch 2
change 1000
server_faults 'expired,on=put,times=0'
check 'one that always has fails the push' fails push
check 'and the message says so' says '403 Forbidden: Request has expired'
check 'all of it is sent three times at the most' counts batch 3
server_nofaults
push
change 1000
server_faults 'status=403,on=put,times=0'
check 'a plain refusal' fails push
check 'may be of the link, so another is tried' counts batch 2
server_nofaults
push

kill "$SERVER_PID"
start_server --dialect basic --rate 500000
new_repo d
add_file d a.bin 8M
git -C d push -q origin main

# download_over_expiry DIR: a fetch there whose links expire during the transfer
download_over_expiry () {
	server_reset
	git -C "$1" lfs fetch origin main >fetch.out 2>&1 &
	pid=$!
	check "$1: a download is under way" server_began get 4 "$pid"
	server_expire
	wait $pid
	check "$1: and goes on with new links" git -C "$1" lfs fsck --objects
	git -C "$1" lfs checkout
	check "$1: the bytes are equal" same_files d "$1"
	check "$1: the server was asked again" counts batch 2
	over=$(($(server_count bytes_out.get) - 8 * 1048576))
	check "$1: what had come did not come again" at_most "$over" 500000
	check "$1: a range was refused for it" \
		at_most 1 "$(server_count status.403)"
}

GIT_LFS_SKIP_SMUDGE=1 clone_repo d c
download_over_expiry c
# One that cannot have a journal, as when another process has it.
GIT_LFS_SKIP_SMUDGE=1 clone_repo d no-journal
mkdir -p no-journal/.git/lfs/multipart
chmod 700 no-journal/.git/lfs/multipart
mkdir "no-journal/.git/lfs/multipart/$(oid_of d/a.bin).journal"
download_over_expiry no-journal
# It was not the link: ranges are forbidden.
GIT_LFS_SKIP_SMUDGE=1 clone_repo d forbidden
server_faults 'range=403,times=0'
check 'ranges that are forbidden' git -C forbidden lfs fetch origin main
server_nofaults
check 'the whole is there' git -C forbidden lfs fsck --objects
# One that lasts: links are renewed as often as they expire, if each of them
# brought bytes.
GIT_LFS_SKIP_SMUDGE=1 clone_repo d long -c lfsmultipart.partSize=100k \
	-c lfsmultipart.connections=2
server_reset
git -C long lfs fetch origin main >fetch.out 2>&1 &
pid=$!
came=0
while kill -0 $pid 2>/dev/null
do
	now=$(server_count status.206)
	test "$now" -lt $((came + 4)) || {
		server_expire
		came=$now
	}
	sleep 0.1
done
wait $pid
check 'long: links run out again and again' git -C long lfs fsck --objects
check 'long: more often than without progress' \
	at_most 11 "$(server_count requests.batch)"

kill "$SERVER_PID"
start_server --dialect giftless --chunk-size 500000 --rate 1000000
new_repo g
add_file g a.bin 8000000
git -C g push -q origin main >push.out 2>&1 &
pid=$!
check 'an upload is under way' server_began part 7 "$pid"
server_expire
wait $pid
check 'and goes on with new links' server_has g g/a.bin
check 'no part was taken twice' equal 16 \
	"$(server_log part | grep -c '^part PUT 201')"
check 'and the server was asked again' counts batch 2

kill "$SERVER_PID"
start_server --dialect hf --chunk-size 500000 --rate 1000000
new_repo h
add_file h a.bin 8000000
git -C h push -q origin main >push.out 2>&1 &
pid=$!
check 'one to Hugging Face is under way' server_began part 7 "$pid"
server_expire
wait $pid
check 'and begins again with new links' server_has h h/a.bin
check 'once' counts batch 2
check 'and completes once' equal 1 \
	"$(server_log complete | grep -c ' 200 ')"
check 'none is sent a third time' at_most "$(server_count bytes_in.part)" \
	16000000

# Links that the user's config rewrites: they lead to what git-lfs makes of them

start_server --dialect basic
new_repo w
add_file w w.bin 3000
git -C w push -q origin main || die 'push'
git -C w config lfs.transfer.maxretries 1

# paths DIRECTION: where the object is sought, or put
paths () {
	if test "$1" = get
	then
		lost=w/.git/lfs/objects
		set -- get fetch origin main
	else
		lost=$ROOT/w/objects
		set -- put push --all origin
	fi
	mv "$lost" away
	server_reset
	git -C w lfs "$2" "$3" "$4" >git-lfs.out 2>&1
	rm -rf "$lost"
	mv away "$lost"
	server_log "$1" | cut -d ' ' -f 6 | cut -d / -f 2 | uniq
}

# rewritten WHAT DIRECTION KEY WANTED
rewritten () {
	git -C w config "url.$SERVER/moved/object/.$3" "$SERVER/w/object/"
	check "$1" equal "$4" "$(paths "$2")"
	git config --global --unset lfs.standalonetransferagent
	check "$1, as by git-lfs" equal "$4" "$(paths "$2")"
	use_standalone
	git -C w config --unset "url.$SERVER/moved/object/.$3"
}

rewritten 'a link is left alone' get insteadOf w
git -C w config lfs.transfer.enableHrefRewrite true
rewritten 'or rewritten, if the user wants that' get insteadOf moved
rewritten 'not for a push only' get pushInsteadOf w
rewritten 'that of an upload' put insteadOf moved
rewritten 'that of an upload alone' put pushInsteadOf moved

# Links that live shorter than the upload takes: useful if the server keeps the
# parts, otherwise useless.
start_server --dialect giftless --chunk-size 100000 --expires 1 --rate 100000
new_repo kept
add_file kept a.bin 7M
check 'ten renewals, each of which was of use' \
	git -C kept push -q origin main
check 'and the object is there' server_has kept kept/a.bin
check 'it took that many' at_most 10 "$(server_count requests.batch)"
start_server --dialect hf --chunk-size 100000 --expires 1 --rate 100000
new_repo lost
add_file lost a.bin 2M
check 'renewals in vain' fails git -C lost push -q origin main
check 'are few' counts batch 3

# A completion that is refused: sending all again would not help.
start_server --dialect hf --chunk-size 100000
new_repo full
add_file full a.bin 1M
server_faults 'status=403,on=complete,times=0'
check 'a refused completion' fails git -C full push -q origin main
check 'no part is sent twice' counts part 11

# A link that is over by its own word, whatever the server says of it (Ceph: a
# 403 without a message).
for how in --presigned-here --expires-at --expires-in
do
	start_server --dialect basic --expires 60 $how
	new_repo mute$how
	add_file mute$how a.bin 5000 1
	server_faults 'expired=mute,on=put,times=0'
	check "$how: a link whose time is past" fails push_from mute$how
	check "$how: is renewed twice" counts batch 3
	check "$how: and called expired" says 'the links have expired'
	server_nofaults
	server_faults 'expired=mute,on=put,times=2'
	check "$how: two of them" git -C mute$how push -q origin main
	rm -rf mute$how/.git/lfs/objects
	server_faults 'expired=mute,on=get,times=2'
	check "$how: a download" git -C mute$how lfs fetch origin main
	check "$how: is whole" git -C mute$how lfs fsck --objects
done
start_server --dialect hf --chunk-size 300
new_repo parts
add_file parts a.bin 1000 1
server_faults 'expired=mute,on=part,times=2'
check 'two links of a part' git -C parts push -q origin main
check 'the bytes are right' server_has parts parts/a.bin
finish
