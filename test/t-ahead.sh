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
add_files r 110
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
fetch 'one that fails for a moment' 5
# As one with a neighbour that is never asked for: it must not cost the others.
server_faults 'status=500,on=batch,skip=1,times=2'
fetch 'one that fails for two of them' 6
server_faults 'object=404,on=batch,skip=1'
rm -rf c/.git/lfs
server_reset
check 'errors of all that were asked about' \
	fails git -C c lfs fetch origin main
check 'are one error: who is asked for then is asked about' equal \
	"$(find c/.git/lfs/objects -type f | wc -l)" 109

# The users of a shared repository ask ahead one like the other.
rm -rf c/.git/lfs
git -C c config core.sharedRepository group
check 'a fetch in a shared repository' git -C c lfs fetch origin main
check 'others may search as well' equal \
	"$(stat -c %a c/.git/lfs/multipart/search)" 660
git -C c config --unset core.sharedRepository

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

# The agent asks only about absent objects, and the first 100 are here by now.
server_nofaults
find c/.git/lfs/objects -type f | sort | tail -n 2 | xargs rm
server_reset
check 'fetch of two' git -C c lfs fetch origin main
check 'two questions' equal "$(server_count requests.batch)" 2
check 'about two objects' equal "$(server_count asked)" 2

# If git would have to fetch the pointers themselves, the agent does not ask
# git.
git -C r.git config uploadpack.allowFilter true
git clone -q -c lfs.url="$(lfs_url r)" --filter=blob:none --no-checkout \
	"file://$TEST_TMP/r.git" partial
git -C partial checkout -q main
server_reset
check 'a partial clone' git -C partial lfs fetch origin main
check 'is asked for one by one' equal "$(server_count requests.batch)" 110

# The agent tries the links that it keeps, and asks the server when they fail.
rm -rf c/.git/lfs
server_faults 'status=404,on=get,skip=9'
server_reset
check 'a link that leads nowhere by now' git -C c lfs fetch origin main
check 'all have come' equal \
	"$(find c/.git/lfs/objects -type f | wc -l)" 110
server_nofaults

# Few of many: the fewer are of use, the fewer are asked about.
rm -rf c/.git/lfs
server_reset
check 'every tenth' git -C c lfs fetch -I '*5.bin' origin main
check 'two questions about eleven' equal "$(server_count requests.batch)" 2
rm -rf c/.git/lfs
server_reset
check 'three, far apart' git -C c lfs fetch -I '1.bin,50.bin,99.bin' \
	origin main
check 'one about one, one about 100, one about 50' equal \
	"$(server_count asked)" 151

# The agent also asks together about the objects of another branch, as in a
# checkout. It asks about an object that is on no branch alone, and keeps the
# other answers.
new_repo two
add_files two 20
git -C two checkout -q -b dev
for number in 1 3 5 7 9
do
	make_file "two/$number.bin" $((number * 7)) "9$number"
done
git -C two commit -q -a -m dev
git -C two tag early
for number in 1 3 5 7 9
do
	make_file "two/$number.bin" $((number * 7)) "8$number"
done
git -C two commit -q -a -m later
git -C two push -q origin main dev early
git -C two push -q --delete origin early
clone_repo two two-clone -b main
server_reset
check 'another branch' git -C two-clone lfs fetch origin origin/dev
check 'the first alone, main'"'"'s, and the five of dev' equal \
	"$(server_count requests.batch)" 3
check 'it can be checked out' git -C two-clone checkout -q dev
rm -rf two-clone/.git/lfs
git -C two-clone checkout -q -f main
server_reset
check 'an earlier commit' git -C two-clone lfs fetch origin origin/dev~1
check 'its five, the first and one for the others' equal \
	"$(server_count requests.batch)" 7

# A pull writes what FETCH_HEAD has while HEAD is still the old commit.
unset GIT_LFS_SKIP_SMUDGE
new_repo three
add_files three 2
git -C three push -q origin main
clone_repo three three-clone
for number in 11 12 13 14 15 16 17 18 19
do
	make_file three/$number.bin $number 7
