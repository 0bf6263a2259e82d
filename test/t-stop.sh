#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: stopping is prompt, and what was killed hinders no later push or fetch.
. "$(dirname "$0")/lib.sh"

# The agents by way of a script that notes their process ids.
cat >"$TEST_TMP/noted" <<END
#!/bin/sh
echo \$\$ >>'$TEST_TMP/pids'
exec '$AGENT' "\$@"
END
chmod +x noted
use_agent both
lfs_config lfs.customtransfer.multipart.path "$TEST_TMP/noted"
start_server --chunk-size 100000 --rate 200000 --pick-download
new_repo r

all_gone () {
	while read -r each
	do
		kill -0 "$each" 2>/dev/null && return 1
	done <"$TEST_TMP/pids"
	return 0
}

# A sanitizer has work of its own to do at the end of a process.
case $BUILD in
*/build) patience=10 ;;
*) patience=50 ;;
esac

# gone: every agent ends in less than a second
gone () {
	tries=0
	until all_gone
	do
		tries=$((tries + 1))
		test "$tries" -lt "$patience" || return 1
		sleep 0.1
	done
}

add_file r a.bin 9M
: >pids
(cd r && exec git-lfs push origin main) >push.out 2>&1 &
pid=$!
check 'a push is under way' server_began part 3 "$pid"
check 'its agents run' fails all_gone
kill -9 $pid
check 'without git-lfs they end' gone
wait $pid 2>/dev/null
check 'nothing was completed' equal "$(server_count requests.complete)" 0

: >pids
(cd r && exec git-lfs push origin main) >push.out 2>&1 &
pid=$!
server_reset
check 'the next push is under way' server_began part 3 "$pid"
kill -TERM $pid
check 'SIGTERM to git-lfs ends its agents too' gone
wait $pid 2>/dev/null

kill "$SERVER_PID"
start_server --chunk-size 100000 --rate 1000000 --pick-download
git -C r config lfs.url "$(lfs_url r)"
for number in 1 2 3 4 5 6
do
	make_file r/$number.bin 1500K $number
done
git -C r add . && git -C r commit -q -m six
# So few agents that each has an object when one is killed.
git -C r config lfs.concurrenttransfers 3
: >pids
(cd r && exec git-lfs push origin main) >push.out 2>&1 &
pid=$!
check 'a push of seven is under way' server_began part 20 "$pid"
victim=$(tail -n 1 pids)
kill -9 "$victim"
wait $pid
status=$?
check 'a killed agent fails the push' fails test $status -eq 0
check 'the next push is right' git -C r push -q origin main
for number in a 1 2 3 4 5 6
do
	check "$number arrives" server_has r r/$number.bin
done

: >pids
git clone -q --no-checkout -c lfs.url="$(lfs_url r)" r.git c
(cd c && exec git-lfs fetch origin main) >fetch.out 2>&1 &
pid=$!
check 'a fetch is under way' server_began get 3 "$pid"
kill -9 $pid
check 'without git-lfs they end' gone
wait $pid 2>/dev/null
kill "$SERVER_PID"
root=$ROOT
start_server --pick-download
cp -r "$root/r" "$ROOT/"
git -C c config lfs.url "$(lfs_url r)"
check 'the next pull is right' sh -c '
	cd c && git reset -q --hard && git lfs pull'
check 'all files are equal' same_files r c

check 'no stdin is the end of it' timeout 10 "$AGENT" agent <&-
finish
