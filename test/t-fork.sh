#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `fork` carries the objects of a history from one LFS server to another,
# without a checkout and without a file for each: to any kind of target, in a
# spool of two parts, and through whatever goes wrong on either side.
. "${0%/*}/lib.sh"
. "${0%/*}/fork.sh"

MIB=1048576
LARGE=13000000	# a/large.bin, in parts of 2 MiB
TOTAL=$((LARGE + 1500000))
SMALLEST=4M	# two parts

start_server
FROM=$SERVER
FROM_CONTROL=$CONTROL
FROM_ROOT=$ROOT
new_repo a
for i in 1 2 3 4 5
do
	make_file "a/small$i.bin" $((i * 100000)) "$i"
done
make_file a/large.bin $LARGE 9
git -C a add . && git -C a commit -q -m 'objects'
sha256sum a/*.bin | sed 's,^\(..\)\(..\),\1/\2/\1\2,' >objects
git -C a tag -a -m 'a tag' v1
git -C a push -q origin main v1 || die 'push'
from
server_reset

to
TARGET=$CONTROL
make_fork b
check 'a dry run' run_fork b --dry-run
check 'a dry run says what would be moved' \
	grep -q '^would move  *6 objects, 13 MiB:$' out
check 'a dry run moves nothing' has_none
check 'a dry run leaves nothing open at the target' \
	equal "$(server_log | grep -vc batch)" 0
check 'the objects are carried' run_fork b
check 'it says so' grep -q '^moved  *6 objects, 13 MiB$' out
check 'the target has all' has_all b
check 'none is left in the local storage' \
	equal "$(find b/.git/lfs -type f -size +15k ! -name notes)" ''
check 'both servers are asked about all at once' \
	equal "$(server_log batch | wc -l)" 2
check 'each byte is fetched once' equal "$(fetched)" $TOTAL
CONTROL=$TARGET
parts=$(server_log part | wc -l)
check 'again' run_fork b
check 'all is there' grep -q '^already there  *6 objects' out
check 'git push' git -C b push -q origin main
check 'git push finds nothing left to upload' \
	equal "$(server_log part | wc -l)" "$parts"

for dialect in basic giftless proposal
do
	to --dialect $dialect
	make_fork $dialect
	check "$dialect: a dry run" run_fork $dialect --json --dry-run
	check "$dialect: it is not complete" grep -q '"complete":false' out
	check "$dialect: in a spool of two parts" \
		run_fork $dialect --json --max-disk $SMALLEST
	check "$dialect: it is complete" grep -q '"complete":true' out
	check "$dialect: the target has all" has_all $dialect
	check "$dialect: the spool is not larger" \
		at_most "$(number spool_peak_bytes)" $((4 * MIB))
done
to
make_fork c
check 'a spool of less than two parts' \
	equal "$(status_of run_fork c --max-disk 3M)" 1
check 'the error says how much it takes' \
	grep -q 'need a spool of at least 4 MiB (--max-disk)' out

# The source.
for dialect in basic hf
do
	to --dialect $dialect
	make_fork "whole-$dialect"
	from
	server_reset
	server_faults range=ignored,times=0
	check "$dialect, a source without ranges" \
		run_fork "whole-$dialect" --max-disk $SMALLEST
	check "$dialect, a source without ranges: all is right" \
		has_all "whole-$dialect"
	check "$dialect, a source without ranges: fetched once" \
		equal "$(fetched)" $TOTAL
done
to
make_fork mixed
from
server_reset
server_faults "range=ignored,oid=$(oid_of a/large.bin),skip=5,times=0"
check 'a source that ignores a range now and then' run_fork mixed
server_nofaults
check 'a source that ignores a range now and then: all is right' has_all mixed
for dialect in basic hf
do
	to --dialect $dialect
	make_fork "compressed-$dialect"
	from
	server_faults gzip,times=0
	check "$dialect, a source that compresses ranges" \
		run_fork "compressed-$dialect" --max-disk $SMALLEST
	check "$dialect, a source that compresses ranges: all is right" \
		has_all "compressed-$dialect"
done
to
make_fork compressed
from
server_faults gzip,times=0 range=ignored,times=0
check 'a source that compresses the whole' run_fork compressed
server_nofaults
check 'a source that compresses the whole: all is right' has_all compressed
to
make_fork links
from
server_faults expired,on=get,skip=4,times=3
check 'links of the source run out' run_fork links
server_nofaults
check 'links of the source run out: all is right' has_all links
from
server_reset
server_faults expired,on=get,times=0
check 'links of the source never work' equal "$(status_of run_fork links \
	--to-lfs "$TO/none.git/info/lfs")" 1
server_nofaults
check 'links of the source never work: it says so' \
	grep -q 'Request has expired.*8 new links in a row have not helped' out
# Some rounds of all six, which are asked about together or singly.
check 'links of the source never work: not for ever' \
	at_most "$(server_log batch | wc -l)" 100

# Remotes that are paths.
to
make_fork paths
git -C paths config --unset remote.origin.lfsurl
check 'a target that is a path' fails run_fork paths
check 'a target that is a path: what to do' grep -q \
	"the LFS URL of the target, 'file://.*' (by remote.origin.url), is not an http or https URL; name one with --to-lfs or remote.origin.lfsurl" err
check 'a source that is a path, by option' \
	fails run_fork paths --from-lfs "file://$TEST_TMP/a.git" --to-lfs "$TO/paths.git/info/lfs"
check 'a source that is a path, by option: what to do' grep -q \
	"the LFS URL of the source, 'file://.*' (by the command line), is not an http or https URL; name one with --from-lfs$" err

# Servers whose actions leave the login to us.
start_server --root "$FROM_ROOT" --auth me:secret --api-login
CLOSED=$SERVER
to --dialect basic --auth me:secret --api-login
make_fork logins
git -C logins config remote.upstream.lfsurl "$CLOSED/a.git/info/lfs"
echo 'machine 127.0.0.1 login me password secret' >"$HOME/.netrc"
check 'actions of both servers want the login of their API' run_fork logins
check 'they get it, and all is right' has_all logins
rm "$HOME/.netrc"

to
make_fork flip
from
server_faults flip,from=4194304,after=1000
check 'a byte is spoilt on its way' run_fork flip --max-disk 40M
check 'a byte is spoilt on its way: all is right' has_all flip
to --dialect basic
make_fork corrupt
from
server_faults "flip,after=1000,times=0,oid=$(oid_of a/large.bin)"
check 'the source has other bytes' equal "$(status_of run_fork corrupt)" 1
server_nofaults
check 'the source has other bytes: it says so, and who' grep -q \
	"MiB  large.bin  from the source at ${FROM#*://}: the bytes hash to" out
check 'the source has other bytes: the target does not get them' \
	fails server_has corrupt a/large.bin
check 'the source has other bytes: the others are carried' \
	grep -q '^moved  *5 objects' out
to
make_fork missing
lost=$(ROOT=$FROM_ROOT object_at a a/small2.bin)
mv "$lost" lost
check 'the source lacks one' equal "$(status_of run_fork missing)" 1
mv lost "$lost"
check 'the source lacks one: it is named' \
	grep -q "^  $(oid_of a/small2.bin)  195 KiB  small2.bin  the source at ${FROM#*://}: " out
check 'the source lacks one: the others are carried' \
	grep -q '^moved  *5 objects' out

# The target.
to --dialect basic
make_fork put
server_faults reset,on=put,after=9000000
check 'a PUT breaks after its bytes have left the spool' \
	run_fork put --max-disk $SMALLEST
check 'a PUT breaks: all is right' has_all put
to
make_fork parts
server_faults reset,on=part,after=1000000,times=2 \
	expired,on=part,part=5,times=1
check 'parts break, and links of the target run out' run_fork parts
check 'parts break: all is right' has_all parts

# An answer to the last request that does not tell what came of it.
for how in 202 cut
do
	for dialect in hf basic
	do
		on=complete
		test $dialect = hf || on=put
		to --dialect $dialect
		make_fork "unclear-$how-$dialect"
		server_faults "untrue=$how,done=1,on=$on,times=0"
		check "$dialect, $how: the target is asked what is there" \
			run_fork "unclear-$how-$dialect"
		check "$dialect, $how: all was moved" \
			grep -q '^moved  *6 objects, 13 MiB$' out
		check "$dialect, $how: all is right" \
			has_all "unclear-$how-$dialect"
		check "$dialect, $how: and was sent once" \
			equal "$(server_log part | wc -l) $(server_log put | wc -l)" \
			"$(test $dialect = hf && echo '12 0' || echo '0 6')"
	done
done
to
make_fork unclear
server_faults "untrue=202,times=0,oid=$(oid_of a/large.bin)"
check 'it is not there' equal "$(status_of run_fork unclear)" 1
server_nofaults
check 'it is not there: it says so' grep -q \
	'large.bin  completing the upload: .* 202' out
check 'it is not there: it is not sent again' \
	equal "$(server_log part | wc -l)" 12
check 'it is not there: the target was asked some times' \
	equal "$(server_log batch | wc -l)" 5
to
make_fork refused
server_faults status=422,on=part,times=0
from
server_faults delay=1000,on=get,times=0,skip=7
check 'the target refuses what is still fetched' \
	equal "$(status_of run_fork refused)" 1
server_nofaults
check 'the target refuses: it says so' equal "$(grep -c '  .*\.bin  .*422' out)" 6
to
make_fork invalid
server_faults object=422,times=0
check 'the target finds objects invalid' equal "$(status_of run_fork invalid)" 1
server_nofaults
check 'the target finds objects invalid: it is named' equal 6 \
	"$(grep -c "  .*\.bin  the target at ${TO#*://}: .*422" out)"

# The source fails while the last byte waits for the hash.
to --dialect proposal
make_fork held
large=$(oid_of a/large.bin)
server_faults "delay=1500,on=part,part=1,oid=$large" \
	"status=422,on=part,part=1,oid=$large" status=422,on=abort
check 'one part is missing' equal "$(status_of run_fork held)" 1
server_nofaults
from
server_faults "delay=1500,on=get,oid=$large,skip=2,times=0" \
	"status=422,on=get,oid=$large,skip=2,times=0"
check 'the source fails while that is held back' \
	equal "$(status_of run_fork held)" 1
server_nofaults
check 'the source fails while that is held back: it says so' \
	grep -q 'from the source: .*422' out

# It fails while a part of the target waits to be tried again.
to
make_fork paused
server_faults "status=503,on=part,part=1,oid=$large,retry-after=300"
from
server_faults "delay=1500,on=get,oid=$large,skip=2,times=0" \
	"status=422,on=get,oid=$large,skip=2,times=0"
check 'the source fails while a part waits' \
	equal "$(status_of run_fork paused)" 1
server_nofaults

# Objects in the local storage.
to
make_fork here
mkdir -p here/.git/lfs && cp -r a/.git/lfs/objects here/.git/lfs/
from
server_reset
check 'what is here' run_fork here
check 'what is here is not fetched' equal "$(server_log get | wc -l)" 0
check 'what is here: the target has all' has_all here
to
make_fork spoilt
mkdir -p spoilt/.git/lfs && cp -r a/.git/lfs/objects spoilt/.git/lfs/
large=$(find spoilt/.git/lfs/objects -name "$(oid_of a/large.bin)")
chmod u+w "$large" && printf x | dd of="$large" conv=notrunc 2>/dev/null
check 'what is here is damaged' run_fork spoilt
check 'what is here is damaged: the source has it right' has_all spoilt

# Interrupted, while the last part waits for a server that says nothing.
to
make_fork stop
server_faults stall=60,on=part,part=7
(cd stop && exec "$AGENT" fork --quiet) >out 2>err &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
do
	test "$(server_log part | wc -l)" -lt 11 || break
	sleep 0.5
done
# Closing one of two would drop the record locks of both.
for file in connections lock
do
	check "a fork has $file open once" equal 1 \
		"$(find /proc/$pid/fd -lname "*/$file" | wc -l)"
