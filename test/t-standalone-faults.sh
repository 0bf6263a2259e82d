#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in standalone mode what the server refuses is said in a sentence, what
# passes is tried again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/push.sh"

use_standalone
lfs_config lfsmultipart.retries 2
lfs_config lfsmultipart.maxRetryDelay 1

# The question is refused

start_server --dialect basic
new_repo r
change 1000
refused () {
	server_reset
	server_faults "$1,on=batch,times=0"
	check "$1: the push fails" fails push
	check "$1: the message" says "$2"
	check "$1: asked $3 times" counts batch "$3"
	server_nofaults
}
refused status=401 'wants a login' 1
refused status=403 "batch: the server answered 403 Forbidden" 1
refused status=403 "403 Forbidden.*; no login was sent, .*check lfs.url" 1
refused status=404 "batch: the server answered 404 Not Found" 1
refused status=404 "LFS be switched off for it, or lfs.url wrong" 1
refused status=405 "405 Method Not Allowed.*; .*check lfs.url" 1
refused status=407 "the proxy wants another login; check http.proxy" 1
refused status=423 "423 Locked.*; .*git lfs locks" 1
refused status=507 "507 Insufficient Storage.*; .*your quota" 1
refused status=511 "511 Network Authentication.*; a captive portal" 1
refused status=509 "509 Bandwidth Limit Exceeded.*; its bandwidth limit" 1
refused untrue=page 'batch: .* a web page in place of JSON' 2
refused status=413 "413 Content Too Large.*; .*raise that limit" 1
refused status=422 "422 Unprocessable Content" 1
refused status=501 "501 Not Implemented.*; .*check lfs.url" 1
refused status=429 "429 Too Many Requests" 3
refused status=503 "503 Service Unavailable" 3
# After an agent has seen that the server is down, it waits less for the next
# object.
add_file r other.bin 2000 77
add_file r third.bin 3000 78
lfs_config lfs.concurrenttransfers 1
refused status=500 "500 Internal Server Error" 5
lfs_config lfs.concurrenttransfers 2
git -C r reset -q --hard HEAD~2
refused status=200 "'objects' is missing" 1
refused garbage 'batch.* is not HTTP' 2
refused object=404 'does not have this object \(404: fault: object\)' 1
refused object=403 'does not let you have this object' 1
refused object=410 'has removed this object' 1
refused object=422 'finds this object invalid' 1
refused object=507 'has no room' 1
refused object=418 'refuses this object \(418: fault: object\)' 1
refused redirect=loop 'redirects more than 3 times' 4
server_faults status=422,on=put,times=0
check 'a 422 to the upload: it fails' fails push
check 'a 422 to the upload: it says what git-lfs would' says 'lfs.contenttype'
server_nofaults

# It is refused for now

for fault in status=500 status=503,times=2 status=429,retry-after=1 \
	status=408 reset close garbage redirect=self
do
	change 1000
	server_faults "$fault,on=batch"
	check "$fault: the push goes through" push
	check "$fault: the object is there" server_has r "r/$file"
	server_nofaults
done
check 'one object fails, the other arrives' eval '
	make_file r/one.bin 5000 one; make_file r/two.bin 5000 two
	git -C r add . && git -C r commit -q -m two
	server_reset
	server_faults object=422,on=batch
	fails push && counts put 1'
check 'the next push brings it' push
check 'the first' server_has r r/one.bin
check 'and the second' server_has r r/two.bin

# The verification

change 1000
server_faults 'status=503,on=verify,times=2'
check 'a verification is tried again' push
check 'twice' counts verify 3
change 1000
server_faults 'status=500,on=verify,times=0'
check 'one that never works fails the push' fails push
check 'and the message says so' says 'verifying the upload.*500'
server_nofaults
check 'the next push is right' push
check 'and the object was sent once' counts put 1
change 1000
server_faults 'status=403,on=verify'
check 'one whose link has run out is renewed' push
check 'without sending the object again' counts put 1
server_nofaults
for status in 404 422
do
	change 1000
	server_faults "status=$status,on=verify,times=2"
	check "$status: the object may not be in sight yet" push
	check "$status: asked three times, as by git-lfs" counts verify 3
done
change 1000
server_faults 'status=422,on=verify,times=0'
check 'one that is refused each time is final' fails push
check 'and said so' says 'verifying the upload.*422'
check 'after three tries' counts verify 3
server_nofaults
push
change 1000
lfs_config lfs.transfer.maxRetryTime 2
server_faults 'status=503,on=put,retry-after=3600'
check 'a server that asks for too long a pause' fails push
check 'is not waited for' says 'asks to wait for 3600 s, .*maxRetryTime \(2 s\)'
check 'not once' counts put 1
server_nofaults
check 'one that asks for less' eval '
	server_faults "status=503,on=put,retry-after=2" && push'
git config --global --unset lfs.transfer.maxRetryTime
push
server_reset
server_faults verify,on=batch
check 'an object that is there' \
	git -C r lfs push --object-id origin "$(oid_of "r/$file")"
check 'is not verified, as nothing was sent' counts verify 0
server_nofaults

# A link that leads nowhere for the moment: the server may give another, or have
# the object by now.

# asked_again WHAT SIZE FAULT...: a push is right all the same
asked_again () {
	what=$1
	change "$2"
	shift 2
	server_faults "$@"
	check "$what: the push is right" push
	check "$what: the object is there" server_has r "r/$file"
	check "$what: the server is asked twice" counts batch 2
	server_nofaults
}

asked_again 'a PUT that fails' 1000 'status=503,on=put'
check 'it is sent again' counts put 2
asked_again 'a PUT whose answer is lost' 1000 'lost-answer,on=put,times=2'
check 'it is sent no third time' counts put 2
rm -rf r/.git/lfs/objects
server_reset
server_faults "status=503,on=get,oid=$(oid_of "r/$file")"
check 'a GET that fails' git -C r lfs fetch origin main
check 'the object is here' test -f "r/.git/lfs/objects/$(
	oid_of "r/$file" | sed 's/^\(..\)\(..\).*/\1\/\2\/&/')"

start_server --dialect hf --chunk-size 100000
git -C r config lfs.url "$(lfs_url r)"
# libcurl sends again by itself what a kept connection has reset; what is not HTTP
# sees to it that these are new ones.
asked_again 'a part that fails as often as it may' 400000 \
	'garbage,on=part,part=2' 'reset,on=part,part=2,skip=1,times=2'
asked_again 'a completion whose answer is lost, then refused' 400000 \
	'status=400,on=complete,skip=1' 'lost-answer,on=complete'
check 'no part is sent again' counts part 4
finish
