#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a completion that was done but whose answer is lost does not lose the
# object: the push, or at the latest the next one, is right.
. "$(dirname "$0")/lib.sh"

use_agent upload
lfs_config lfsmultipart.maxRetryDelay 1
start_server --chunk-size 262144
new_repo r
add_file r a.bin 1M
server_faults 'lost-answer,on=complete'
git -C r push origin main >push.out 2>&1
check 'the server has the object' server_has r r/a.bin
check 'the completion was asked for again' equal \
	"$(server_count requests.complete)" 2
check 'if the push failed, it says what may be' sh -c '
	git -C r.git rev-parse -q --verify main >/dev/null ||
	grep "push again" push.out'
check 'the next push is right' git -C r push -q origin main
check 'without sending the object again' equal \
	"$(server_count requests.part)" 4
finish
