#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a server that takes fewer connections than are wanted gets fewer,
# whatever it refuses the others with, and however many agents there are: no
# object fails, no byte comes twice, no link is asked for again, and what was
# learned is kept.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfs.concurrenttransfers 8
lfs_config lfsmultipart.partSize 512k
lfs_config lfsmultipart.retries 2
lfs_config lfsmultipart.maxRetryDelay 1
# A part takes a quarter of a second.
start_server --dialect basic --rate 2000000
new_repo one
new_repo eight
for number in 1 2 3 4 5 6 7 8
do
	make_file eight/$number.bin $((number * 100))K $number
done
make_file one/1.bin 5M 9
for repo in one eight
do
	{
		git -C $repo add . &&
		git -C $repo commit -q -m add &&
		git -C $repo push -q origin main
	} || die "push of $repo"
done

# fetch REPO WHAT REFUSED: all of it into a new clone, with no more refusals
# than that
fetch () {
	rm -rf c
	GIT_LFS_SKIP_SMUDGE=1 clone_repo "$1" c || die 'clone'
	server_reset
	check "$2: all objects come" git -C c lfs fetch
	git -C c lfs checkout >/dev/null 2>&1
	check "$2: the bytes are right" same_files "$1" c
	check "$2: no byte comes twice" equal "$(server_count bytes_out.get)" \
		"$(cat "$1"/*.bin | wc -c)"
	check "$2: nothing is cut off" equal "$(server_count bytes_cut.get)" 0
	check "$2: few are refused" at_most \
		"$(server_count status.$status)" "$3"
}

# batches REPO: how many it takes where nothing is refused
batches () {
	status=403
	fetch "$1" "$1, not refused" 0
	asked=$(server_count requests.batch)
}

many=24
for repo in one eight
do
	server_nofaults
	batches $repo
	for limit in 1 2 3
	do
		for status in 403 429 503
		do
			what="$repo, $status above $limit"
			server_nofaults
			server_faults \
				"crowd=$limit,code=$status,on=get,times=0"
			fetch $repo "$what" $many
			check "$what: no link is asked for again" equal \
				"$asked" "$(server_count requests.batch)"
		done
	done
done

# The number of connections is kept beside the objects: the next command of the
# repository begins with it.
status=503
server_nofaults
server_faults crowd=2,code=503,on=get,times=0
fetch one 'a first command' $many
add_file one 2.bin 5M 10
git -C one push -q origin main && git -C c fetch -q || die 'second push'
server_reset
check 'the next: all comes' git -C c lfs fetch origin origin/main
check 'the next: from the server' equal "$(server_count bytes_out.get)" 5242880
check 'the next: it knows' at_most "$(server_count status.503)" 1

# One object that is truly forbidden is that for the others' sake.
status=403
server_nofaults
forbidden=$(oid_of eight/8.bin)
server_faults "status=403,oid=$forbidden,on=get,times=0"
rm -rf c
GIT_LFS_SKIP_SMUDGE=1 clone_repo eight c || die 'clone'
server_reset
check 'a forbidden object fails the fetch' fails git -C c lfs fetch
cp "$CHECK_OUT" fetch.out
check 'it says why' grep 'answered 403' fetch.out
check 'it alone is not there' equal 7 \
	"$(find c/.git/lfs/objects -type f | wc -l)"
check 'it is asked for a few times' at_most "$(server_count status.403)" 40

# The same where parts go up.
status=403
server_nofaults
server_faults crowd=2,code=403,on=put,times=0
new_repo up
for number in 1 2 3 4 5
do
	make_file up/$number.bin 200K 1$number
done
git -C up add . && git -C up commit -q -m add
server_reset
check 'a push to a server that takes two' git -C up push -q origin main
check 'the bytes are right' server_has up up/5.bin
check 'few are refused' at_most "$(server_count status.403)" $many
finish
