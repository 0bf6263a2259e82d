#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Goal: a `pull` that is killed or stopped resumes, and git sees no file that is
# not its own; --no-store keeps one copy; many small objects need few requests.
. "${0%/*}/lib.sh"
. "${0%/*}/pull.sh"

start_server
new_repo a
for i in 1 2 3 4 5 6
do
	make_file a/small$i.bin ${i}00K "$i"
done
make_file a/u.bin 8M 8
make_file a/z.bin 8M 9
git -C a add . && git -C a commit -q -m 'objects'
git -C a push -q origin main || die 'push'
TOTAL=$((2100 * 1024 + (16 << 20)))

# The last object never ends.
slow () {
	server_faults "stall,oid=$(oid_of a/z.bin),after=1000,times=0"
}

run_second () {
	(cd "$1" && exec timeout 60 "$AGENT" pull --quiet) >second 2>&1
}

for signal in KILL TERM
do
	slow
	pointers a "b$signal"
	server_reset
	(cd "b$signal" && exec "$AGENT" pull --quiet) >out 2>err &
	pid=$!
	check "$signal: it has begun" server_began get 8 $pid
	check "$signal: a second one at the same time" \
		fails run_second "b$signal"
	check "$signal: it says that there is a first" \
		shows second '^git-lfs-multipart: another process places files in '
	kill -$signal $pid
	status=0
	wait $pid || status=$?
	server_nofaults
	check "$signal: no untracked file" \
		equal "$(git -C "b$signal" status --porcelain | grep -v '^ M')" ''
	test $signal = KILL || {
		check "$signal: the exit status" equal $status 143
		check "$signal: what is left is said" \
			shows out '^left +[1-8] objects?, .*\(run it again to resume\)$'
		check "$signal: no index is locked" \
			test ! -e "b$signal/.git/index.lock"
	}
	: >"$FILTERS"
	check "$signal: again" run_pull "b$signal"
	check "$signal: all agree" agrees a "b$signal"
	# Beside all bytes, at most 4 MiB for each of 16 connections.
	check "$signal: few bytes are fetched again" \
		at_most "$(server_count bytes_out.get)" $((TOTAL + 16 * 4194304))
	check "$signal: no temporary file" \
		equal "$(find "b$signal" -name '*.temp' -o -name '*.partial*')" ''
done

# One copy.
pointers a one
check 'a dry run of --no-store' run_pull one --no-store --dry-run
check 'a dry run of --no-store: the disk' \
	grep -q '^would need  *18 MiB of the disk at most$' out
check '--no-store' run_pull one --no-store
check '--no-store: the bytes are right' same_files a one
check '--no-store: git and its filter' is_clean one
check '--no-store: the storage is empty' \
	equal "$(find one/.git/lfs/objects -type f)" ''
check '--no-store: git lfs status' equal "$(git -C one lfs status --porcelain)" ''
rm one/small1.bin
check '--no-store: a file that is gone' run_pull one --no-store
check '--no-store: a file that is gone: it is back' same_files a one
check '--no-store: a file that is gone: no other is fetched' grep -q \
	'^fetched  *1 object,  *100 KiB' out
pointers a key -c lfsmultipart.keepObjects=false
check 'lfsmultipart.keepObjects' run_pull key
check 'lfsmultipart.keepObjects: the storage is empty' \
	equal "$(find key/.git/lfs/objects -type f)" ''
check 'lfsmultipart.keepObjects: the bytes are right' same_files a key
pointers a over -c lfsmultipart.keepObjects=false
check 'lfsmultipart.keepObjects and --store' run_pull over --store
check 'lfsmultipart.keepObjects and --store: all agree' agrees a over

# Many small objects.
new_repo many
for i in $(seq 2000)
do
	echo "object $i" >"many/$i.bin"
done
git -C many add . && git -C many commit -q -m 'objects'
git -C many push -q origin main || die 'push of many'
pointers many m
server_reset
check '2000 objects' run_pull m
check '2000 objects: all agree' agrees many m
check '2000 objects: a question for each hundred' \
	at_most "$(server_count requests.batch)" 23
check '2000 objects: each once' equal "$(server_count requests.get)" 2000

# On a terminal.
pointers a term
(cd term && TERM=xterm command script -qec \
	"stty cols 100; '$AGENT' pull" ../typescript) >terminal
check 'on a terminal: the bar' \
	grep -q '[0-9]*% .*/8 objects, .* of 18 MiB' terminal
check 'on a terminal: all agree' agrees a term
finish
