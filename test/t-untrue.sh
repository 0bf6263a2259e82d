#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: an answer that begins with 2 and is no success is not taken for one, and
# where it does not tell, the server is asked.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/push.sh"

lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 0

# refused WHAT KIND MESSAGE: the push fails so, and the next one is right
refused () {
	server_nofaults
	change 1000
	server_faults "untrue=$1,on=$2,times=0"
	check "$2, $1: the push fails" fails push
	check "$2, $1: and says why" says "$3"
	check "$2, $1: nothing is there" fails server_has r "r/$file"
	server_nofaults
	check "$2, $1: the next push brings it" push
	check "$2, $1: the bytes are right" server_has r "r/$file"
}

# Negotiated, in parts

use_agent upload
start_server --chunk-size 300
new_repo r
refused page complete 'completing the upload: .* a web page in place of an answer'
refused false complete 'answered 200, but with an error: no room'
refused error complete 'answered 200, but with an error: no room'
refused errors complete 'answered 200, but with an error: no room'
refused xml complete 'answered 200, but with an error: NoSuchUpload'
refused cut complete 'JSON that is cut, which does not tell'
refused 202 complete '202 Accepted, which does not tell'
refused 206 complete '206 Partial Content, which does not tell'
server_nofaults
change 1000
server_faults untrue=202,done=1
check 'done, but not told: this push fails' fails push
check 'and says what to do' says 'push again to see'
check 'the object is there' server_has r "r/$file"
server_reset
check 'the next push sees it' push
check 'and sends nothing' counts part 0
server_nofaults
change 1000
server_faults untrue=page
check 'a page that goes away is outlived' push
check 'the bytes are right' server_has r "r/$file"
check 'in two completions' counts complete 2

# Standalone: the server is asked.

git config --global --remove-section lfs.customtransfer.multipart
use_standalone
told () {
	server_nofaults
	change 1000
	server_faults "untrue=$1,done=1,times=0"
	check "$1: the push is right" push
	check "$1: the object is there" server_has r "r/$file"
	check "$1: nothing was sent twice" counts part 4
	check "$1: the server was asked" counts batch 2
}
told 202
told 206
told cut
told page

# An answer that is compressed without being asked for is as good.

for how in gzip gzip=deflate
do
	server_nofaults
	change 1000
	server_faults "$how,on=batch,times=0" "$how,on=complete,times=0" \
		"$how,on=verify,times=0"
	check "$how: the push is right" push
	check "$how: the object is there" server_has r "r/$file"
done
server_nofaults
change 1000
server_faults "gzip=bomb,on=batch,times=0"
check 'a bomb fails the push' fails push
check 'at the limit' says 'the answer is over 67108864 bytes'
server_nofaults
push

# One request for the whole, and one that verifies

start_server --dialect basic
git -C r config lfs.url "$(lfs_url r)"
git -C r push -q origin main
refused page put 'a web page in place of an answer'
refused false put 'answered 200, but with an error: no room'
refused xml put 'NoSuchUpload'
# Without a verify action nobody else would notice.
unsure () {
	server_nofaults
	change 1000
	server_faults verify=none,times=0 "untrue=$1,on=put,times=0"
	check "put, $1, no verify: the push fails" fails push
	check "put, $1, no verify: and says so" says "$2"
	check "put, $1, no verify: nothing is there" fails server_has r "r/$file"
	server_nofaults
	server_nofaults
	change 1000
	server_faults verify=none,times=0 "untrue=$1,on=put,done=1,times=0"
	server_reset
	check "put, $1, but done: the push is right" push
	check "put, $1, but done: both were sent once" counts put 2
	server_nofaults
	check "put, $1: the next push brings all" push
}
unsure 202 '202 Accepted, which does not tell'
unsure 206 '206 Partial Content, which does not tell'
unsure cut 'JSON that is cut, which does not tell'
server_nofaults
change 1000
server_faults untrue=page,on=verify,times=0
check 'verify, page: the push fails' fails push
check 'verify, page: and says why' says 'verifying the upload: .* a web page in place of an answer'
server_nofaults
change 1000
server_faults untrue=false,on=verify,times=0
check 'verify, false: the push fails' fails push
check 'verify, false: and says why' says 'verifying the upload: .*no room'

# Requests before and after the parts

start_server --dialect giftless --chunk-size 300
git -C r config lfs.url "$(lfs_url r)"
git -C r push -q origin main
refused page init 'beginning the upload: .* a web page in place of an answer'
refused page commit 'completing the upload.* a web page in place of an answer'
refused xml commit 'completing the upload.*: .*NoSuchUpload'
server_nofaults
change 1000
server_faults untrue=202,on=commit,done=1
check 'commit, 202: the push is right' push
check 'commit, 202: the object is there' server_has r "r/$file"
finish
