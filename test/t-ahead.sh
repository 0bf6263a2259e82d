#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the server is asked about many small objects at a time, as git-lfs
# would, though git-lfs hands them over one by one; and about one at a time
# where that does not do.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfs.concurrenttransfers 1
start_server --dialect basic
new_repo r
for number in $(seq 110)
do
	make_file "r/$number.bin" $((number * 7)) "$number"
done
git -C r add . && git -C r commit -q -m many
check 'push of 110 objects' git -C r push -q origin main
check 'each was asked about when it was sent, and not before' equal \
	"$(server_count requests.batch)" 110
clone_repo r c --no-checkout
export GIT_LFS_SKIP_SMUDGE=1
git -C c checkout -q main

# fetch NAME QUESTIONS: all 110 come, by so many requests of the batch
fetch () {
	rm -rf c/.git/lfs
	server_reset
	check "$1: fetch" git -C c lfs fetch origin main
	check "$1: $2 questions" equal "$(server_count requests.batch)" "$2"
	check "$1: one request each" equal "$(server_count requests.get)" 110
	git -C c lfs checkout >/dev/null
	check "$1: all are equal" same_files r c
	git -C c checkout -q . && rm c/*.bin && git -C c checkout -q .
}

# One about the first alone, one about a hundred, one about the others.
fetch 'many' 3
server_faults 'status=413,on=batch,skip=1'
fetch 'a server that wants fewer' 111
server_faults 'status=500,on=batch,skip=1'
fetch 'one that fails for a moment' 4
server_faults 'object=404,on=batch,skip=1'
rm -rf c/.git/lfs
server_reset
check 'errors of all that were asked about' \
	fails git -C c lfs fetch origin main
check 'are one error: who is asked for then is asked about' equal \
	"$(find c/.git/lfs/objects -type f | wc -l)" 109

# Links that are refused: the server is asked anew.
rm -rf c/.git/lfs
server_nofaults
server_faults 'status=403,on=get,skip=9'
server_reset
check 'a link that is refused' git -C c lfs fetch origin main
check 'all the same, all have come' equal \
	"$(find c/.git/lfs/objects -type f | wc -l)" 110
check 'nothing that was said before counts then' equal \
	"$(server_count requests.batch)" 5

# What is here is not asked about: the 100 of the first question are.
server_nofaults
find c/.git/lfs/objects -type f | sort | tail -n 2 | xargs rm
server_reset
check 'fetch of two' git -C c lfs fetch origin main
check 'two questions' equal "$(server_count requests.batch)" 2
check 'about two objects' equal "$(server_count asked)" 2

# Where git would have to fetch the pointers themselves, it is not asked.
git -C r.git config uploadpack.allowFilter true
git clone -q -c lfs.url="$(lfs_url r)" --filter=blob:none --no-checkout \
	"file://$TEST_TMP/r.git" partial
git -C partial checkout -q main
server_reset
check 'a partial clone' git -C partial lfs fetch origin main
check 'is asked for one by one' equal "$(server_count requests.batch)" 110

# Links that live shorter than what was said is kept.
start_server --dialect basic --expires 30 --expires-in
new_repo short
add_file short a.bin 10 1
add_file short b.bin 20 2
add_file short c.bin 30 3
add_file short d.bin 40 4
git -C short push -q origin main
rm -rf short/.git/lfs
server_reset
check 'links of half a minute' git -C short lfs fetch origin main
check 'are asked for one by one' equal "$(server_count requests.batch)" 4
# One alone, the other three, and when that was of no use one and one.
check 'as soon as that has shown' equal "$(server_count asked)" 6
finish
