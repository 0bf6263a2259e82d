#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `fork` ends well where it can, says what is wrong where it cannot, and carries
# everything else: pointers that lie, servers that are away for a while, runs
# that are interrupted again and again.
. "${0%/*}/lib.sh"
. "${0%/*}/fork.sh"

start_server
FROM=$SERVER
FROM_CONTROL=$CONTROL
new_repo a
for i in 1 2 3
do
	make_file "a/$i.bin" $((i * 1000000)) "$i"
done
git -C a add . && git -C a commit -q -m 'objects'
sha256sum a/*.bin | sed 's,^\(..\)\(..\),\1/\2/\1\2,' >objects
git -C a push -q origin main || die 'push'

# plant PATH OID SIZE: such a pointer in the history of a; then publish it.
publish () {
	git -C a commit -q -m 'odd pointers' &&
		git -C a push -q --no-verify origin main
}
plant () {
	printf 'version https://git-lfs.github.com/spec/v1\n%s\n%s\n' \
		"oid sha256:$2" "size $3" >pointer
	blob=$(git -C a hash-object -w --stdin <pointer) &&
		git -C a update-index --add --cacheinfo "100644,$blob,$1"
}

# Pointers to nothing, as older migration tools wrote them.
{
	plant empty.bin "$(oid_of /dev/null)" 0 &&
		plant other.bin "$(oid_of a/1.bin | tr 0-9a-f 1-9a-f0)" 0 &&
		publish
} || die 'plant'
to
make_fork empty
check 'pointers to nothing' run_fork empty --json
check 'pointers to nothing: nothing is missing' \
	grep -q '"total":{"objects":3,.*"complete":true' out
check 'pointers to nothing: the others are carried' has_all empty

# One to nothing by the name of an object, and before its true pointer.
{
	plant 0.bin "$(oid_of a/1.bin)" 0 && publish
} || die 'plant'
to
make_fork hidden
check 'a pointer to nothing hides none' run_fork hidden --json
check 'a pointer to nothing hides none: none is left out' \
	grep -q '"total":{"objects":3,.*"complete":true' out
check 'a pointer to nothing hides none: all are carried' has_all hidden

# Pointers that lie.
large=$(echo large | sha256sum | cut -c 1-64)
largest=$(echo largest | sha256sum | cut -c 1-64)
{
	plant large.bin "$large" 999999999999999999 &&
		plant largest.bin "$largest" 9223372036854775807 &&
		publish
} || die 'plant'
for dialect in hf basic
do
	to --dialect $dialect
	make_fork "lies-$dialect"
	check "$dialect: pointers that lie" \
		equal "$(status_of run_fork "lies-$dialect")" 1
	check "$dialect: pointers that lie: the others are carried" \
		grep -q '^moved  *3 objects, 5.7 MiB$' out
	check "$dialect: pointers that lie: all are there" \
		has_all "lies-$dialect"
	check "$dialect: pointers that lie: they are named" \
		equal "$(grep -c "^  \($large\|$largest\) .*  large.*\.bin  the pointer" out)" 2
	check "$dialect: pointers that lie: no server is asked" \
		equal "$(server_log batch | wc -l)" 1
done

# If the history has two sizes for one object, the first counts, and a message
# says so.
{
	plant 0.bin "$(oid_of a/1.bin)" 9 && publish
} || die 'plant'
to
make_fork sizes
check 'two sizes' equal "$(status_of run_fork sizes)" 1
check 'two sizes: it is said' \
	grep -q "^  $(oid_of a/1.bin)  9 B .* has 1000000 bytes, not 9" out

# logged N PATTERN: 1 if the log has N such lines.
logged () {
	test "$(grep -c "$2" log)" -lt "$1"
	echo $?
}
completed () {
	server_log complete | grep -c ' 200 '
}

# wait_for COMMAND...: until it prints another number than 0, or the fork ends.
wait_for () {
	while test "$("$@")" -eq 0 && kill -0 $pid
	do
		sleep 0.1
	done
} 2>/dev/null

# start_fork NAME: in the background, with a log.
start_fork () {
	: >log
	(cd "$1" && GIT_LFS_MULTIPART_LOG=$TEST_TMP/log \
		GIT_LFS_MULTIPART_TRACE=info exec "$AGENT" fork --quiet) \
		>out 2>err &
	pid=$!
}

# Another history: twelve objects of four parts each.
start_server
FROM=$SERVER
FROM_CONTROL=$CONTROL
rm -rf a a.git
new_repo a
for i in $(seq 12)
do
	make_file "a/$i.bin" $((8 << 20)) "$i"
done
git -C a add . && git -C a commit -q -m 'objects'
sha256sum a/*.bin | sed 's,^\(..\)\(..\),\1/\2/\1\2,' >objects
git -C a push -q origin main || die 'push'

# Those that are begun are finished first.
to
make_fork few
lfs_config lfsmultipart.connections 8
# So that all could be begun before one is done, however slow the machine.
server_faults delay=2000,on=part,times=16
check 'objects of a few parts' run_fork few
server_nofaults
check 'not all are under way before the first one is done' at_most \
	"$(server_log | sed '/^complete/,$d; /^part/!d; s/.* //; s/?.*//' |
	sort -u | wc -l)" 7

