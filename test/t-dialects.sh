#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in standalone mode, uploads reach the servers that git-lfs cannot talk
# to: giftless, the one of git-lfs's proposal, and KohakuHub.  The server checks
# every digest, header, body and parameter, and sees no part twice.
. "$(dirname "$0")/lib.sh"

push () {
	git -C "$1" push origin main >"$TEST_TMP/push.out" 2>&1 || {
		cat "$TEST_TMP/push.out"
		return 1
	}
}

says () {
	shows "$TEST_TMP/push.out" "$1"
}

# count KIND N: so many requests of that kind.
count () {
	check "$1: $2" equal "$(server_count "requests.$1")" "$2"
}

standalone () {
	lfs_config lfs.customtransfer.lfs-multipart.path "$AGENT"
	lfs_config lfs.customtransfer.lfs-multipart.args agent
	lfs_config lfs.customtransfer.lfs-multipart.concurrent true
	lfs_config lfs.standalonetransferagent lfs-multipart
}

# The bytes that git-lfs hands out for an object, spoilt or right again.
spoil () {
	object=$(find "$1/.git/lfs/objects" -name "$(oid_of "$1/$2")")
	chmod +w "$object" && cp "$object" kept &&
		make_file "$object" "$3" 77
}

unspoil () {
	cp kept "$object"
}

standalone
lfs_config lfsmultipart.retries 2
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.offlineTimeout 2

# giftless: init, parts with Content-MD5, commit, verify.

start_server --dialect giftless --chunk-size 262144 --rate 4000000
new_repo g
add_file g large.bin 3000001
add_file g small.bin 10
: >g/empty.bin && git -C g add empty.bin && git -C g commit -q -m empty
check 'push to giftless' push g
check 'a large object' server_has g g/large.bin
check 'a small object' server_has g g/small.bin
count init 2
count part 13
count commit 2
count abort 0
count verify 2
check 'no part was refused' equal "$(server_count refused_puts)" 0
check 'parts go side by side' at_most 2 "$(server_count transfers_max)"
check 'push again' push g
count part 13

server_faults 'status=503,on=part,part=2' 'reset,part=3,after=1000' \
	'status=500,on=init' 'status=502,on=commit'
add_file g again.bin 1000000 3
server_reset
check 'what fails is tried again' push g
check 'and arrives' server_has g g/again.bin
count init 2
count part 6
count commit 2
server_nofaults

# Interrupted: the next push sends what is missing.

server_faults 'status=503,on=part,part=5,times=0'
add_file g resume.bin 3000000 4
server_reset
check 'a part that never works fails the push' fails push g
check 'the message says which' says 'part 5 of 12.*503'
check 'nothing was committed' equal "$(server_count requests.commit)" 0
check 'nor aborted' equal "$(server_count requests.abort)" 0
server_nofaults
oid=$(oid_of g/resume.bin)
server_reset
check 'the next push works' push g
check 'and the object is there' server_has g g/resume.bin
check 'part 5 is sent' equal "$(server_count "parts.$oid.5")" 1
check 'part 1 is not, the server has it' equal \
	"$(server_count "parts.$oid.1")" 0
count init 0

server_faults 'status=409,on=commit'
add_file g late.bin 600000 5
server_reset
check 'a commit that is refused fails the push' fails push g
check 'the message says what to do' says '409.*|push again'
check 'nothing is aborted: a commit may have been done' equal \
	"$(server_count requests.abort)" 0
count part 3
check 'another push commits' push g
check 'and the object is there' server_has g g/late.bin
count part 3
count commit 2

server_faults 'status=400,on=commit'
add_file g no.bin 600000 10
server_reset
check 'a commit that is refused otherwise fails it, too' fails push g
check 'and the message says why' says '400'
check 'nothing is aborted: somebody else may have committed' equal \
	"$(server_count requests.abort)" 0
check 'another push commits' push g
count commit 2

server_faults 'lost-answer,on=commit'
add_file g lost.bin 600000 6
server_reset
check 'a commit whose answer is lost' push g
check 'was done' server_has g g/lost.bin
check 'nothing is aborted' equal "$(server_count requests.abort)" 0
count part 3

# For good: the server must forget what it has.

add_file g bad.bin 1000000 7
spoil g bad.bin 1000000
server_reset
check 'wrong bytes fail the push' fails push g
check 'the message says what to do' says 'git lfs fsck'
count commit 0
count abort 1
unspoil
server_reset
check 'the right bytes are pushed' push g
check 'all of them' equal "$(server_count requests.part)" 4
check 'and the object is there' server_has g g/bad.bin

server_faults 'status=413,on=part,part=2,times=0' \
	'status=503,on=abort,times=0'
add_file g refused.bin 1000000 8
server_reset
check 'a refused part fails the push' fails push g
check 'the message says why' says '413'
# The message waits for it.
check 'an abort that fails is tried twice' equal \
	"$(server_count requests.abort)" 2
server_nofaults
check 'the next push works' push g

# Links expire during the transfer: the new batch has the missing parts.

server_faults 'expired,on=part,part=3'
add_file g expired.bin 1500000 9
server_reset
check 'links that ran out are renewed' push g
check 'the object is there' server_has g g/expired.bin
count batch 2
check 'no part was refused but by the fault' equal "$(server_count refused_puts)" 0

# The proposal: parts in any order, by POST, with Digest; verify commits.

start_server --dialect proposal --chunk-size 262144
new_repo p
add_file p large.bin 2000000
add_file p small.bin 1000
: >p/empty.bin && git -C p add empty.bin && git -C p commit -q -m empty
check 'push to a server of the proposal' push p
check 'a large object' server_has p p/large.bin
check 'an object of one part' server_has p p/small.bin
count part 9
count verify 2
count init 0
count commit 0
check 'no part was refused' equal "$(server_count refused_puts)" 0

server_faults 'status=500,on=part,part=6,times=0'
add_file p resume.bin 2000000 2
check 'a push that is interrupted' fails push p
server_nofaults
server_reset
check 'is gone on with' push p
check 'the object is there' server_has p p/resume.bin
check 'only what was missing is sent' at_most \
	"$(server_count requests.part)" 4

add_file p bad.bin 1000 3
spoil p bad.bin 1000
server_reset
check 'wrong bytes of one part fail the push' fails push p
check 'and never arrive' equal "$(server_count status.201)" 0
count verify 0
count abort 1

# KohakuHub: parts, though the server calls it basic.

start_server --dialect kohaku --chunk-size 262144 \
	--multipart-threshold 500000
new_repo k
add_file k large.bin 3000000
add_file k small.bin 1000
check 'push to KohakuHub' push k
check 'a large object' server_has k k/large.bin
check 'a small object' server_has k k/small.bin
count part 12
count complete 1
count put 1
count verify 2
check 'no presigned PUT had a forbidden header' equal \
	"$(server_count refused_puts)" 0
finish
