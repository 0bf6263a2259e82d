#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: redirects are followed, at most three, never from https to http, and
# no header goes to another host.
. "$(dirname "$0")/lib.sh"

use_agent both
lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 1
start_server --chunk-size 262144 --pick-download --multipart-threshold 500000
new_repo r
add_file r a.bin 1M
add_file r small.bin 1000
git -C r push -q origin main || die 'push'

fetch () {
	rm -rf c
	server_nofaults
	test $# -eq 0 || server_faults "$@"
	clone_repo r c >fetch.out 2>&1 && cmp r/a.bin c/a.bin &&
	cmp r/small.bin c/small.bin
}

for code in 301 302 303 307 308
do
	check "a download follows $code" fetch "redirect=self,code=$code,times=2"
done
check 'to another host' fetch 'redirect=otherhost,times=0'
check 'without our headers' equal "$(server_count leaked_headers)" 0
small=$(oid_of r/small.bin)
check 'three in a row' fetch "redirect=self,times=3,oid=$small"
GIT_LFS_SKIP_SMUDGE=1 clone_repo r bare >bare.out 2>&1
server_nofaults
server_faults "redirect=self,times=4,oid=$small"
check 'four are too many' fails git -C bare lfs fetch
check 'a loop ends' fails fetch 'redirect=loop'
check 'and is called so' grep -i redirect fetch.out
check 'no other scheme' fails fetch 'redirect=ftp://127.0.0.1/x,times=0'
check 'and is named' grep -i 'ftp\|scheme\|http' fetch.out
check 'nor a file' fails fetch 'redirect=file:///etc/passwd,times=0'

# The target is gone to straight away, as long as it lives.

server_nofaults
lfs_config lfsmultipart.partSize 64k
lfs_config lfsmultipart.connections 1
server_reset
check 'a target serves all ranges' fetch 'redirect=otherhost,times=0'
check 'after one redirect an object' equal "$(server_count status.307)" 2
check 'and one request a range' equal "$(server_count requests.get)" $((16 + 2 + 1))
server_reset
a=$(oid_of r/a.bin)
check 'a target that dies' fetch 'redirect=otherhost,times=0' \
	"status=403,on=get,skip=5,oid=$a"
check 'was refused once' equal "$(server_count status.403)" 1
check 'and found again at once' equal "$(server_count status.307)" 3
check 'still without our headers' equal "$(server_count leaked_headers)" 0

server_nofaults
add_file r b.bin 1M 2
server_faults 'redirect=self,on=part,part=2,code=307' \
	'redirect=otherhost,on=part,part=3,code=308' \
	'redirect=self,on=complete,code=307'
check 'an upload follows 307 and 308' git -C r push -q origin main
check 'with the same bytes' server_has r r/b.bin
add_file r c.bin 1200 3
server_faults 'redirect=otherhost,on=put,code=307'
check 'one PUT to another host' git -C r push -q origin main
check 'arrives' server_has r r/c.bin
check 'without our headers' equal "$(server_count leaked_headers)" 0
finish