done
kill -TERM $pid
wait $pid
check 'interrupted' equal $? 143
check 'interrupted: it says what is left' grep -q '^left .*run it again' out
server_nofaults
check 'and again' run_fork stop --json
check 'and again: all is right' has_all stop
check 'and again: what was sent is not sent again' at_most \
	"$(server_count bytes_in | sed "s/.*'part': \([0-9]*\).*/\1/")" \
	$((TOTAL + 2 * MIB))

# The choice of objects.
to
make_fork which
check 'some paths' run_fork which --include 'small*.bin' --exclude small3.bin
check 'some paths: only those' grep -q '^moved  *4 objects' out
check 'some paths: not the others' fails server_has which a/small3.bin
check 'no such path' run_fork which --include 'none*' --exclude small3.bin
check 'no such path: it is said' grep -q \
	'no object is at a path that --include and --exclude choose' err
check 'objects that are at none of these paths: nothing is said' \
	equal "$(run_fork which --include 'small*.bin' && cat err)" ''
to
make_fork shards
for k in 1 2
do
	check "share $k of 2" run_fork shards --shard $k/2 v1
done
check 'the shares are the whole' has_all shards
check 'each is sent once' equal "$(server_log complete | wc -l)" 6

# A line of the log for each object, whatever became of it.
to
make_fork logged
GIT_LFS_MULTIPART_LOG=$TEST_TMP/log
export GIT_LFS_MULTIPART_LOG
lost=$(ROOT=$FROM_ROOT object_at a a/small2.bin)
mv "$lost" lost
server_faults status=422,on=put,times=0 status=422,on=part,times=0
run_fork logged --include small1.bin
server_nofaults
run_fork logged
run_fork logged
mv lost "$lost"
unset GIT_LFS_MULTIPART_LOG
# lines_of FILE WORDS: how many such lines the log has of that object.
lines_of () {
	grep -c " $(oid_of "a/$1"): $2" log
}
check 'a line for one that failed' equal "$(lines_of small1.bin failed)" 1
check 'a line for one that is missing' equal "$(lines_of small2.bin missing)" 2
check 'a line for each that was moved' \
	equal "$(grep -c ': moved, [0-9]* bytes$' log)" 5
