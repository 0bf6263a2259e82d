#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: however many agents git-lfs starts, together they use no more
# connections than allowed, and one that is killed frees its share.
. "$(dirname "$0")/lib.sh"

use_agent upload
lfs_config lfs.concurrenttransfers 8
# A part takes 0.4 s, which the pauses between two of them are short against.
start_server --chunk-size 65536 --rate 150000
new_repo r
for number in 1 2 3 4 5 6 7 8
do
	make_file r/$number.bin 1M $number
done
git -C r add . && git -C r commit -q -m eight
check 'push of eight objects' git -C r push -q origin main
check 'they arrive' server_has r r/8.bin
# The cap is soft for the length of a part: agent k takes its share, at most
# 16/k rounded up, while the earlier ones step down. Those add up to 46.
check 'they share 16 connections' at_most "$(server_count transfers_max)" 46

server_reset
add_file r one.bin 6M
check 'push of one object' git -C r push -q origin main
check 'it gets all 16' equal "$(server_count transfers_max)" 16

server_reset
lfs_config lfsmultipart.connections 3
add_file r two.bin 1M
check 'push with three connections' git -C r push -q origin main
check 'it uses three' equal "$(server_count transfers_max)" 3

server_reset
lfs_config "lfsmultipart.$SERVER.connections" 2
add_file r three.bin 1200K
check 'push with two for this server' git -C r push -q origin main
check 'it uses two' equal "$(server_count transfers_max)" 2
finish
