#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: every fault of a passing kind during an upload is retried by itself,
# only the part in question is sent again, and the bytes are right; a server that
# takes few connections gets few.
. "$(dirname "$0")/lib.sh"

use_agent upload
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.stallTimeout 1
start_server --chunk-size 262144
new_repo r
seed=0
size=1200K

# try WHAT SENT SPEC...: a push of five parts under these faults takes so many
# parts and completions
try () {
	what=$1
	sent=$2
	shift 2
	seed=$((seed + 1))
	add_file r $seed.bin $size $seed
	server_nofaults
	server_faults "$@"
	server_reset
	check "$what: the push goes through" git -C r push -q origin main
	check "$what: the bytes are right" server_has r "r/$seed.bin"
	check "$what: only that is sent again" equal \
		"$(server_count requests.part)+$(server_count requests.complete)" \
		"$sent"
}

size=1536K
try 'every passing status' 12+1 'status=408,on=part,part=1' \
	'status=429,on=part,part=2' 'status=500,on=part,part=3' \
	'status=502,on=part,part=4' 'status=503,on=part,part=5' \
	'status=504,on=part,part=6'
size=1200K
try 'Retry-After in seconds' 6+1 'status=503,on=part,part=3,retry-after=1'
try 'Retry-After as a date' 6+1 'status=429,on=part,part=3,retry-after=date+1'
try 'twice the same part' 7+1 'status=503,on=part,part=1,times=2'
try 'an answer before the body' 6+1 'status=503,on=part,part=2,early=1'
try "S3's RequestTimeout" 6+1 's3-timeout,part=5'
try 'reset at once' 6+1 'reset,on=part,part=1'
try 'reset in the middle' 6+1 'reset,on=part,part=2,after=100000'
try 'closed in the middle' 6+1 'close,on=part,part=4,after=200000'
try 'a stall' 6+1 'stall,on=part,part=2,after=50000'
try 'no HTTP' 6+1 'garbage,on=part,part=3'
try 'a part whose answer is lost' 6+1 'lost-answer,on=part,part=2'
try 'several at once' 9+2 'status=500,on=part,part=1' \
	'reset,on=part,part=2,after=1' 'close,on=part,part=3' \
	's3-timeout,part=4' 'status=503,on=complete'
try 'every passing status of the completion' 5+5 'status=500,on=complete' \
	'status=502,on=complete' 'status=503,on=complete' \
	'status=504,on=complete'
try 'reset of the completion' 5+2 'reset,on=complete'
try 'a completion that fails late' 5+2 'late-error=InternalError'
try 'a slow completion' 5+1 'slow-finish=3'

# A server that takes three connections at a time: those that it refuses wait
# for the others, which are longer at it than all tries would be.
lfs_config lfsmultipart.retries 2
lfs_config lfsmultipart.maxRetryDelay 0
crowd () {
	seed=$((seed + 1))
	add_file r $seed.bin 4M $seed
	server_nofaults
	server_faults "$@"
	check "$*: the push goes through" git -C r push -q origin main
	check "$*: the bytes are right" server_has r "r/$seed.bin"
}
crowd 'crowd=3,on=part,times=0' 'delay=300,on=part,times=0'
crowd 'crowd=1,on=part,times=0' 'delay=100,on=part,times=0'
crowd 'crowd=3,on=part,times=0,retry-after=1' 'delay=300,on=part,times=0'
crowd 'crowd=2,code=403,on=part,times=0' 'delay=300,on=part,times=0'
finish