check 'a line for each that was there' \
	equal "$(grep -c ': already there$' log)" 5
check 'no other line names an object at such length' \
	equal "$(grep -c ' [0-9a-f]\{64\}: ' log)" 13

# On a terminal: on a dumb one nothing is drawn over.
# on_terminal TERM WHAT...
on_terminal () {
	(cd which && TERM=$1 command script -qec \
		"stty cols 20; '$AGENT' fork --to-lfs '$TO/$1/info/lfs' \
		--from-lfs '$FROM/a.git/info/lfs'" ../typescript) >terminal
}
escape=$(printf '\033')
check 'on a terminal' on_terminal xterm
check 'on a terminal: lines are drawn' grep -q "$escape\\[K" terminal
check 'on a dumb terminal' on_terminal dumb
check 'on a dumb terminal: no escape codes' fails grep -q "$escape" terminal
check 'on a dumb terminal: no line is begun anew' \
	fails grep -q "$(printf '\r')[^$(printf '\r')]" terminal
check 'on a dumb terminal: the result is there' \
	grep -q '^moved  *6 objects, 13 MiB' terminal

# The exit status: 129 for a wrong command line, and 1 for the rest.
for words in '--sideways' '-Z' '--from' '--to' '--jobs' '--jobs 0' '-j x' \
	'--shard 3/2' '--max-disk 1' '--all main' '--force' '--push --dry-run' \
	'--quiet=no'
