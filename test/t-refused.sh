#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: what cannot work fails with a sentence that says why, at once, and
# takes nothing else with it.
. "$(dirname "$0")/lib.sh"

# Each push is the first of its kind: none resumes another.
push () {
	rm -rf r/.git/lfs/multipart
	git -C r push origin main >"$TEST_TMP/push.out" 2>&1
}

says () {
	shows "$TEST_TMP/push.out" "$1"
}

use_agent upload
lfs_config lfsmultipart.retries 2
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.offlineTimeout 2
start_server --chunk-size 262144
new_repo r
add_file r a.bin 1M
add_file r b.bin 600K

refused=$(oid_of r/a.bin)
server_faults "status=403,on=part,part=2,oid=$refused,times=0"
check 'a refused part fails the push' fails push
check 'and the message says 403' says '403'
host=${SERVER#http://}
check 'the host' says "$host"
check 'the id of the request, at the end' says 'x-amz-request-id TEST-PART\)$'
check 'the file, first' says "'a\.bin': part 2 of 4"
check 'no EOF, no traceback' fails says 'EOF|Traceback|broken pipe'
check 'the refused object is not there' fails server_has r r/a.bin
check 'the other object is' server_has r r/b.bin
# It is refused while others are served: it might be one too many.
check 'the part was tried a few times' at_most \
	"$(server_count "parts.$refused.2")" 5
check 'nothing was completed for it' equal \
	"$(server_count requests.complete)" 1
server_nofaults

# A server's text cannot control the terminal, neither here nor in the log.
GIT_LFS_MULTIPART_LOG=$TEST_TMP/log
export GIT_LFS_MULTIPART_LOG
server_faults "words=403,on=part,part=2,oid=$refused,times=0"
check 'rude words fail the push' fails push
check 'they are in the message' says 'Rude.*no yes'
check 'and in the log' grep -a 'Rude.*no yes' log
check 'without controls' fails env LC_ALL=C grep -aP \
	'\x9b|\xc2[\x80-\x9f]|\xe2\x80\xae|\x1b\[31m' push.out log
unset GIT_LFS_MULTIPART_LOG
server_nofaults

server_faults "expired,oid=$refused,times=0"
check 'expired links fail the push' fails push
check 'and the message says so' says 'expired'
server_nofaults

server_faults "status=404,on=complete,times=0"
check 'a refused completion fails the push' fails push
check 'and the message says 404' says '404'
server_nofaults

# A quota and a bandwidth limit do not pass while one waits (nor for git-lfs).
for status in 501 507 509
do
	server_reset
	server_faults "status=$status,on=part,times=0,part=2"
	check "$status: the push fails" fails push
	check "$status: and says so" says "part 2 of 4: the server answered $status"
	check "$status: the part was tried once" equal \
		"$(server_count "parts.$refused.2")" 1
	server_nofaults
done

# S3 says 200 before it knows.
server_faults "late-error=InvalidPart,oid=$refused"
check 'a completion that fails late fails the push' fails push
check 'and the message says why' says 'answered 200, but .* InvalidPart'
server_nofaults

server_faults "status=500,on=part,part=3,times=0"
check 'an error that stays fails the push' fails push
check 'and the message says 500' says '500'
server_nofaults

server_faults 'etag=missing,part=1,times=0'
check 'a missing ETag fails the push' fails push
check 'and the message names it' says 'ETag'
server_nofaults
check 'and now the push goes through' git -C r push -q origin main

add_file r c.bin 700K
make_file garbage 700K 1
object=$(find r/.git/lfs/objects -name "$(oid_of r/c.bin)")
chmod +w "$object" && cp garbage "$object"
check 'a damaged local object fails the push' fails push
check 'and the message says what to do' says 'git lfs fsck'
check 'the server has no such object' fails test -e \
	"$(object_at r r/c.bin)"
cp r/c.bin "$object"

stop_servers
check 'a missing server fails the push' fails push
check "with git-lfs's own words" says "refused"

# An upload that outlives its links says so in time, and again at the end.
lfs_config lfsmultipart.connections 1
start_server --chunk-size 300000 --expires 15 --rate 100000
new_repo slow
add_file slow a.bin 6M 1
slow_push () {
	GIT_LFS_MULTIPART_LOG=$TEST_TMP/slow.log \
		git -C slow push origin main >push.out 2>&1
}
check 'an upload that outlives its links' fails slow_push
check 'says so in time' grep 'warn: .*the links live 1[0-5] s; at this rate' slow.log
check 'and at the end' says 'the object needs .* faster line'
finish