# One object is refused each time that it is tried, until no tries are left.
lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 0
lfs_config lfsmultipart.connections 2
to
make_fork round
server_faults "status=503,on=part,part=2,oid=$(oid_of a/1.bin),times=2" \
	"object=503,oid=$(oid_of a/2.bin)"
check 'objects fail for the moment' run_fork round
check 'objects fail for the moment: they have another round' has_all round
to
make_fork fail
server_faults "status=503,on=part,part=2,oid=$(oid_of a/1.bin),times=0"
start_fork fail
wait $pid
check 'one fails for ever' equal $? 1
server_nofaults
check 'one fails for ever: it has another round' \
	grep -q 'trying again later' log
# Each further one follows a part that has come meanwhile, its own or another's.
check 'one fails for ever: its rounds end' at_most \
	"$(grep -c 'trying again later' log)" 12
check 'one fails for ever: it says so' grep -q \
	"^  $(oid_of a/1.bin)  8.0 MiB  1.bin  gave up after .*503" out

# A target that is away for longer than an object is tried: a part of it, all
# of it, and as it is started again.
for on in part any restart
do
	to --chunk-size $((2 << 20))
	make_fork "away-$on"
	start_fork "away-$on"
	wait_for completed
	case $on in
	restart) kill $SERVER_PID;;
	*) server_faults "status=503,on=$on,times=0";;
	esac
	root=$ROOT
	wait_for logged 6 'trying again later\|asking again'
	check "away, $on: the fork goes on" kill -0 $pid
	case $on in
	restart) start_server --root "$root" --port "${TO##*:}" \
		--chunk-size $((2 << 20));;
	*) server_nofaults;;
	esac
	wait $pid
	check "away, $on: all are carried" equal $? 0
	ROOT=$root
	check "away, $on: all is right" has_all "away-$on"
done

# Two at a time in one clone would carry each object twice.
to
make_fork twice
from
server_reset
server_faults stall,on=get
start_fork twice
CONTROL=$FROM_CONTROL
wait_for server_count requests.get
mv out out.first && mv err err.first
check 'a second fork of the same stops' equal "$(status_of run_fork twice)" 1
check 'and says why' grep -q 'another fork from this source .* is running' err
check 'another shard carries' run_fork twice --shard 1/9
check 'the first goes on' kill -0 $pid
from
server_nofaults
to
wait $pid
check 'and ends well' equal $? 0
check 'all is right' has_all twice
check 'and after it another may run' run_fork twice

GIT_LFS_SKIP_SMUDGE=1 git clone -q --depth 1 "file://$TEST_TMP/a.git" shallow 2>clone.err ||
	die 'shallow'
git -C shallow remote rename origin upstream
git -C shallow config remote.upstream.lfsurl "$FROM/a.git/info/lfs"
git -C shallow remote add origin "$TEST_TMP/twice.git"
git -C shallow config remote.origin.lfsurl "$TO/shallow.git/info/lfs"
check 'a shallow clone is carried' run_fork shallow
check 'but what it lacks is said' grep -q 'this clone is shallow' err
check 'a whole one is not called so' fails grep -q 'shallow' err.first
finish
