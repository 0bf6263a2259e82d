#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: an upload in parts that was stopped in any way resumes, sends no part
# again that arrived, and takes nothing else for its own.
. "$(dirname "$0")/lib.sh"

PARTS=16
SIZE=$((PARTS * 524288))
use_standalone
lfs_config lfsmultipart.connections 4
start_server --dialect hf --chunk-size 524288 --rate 3000000
make_file a.bin $SIZE
git init -q c
git -C c remote add origin "$(lfs_url r)"
FILES=c/.git/lfs/multipart

# The server of the remote from now on is the repository of this name.
repo=r
go_to () {
	repo=$1
	git -C c config lfs.url "$(lfs_url "$repo")"
}

# How the agent gets its action: from us, or it asks itself.
negotiated=
upload () {
	api=${negotiated:+--api $(lfs_url "$repo")}
	# shellcheck disable=SC2086
	(cd c && drive "$TEST_TMP/$1" $api $2 upload ../a.bin)
}

forget () {
	rm -rf "$FILES" "$ROOT/$repo/objects"
	server_reset
}

# stopped HOW AT: an upload that comes to about that many parts
stopped () {
	forget
	upload first.out "--stop $1 --at $(($2 * 524288))"
	test "$(said first.out stopped)" && test ! "$(said first.out complete)"
}

right () {
	said_complete "$1" && equal "$(said "$1" complete)" - &&
		server_has "$repo" a.bin
}

# finished WHAT N: the next run ends well, and both have sent at most N parts
# more than there are.
finished () {
	upload second.out ''
	check "$1: the bytes are right" right second.out
	check "$1: at most $2 parts were sent twice" at_most \
		"$(server_count requests.part)" $((PARTS + $2))
	check "$1: completed once" equal 1 "$(server_count requests.complete)"
	check "$1: the progress sums to the size" equal \
		"$(said second.out sum)" $SIZE
}

for negotiated in '' yes
do
	who=${negotiated:+negotiated, }
	go_to r
	check "${who}kill -9 in the middle" stopped KILL 9
	finished "${who}kill -9" 4
	check "${who}it began with what was there" at_most $((5 * 524288)) \
		"$(said second.out first)"
	check "${who}SIGTERM in the middle" stopped TERM 8
	finished "${who}SIGTERM" 4
	check "${who}end of input in the middle" stopped EOF 8
	finished "${who}end of input" 4
done
negotiated=

check 'stopped once' stopped KILL 6
upload again.out "--stop KILL --at $((11 * 524288))"
finished 'stopped twice' 8
check 'nobody else may read the links in the journal' equal 600 \
	"$(find "$FILES" -name '*.upload' -printf '%m')"

# Not the same: another file, another place

check 'stopped' stopped KILL 9
sent=$(server_count requests.part)
touch a.bin
finished 'a file of another time is sent afresh' "$sent"
check 'all of it' at_most $((PARTS + sent)) "$(server_count requests.part)"

check 'stopped' stopped KILL 9
server_reset
go_to other
finished 'another remote gets all of it' 0
check 'all of it' equal $PARTS "$(server_count requests.part)"
server_reset
go_to r
upload second.out ''
check 'the first one gets the rest' right second.out
check 'and no more' at_most "$(server_count requests.part)" $((PARTS - 5))

# Two at once: one resumes the saved upload, the other sends all.

check 'stopped' stopped KILL 9
server_reset
(cd c && drive "$TEST_TMP/one.out" upload ../a.bin) &
first=$!
(cd c && drive "$TEST_TMP/two.out" upload ../a.bin)
wait $first
check 'of two at once the first is right' right one.out
check 'the second is right' right two.out
check 'the two did not share an upload' at_most \
	"$(server_count requests.part)" $((2 * PARTS - 5))

# Damage

journal_of () {
	find "$FILES" -name '*.upload'
}

check 'stopped' stopped KILL 9
truncate -s -5 "$(journal_of)"
finished 'a journal that is cut off' 6

check 'stopped' stopped KILL 9
make_file "$(journal_of)" 5000
finished 'a journal of garbage' 16

check 'stopped' stopped KILL 9
: >"$(journal_of)"
finished 'an empty journal' 16

check 'stopped' stopped KILL 9
journal drop "$(journal_of)" part
finished 'a journal that knows of no part' 16

# Links that live no longer

check 'stopped' stopped KILL 9
server_expire
finished 'links that the server takes no more' 21
for negotiated in '' yes
do
	kill "$SERVER_PID"
	start_server --dialect hf --chunk-size 524288 --rate 3000000 \
		--expires 30
	go_to r
	check 'stopped' stopped KILL 9
	server_reset
	finished 'links that are about to run out are not tried' 0
	check 'but all is sent' equal $PARTS "$(server_count requests.part)"
done
negotiated=

# Completed, but git-lfs was not told

kill "$SERVER_PID"
start_server --dialect hf --chunk-size 524288
go_to r
forget
rm -f action
again="--api $(lfs_url r) --action $TEST_TMP/action"
negotiated=
upload first.out "$again"
check 'an upload' right first.out
check 'leaves a note' grep -q complete <<END
$(journal list "$(journal_of)")
END
check 'and no link' fails grep -aq 'http.*?' "$(journal_of)"
forget
rm -f action
upload second.out "--times 2 $again"
check 'the same object again' right second.out
check 'is not sent twice' equal $PARTS "$(server_count requests.part)"
check 'and its progress is all of it' equal $SIZE "$(said second.out sum)"
forget
rm -f action
upload first.out "$again"
rm -rf "$ROOT/r/objects" action
upload second.out "$again"
check 'by another git-lfs, which has asked a server that lost it, it is' \
	equal $((2 * PARTS)) "$(server_count requests.part)"