do
	# shellcheck disable=SC2086
	check "fork $words: the exit status" \
		equal "$(status_of run_fork which $words)" 129
	check "fork $words: the usage is shown" grep -q '^usage: ' err
done
mkdir outside
check 'outside a repository' equal "$(status_of run_fork outside)" 1
check 'a server that refuses' equal "$(status_of run_fork which \
	--from-lfs "$CLOSED/a.git/info/lfs" --to-lfs "$TO/none/info/lfs")" 1
check 'a server that refuses: it says what to do' grep -q \
	'a credential helper of git, or put a login for that host into' err
check 'a server that refuses: no advice to run it again' equal \
	"$(grep '^left' out | tr -s ' ')" 'left 6 objects, 13 MiB'
check 'help' run_fork which --help
from
server_faults status=503,on=batch,times=0,retry-after=400
to
check 'a server that is busy' equal "$(status_of run_fork which \
	--from-lfs "$FROM/a.git/info/lfs" --to-lfs "$TO/none/info/lfs")" 1
check 'a server that is busy: advice to run it again' \
	grep -q '^left .*(run it again to resume)' out
from
server_nofaults
to
check 'a log file that cannot be opened' equal \
	"$(export GIT_LFS_MULTIPART_LOG="$TEST_TMP/nowhere/log"; status_of \
	run_fork which --json --to-lfs "$TO/none/info/lfs" \
	--from-lfs "$FROM/a.git/info/lfs")" 1
