#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `git push` carries objects in parts, in the shapes of Hugging Face and
# of CSGHub, and the server ends up with the same bytes.
. "$(dirname "$0")/lib.sh"

use_agent upload
start_server --chunk-size 262144 --multipart-threshold 500000 --rate 4000000
new_repo r
add_file r large.bin 5M
add_file r odd.bin 1000001
add_file r exact.bin 512K
add_file r small.bin 1000
check 'push to a server like Hugging Face' git -C r push -q origin main
check 'a large object' server_has r r/large.bin
check 'an object that is no multiple of the part' server_has r r/odd.bin
check 'an object that is one' server_has r r/exact.bin
check 'an object under the threshold' server_has r r/small.bin
check 'each part is sent once' equal "$(server_count requests.part)" 26
check 'each object is completed once' equal \
	"$(server_count requests.complete)" 3
check 'the small one is one PUT' equal "$(server_count requests.put)" 1
check 'git-lfs verified each' equal "$(server_count requests.verify)" 4
check 'no presigned PUT had a forbidden header' equal \
	"$(server_count refused_puts)" 0
check 'no credentials anywhere' equal "$(server_count authorization.part)" 0
check 'parts go side by side' at_most 2 "$(server_count transfers_max)"

server_reset
check 'push again' git -C r push -q origin main
check 'nothing is sent again' equal "$(server_count requests.part)" 0

start_server --dialect csghub --chunk-size 262144
new_repo s
add_file s large.bin 4M
add_file s small.bin 10
check 'push to a server like CSGHub' git -C s push -q origin main
check 'the large object is there' server_has s s/large.bin
check 'the small object is there' server_has s s/small.bin
check 'sixteen parts and one' equal "$(server_count requests.part)" 17
check 'two completions' equal "$(server_count requests.complete)" 2

start_server --dialect hf --chunk-size 100000 --etag md5 --expires-in
new_repo t
mkdir t/deep
add_file t deep/file.bin 1M
check 'push from a subdirectory' sh -c 'cd t/deep && git push -q origin main'
check 'its object is there' server_has t t/deep/file.bin
finish