check 'and arrives' right second.out

# Completed, but killed before it noted that.

# killed_late: the server has done all, and no answer came
killed_late () {
	forget
	rm -f action
	server_faults 'lost-answer,times=0'
	upload first.out "$again"
	server_nofaults
	server_has r a.bin && journal list "$(journal_of)" | grep -q action
}

lfs_config lfsmultipart.retries 0
check 'killed before it noted that' killed_late
upload second.out ''
check 'nothing to do' right second.out
check 'which is all of it' equal $SIZE "$(said second.out sum)"
check 'no part is sent' equal $PARTS "$(server_count requests.part)"
check 'killed before it noted that' killed_late
rm -rf "$ROOT/r/objects" action
upload second.out "$again"
check 'and the server lost it: it is sent again' right second.out
git config --global --unset lfsmultipart.retries

# In standalone mode the server was asked: it knows better than our note.

forget
upload first.out ''
check 'standalone: an upload' right first.out
rm -rf "$ROOT/r/objects"
upload second.out ''
check 'standalone: the server lost it, so it is sent again' right second.out

# A part that is refused, by a proxy perhaps, is no reason to forget the others.

for negotiated in '' yes
do
	forget
	server_faults "status=403,on=part,part=14,times=0"
	upload first.out ''
	check 'a part is refused' grep -q '^error .*403' first.out
	server_nofaults
	sent=$(server_count requests.part)
	upload second.out ''
	check 'the next run goes on' right second.out
	check 'with what is missing' at_most "$(server_count requests.part)" \
		$((sent + 8))
done
negotiated=

# A completion that fails

lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 1
forget
server_faults 'status=500,on=complete,times=2'
upload first.out ''
check 'a completion fails' grep -q '^error .*completing the upload' first.out
upload second.out ''
check 'the next run completes what is there' right second.out
check 'no part is sent again' equal $PARTS "$(server_count requests.part)"

forget
server_faults 'status=500,on=complete,times=6'
upload first.out ''
upload second.out ''
check 'if that fails again' grep -q '^error .*completing' second.out
check 'still no part is sent again' equal $PARTS \
	"$(server_count requests.part)"
journal run "$(journal_of)" 4 3700
upload second.out ''
check 'if it has failed often, and for long, it begins anew' right second.out
check 'with all parts' equal $((2 * PARTS)) "$(server_count requests.part)"

forget
server_faults 'status=500,on=complete,times=2' 'status=409,on=complete'
upload first.out ''
upload second.out ''
check 'if that is refused, likewise' right second.out

kill "$SERVER_PID"
start_server --dialect hf --chunk-size 524288 --rate 3000000
go_to r

# The same where parts are missing.

check 'stopped' stopped KILL 4
server_faults 'status=500,on=part,times=0'
upload second.out ''
check 'parts that fail' grep -q '^error .*500' second.out
check 'the message says how to begin anew' grep -q 'multipart prune' second.out
journal run "$(journal_of)" 4 3700
server_nofaults
server_reset
server_faults "status=500,on=part,part=$PARTS,times=2"
upload second.out ''
check 'if they have failed often, and for long, it begins anew' right second.out
check 'with all parts' at_most $((PARTS + 2)) "$(server_count requests.part)"

negotiated=yes
check 'stopped' stopped KILL 9
server_faults 'lost-answer,on=complete'
upload second.out ''
check 'a lost answer to a completion: it says what to do' \
	grep -q '^error .*push again to see' second.out
check 'and sends nothing twice for it' at_most \
	"$(server_count requests.part)" $((PARTS + 4))
check 'for the object is there' server_has r a.bin
negotiated=
git config --global --unset lfsmultipart.retries
git config --global --unset lfsmultipart.maxRetryDelay

# The real git-lfs

kill "$SERVER_PID"
start_server --dialect hf --chunk-size 524288 --rate 800000
for agent in multipart lfs-multipart
do
	test $agent = lfs-multipart || {
		git config --global --unset lfs.standalonetransferagent
		use_agent upload
	}
	new_repo $agent
	add_file $agent b.bin $SIZE $agent
	server_reset
	(cd $agent && exec git-lfs push origin main) >push.out 2>&1 &
	pid=$!
	until test "$(server_count requests.part)" -ge 9
	do
		kill -0 $pid || break
	done
	kill -9 $pid
	wait $pid 2>/dev/null
	check "$agent: nothing was completed" equal 0 \
		"$(server_count requests.complete)"
	use_standalone
	test $agent = lfs-multipart ||
		git config --global --unset lfs.standalonetransferagent
	check "$agent: the next git push goes on" \
		git -C $agent push -q origin main
	check "$agent: the bytes are right" server_has $agent $agent/b.bin
	check "$agent: few parts were sent twice" at_most \
		"$(server_count requests.part)" $((PARTS + 4))
	use_standalone
done
finish
