#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: many objects at once, small and large, through eight agents, at as few
# requests and connections as they need.
. "$(dirname "$0")/lib.sh"

use_agent both
lfs_config lfs.concurrenttransfers 8
start_server --chunk-size 65536 --multipart-threshold 50000 --pick-download
new_repo r
number=0
while test $number -lt 120
do
	make_file r/$number.bin $((1 + number * 997)) $number
	number=$((number + 1))
done
make_file r/large.bin 6M
git -C r add . && git -C r commit -q -m many
check 'push of 121 objects' git -C r push -q origin main
check 'all are verified' equal "$(server_count requests.verify)" 121
check 'the large one is there' server_has r r/large.bin
# The large one has all connections to itself until the other seven agents
# begin, with objects of at most two parts; it gives them up part by part.
check 'at most 30 transfers at a time' at_most \
	"$(server_count transfers_max)" 30
server_reset
check 'clone of them' clone_repo r c
check 'all are equal' same_files r c
check 'again at most 30' at_most "$(server_count transfers_max)" 30
check 'one request each, two for the large one' equal \
	"$(server_count requests.get)" 122
check 'on connections that are kept' at_most "$(server_count connections)" 30

# One agent, two objects of two parts: of the first, one part goes ahead to see
# whether the server heeds ranges; of the second, none has to.
lfs_config lfs.concurrenttransfers 1
new_repo two
add_file two first.bin 2000001 1
add_file two second.bin 2000000 2
git -C two push -q origin main
second=$(oid_of two/second.bin)
server_faults "delay=1000,on=get,from=0,oid=$second"
check 'clone of two objects' clone_repo two two-clone
check 'both are equal' same_files two two-clone
check 'the second part did not wait for the first' equal \
	"get GET 206 - bytes=1048576-1999999 /two/object/$second" \
	"$(server_log get | grep "$second" | head -n 1)"
finish