done
git -C three add . && git -C three commit -q -m more
git -C three push -q origin main
server_reset
check 'pull of nine more' git -C three-clone pull -q
check 'one alone, the others together' equal "$(server_count requests.batch)" 2
check 'of what was there, nothing is asked' equal "$(server_count asked)" 9
check 'all are equal' same_files three three-clone
# Nothing is in it after a fetch of nothing.
: >three-clone/.git/FETCH_HEAD
rm -rf three-clone/.git/lfs
server_reset
check 'an empty FETCH_HEAD' git -C three-clone lfs fetch origin main 2>said
check 'does no harm' equal "$(server_count requests.batch)" 2
check 'and git does not complain of it' fails grep FETCH_HEAD said
export GIT_LFS_SKIP_SMUDGE=1

# To a large object a round trip is nothing: it is no neighbour.
git -C two checkout -q main
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize %d\n' \
	7 70000000 >two/large.bin
git -C two add large.bin && git -C two commit -q -m large
rm -rf two/.git/lfs
server_reset
check 'all but a large one' git -C two lfs fetch -X large.bin origin main
check 'it is not asked about' equal "$(server_count asked)" 20

# Links that live shorter than what was said is kept: the link says it, or the
# answer.
for how in --presigned --expires-in --expires-at
do
	start_server --dialect basic --expires 30 $how
	name=short$how
	new_repo "$name"
	for number in 1 2 3 4
	do
		add_file "$name" $number.bin ${number}0 $number
	done
	git -C "$name" push -q origin main
	rm -rf "$name/.git/lfs"
	server_reset
	check "$how: links of half a minute" \
		git -C "$name" lfs fetch origin main
	check 'are asked for one by one' equal \
		"$(server_count requests.batch)" 4
	# One alone, the other three, and when that was of no use one and one.
	check 'as soon as that has shown' equal "$(server_count asked)" 6
done

# Eight agents ask one like the other, and tell each other what they were told.
lfs_config lfs.concurrenttransfers 8
start_server --dialect basic --auth me:secret --presigned-here
echo 'machine 127.0.0.1 login me password secret' >home/.netrc
new_repo eight
add_files eight 300
git -C eight push -q origin main
rm -rf eight/.git/lfs
server_reset
check 'eight agents, 300 objects' git -C eight lfs fetch origin main
check 'all have come' equal 300 \
	"$(find eight/.git/lfs/objects -type f | wc -l)"
check 'an object is asked about twice or so, not by each agent' \
	at_most "$(server_count asked)" 750
# answers REPO: the file with what the server has said, if there is anything
answers () {
	find "$1/.git/lfs/multipart" -name answers -size +0
}
check 'no link stays behind' equal '' "$(answers eight)"

# killed REPO FAULT N: a fetch, with kill -9 once N objects were asked for
killed () {
	server_reset
	server_faults "$2"
	(cd "$1" && exec setsid git lfs fetch origin main) >fetch.out 2>&1 &
	pid=$!
	until test "$(server_count requests.get)" -ge "$3"
	do
		kill -0 "$pid" || break
	done
	kill -9 -"$pid"
	wait "$pid" 2>/dev/null
	server_nofaults
	test "$(server_count requests.get)" -ge "$3"
}

rm -rf eight/.git/lfs
check 'agents that are killed' killed eight stall,on=get,skip=40 48
check 'leave links' test -n "$(answers eight)"
answers eight | xargs touch -d '2 minutes ago'
check 'the next agent is killed with its first object' \
	killed eight stall,on=get 1
check 'it has forgotten them' equal '' "$(answers eight)"

# A header may be a login, so each agent asks for itself.
start_server --dialect basic --auth me:secret --echo-login
new_repo echoed
add_files echoed 40
git -C echoed push -q origin main
rm -rf echoed/.git/lfs
check 'agents that are killed, with a login in each action' \
	killed echoed stall,on=get,skip=20 28
check 'leave no login' fails grep -rq "$(printf me:secret | base64)" \
	echoed/.git/lfs
check 'nor anything that the server has said' equal '' "$(answers echoed)"
check 'a fetch' git -C echoed lfs fetch origin main
check 'all have come' equal 40 \
	"$(find echoed/.git/lfs/objects -type f | wc -l)"
finish