check 'a log file that cannot be opened: it is said, once' \
	equal "$(grep -c "cannot open the log file '.*nowhere/log'" err)" 1
check 'a log file that cannot be opened: in JSON' grep -q \
	'^{"error":"cannot open the log file .*"complete":false.*}$' out
check 'a log file that cannot be opened: nothing moves' \
	equal "$(server_log | wc -l)" 0

# Command lines and repositories that cannot work.
printf '#!/bin/sh\necho >>%s\nexit 1\n' "$TEST_TMP/ssh.log" >ssh
chmod +x ssh
for url in ftp://127.0.0.1/x ftp://127.0.0.1:1/x s3://bucket/x
do
	check "$url" equal "$(export GIT_SSH="$TEST_TMP/ssh"; status_of \
		run_fork which --from-lfs $url --to-lfs "$TO/x/info/lfs")" 1
	check "$url: it is said" grep -q "'$url' is not the URL of an LFS server" err
done
check 'no ssh was started for these' fails test -e ssh.log
git -C which config lfs.url "$TO/which.git/info/lfs"
check 'one server behind both' equal "$(status_of run_fork which)" 1
check 'one server behind both: the key is named' \
	grep -q 'are the same LFS server, .*: lfs.url says so for both' err
git -C which config --unset lfs.url
printf '[lfs]\n\turl = %s\n' "$TO/which.git/info/lfs" >which/.lfsconfig
check 'the same by .lfsconfig' equal "$(status_of run_fork which)" 1
check 'the same by .lfsconfig: it is named' \
	grep -q 'lfs.url in .lfsconfig says so' err
check 'two URLs on the command line' run_fork which \
	--from-lfs "$FROM/a.git/info/lfs" --to-lfs "$TO/which.git/info/lfs"
check 'two URLs on the command line: all is right' has_all which
check 'no such remote' equal "$(status_of run_fork which --from nobody \
	--to-lfs "$TO/x")" 1
check 'no such remote: it is named' \
	grep -q "there is no remote 'nobody'; name one with --from" err
check 'no such ref' equal "$(status_of run_fork which \
	--to-lfs "$TO/x" --from-lfs "$FROM/a.git/info/lfs" nothing)" 1
check 'no such ref: it is named' grep -q "nothing" err
check 'no such ref: nothing is summed up' equal "$(cat out)" ''
check 'no such ref, as JSON' equal "$(status_of run_fork which --json \
	--to-lfs "$TO/x" --from-lfs "$FROM/a.git/info/lfs" nothing)" 1
check 'no such ref, as JSON: it is one whole object' grep -q \
	'^{"error":"cannot list .*"complete":false.*}$' out
git -C which remote remove upstream
check 'no remote upstream' equal "$(status_of run_fork which)" 1
check 'no remote upstream, as JSON' \
	equal "$(status_of run_fork which --json)" 1
check 'no remote upstream, as JSON: it is one whole object' \
	grep -q '^{"error":"there is no remote .*"complete":false.*}$' out
check 'no remote upstream: what to do' \
	grep -q "there is no remote 'upstream'; name one with --from" err
finish
