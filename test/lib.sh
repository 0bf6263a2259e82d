# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# The vocabulary of scenarios.  A scenario begins with its goal in a comment,
# sources this file, does its checks and ends with `finish`.
#
#	check WHAT COMMAND...	one point: the command succeeds
#	skip WHAT WHY		one point that cannot be looked at here
#	fails COMMAND...	succeeds if the command fails
#	status_of COMMAND...	prints its exit status, for `equal`
#	equal A B		succeeds if the words are equal
#	at_most A B		succeeds if the number A is not above B
#	shows FILE PATTERN	a line of FILE matches (grep -E); prints FILE if not
#	same_files DIR OTHER	each DIR/*.bin equals its namesake in OTHER
#	number KEY		a number of the JSON in the file `out`
#	finish			the plan; every scenario ends with it
#
#	start_server [OPTION...]	a server of its own root; sets SERVER, the
#				URL, CONTROL, ROOT and SERVER_PID
#	server_count KEY	a counter (lfsserver/counters.py)
#	server_log [KIND]	the requests
#	server_header NAME KIND	how many requests of a kind had that header
#	server_refs		the `ref` of each batch, or -
#	server_faults SPEC...	faults from now on (lfsserver/faults.py)
#	server_nofaults		none any more
#	server_reset		counters to zero
#	server_expire		all links so far have expired
#	server_has REPO FILE	succeeds if the server holds the file's bytes
#	server_began KIND N PID	wait until it has begun N requests of a kind, while
#				the process PID runs
#	start_proxy LOG [OPTION...]	an HTTP proxy (proxy.py); sets PROXY
#
#	use_agent DIRECTION	switch the agent on for this HOME
#	use_standalone		the same, for any LFS server
#	new_repo NAME		an empty repository NAME with the remote
#				NAME.git, whose objects live at the server
#	clone_repo NAME DIR [OPTION...]	a clone of it
#	add_file REPO NAME SIZE [SEED]	commit a file of random bytes
#	add_files REPO N		commit N of them, 7 to 7 * N bytes
#	make_file PATH SIZE [SEED]	random bytes, the same each time
#	lfs_config KEY VALUE	git config for this HOME
#
#	drive OUT OPTION... DIRECTION ...	have the agent move one object
#				(drive.py), and write what came of it to OUT
#	said OUT WORD		the value of a line there
#	said_complete OUT	succeeds if there was no error; prints OUT if not
#	journal VERB FILE ...	read or rewrite a journal (journalfile.py)
#
# Variables of a scenario: TEST_TMP (where it runs), BUILD and AGENT.

set -u
: "${TEST_TMP:?run this through test/run}" "${AGENT:?}"

LIB=$(cd "$(dirname "$0")" && pwd)
points=0
misses=0
servers=
nservers=0
CHECK_OUT=$TEST_TMP/check.out

stop_servers () {
	for pid in $servers
	do
		kill "$pid" 2>/dev/null
	done
	servers=
}
trap stop_servers EXIT
trap 'exit 1' INT TERM HUP

check () {
	point=$1
	shift
	points=$((points + 1))
	if "$@" >"$CHECK_OUT" 2>&1
	then
		echo "ok $points - $point"
		return 0
	fi
	misses=$((misses + 1))
	echo "not ok $points - $point"
	echo "# failed: $*"
	sed 's/^/#   /' "$CHECK_OUT" | tail -n 40
	return 1
}

skip () {
	points=$((points + 1))
	echo "ok $points - $1 # SKIP $2"
}

fails () {
	if "$@"
	then
		echo "succeeded, but should have failed: $*"
		return 1
	fi
	return 0
}

status_of () {
	"$@"
	echo $?
}

equal () {
	test "$1" = "$2" || {
		echo "'$1' is not '$2'"
		return 1
	}
}

at_most () {
	test "$1" -le "$2" || {
		echo "$1 is more than $2"
		return 1
	}
}

shows () {
	grep -E -e "$2" "$1" || {
		cat "$1"
		return 1
	}
}

same_files () {
	for file in "$1"/*.bin
	do
		cmp "$file" "$2/${file#"$1"/}" || return 1
	done
}

number () {
	sed "s/.*\"$1\":\([0-9]*\).*/\1/" out
}

finish () {
	echo "1..$points"
	test "$misses" -eq 0
	exit
}

die () {
	echo "# $*" >&2
	exit 1
}

start_server () {
	nservers=$((nservers + 1))
	ROOT=$TEST_TMP/server$nservers
	mkfifo "$ROOT.ready" || die "mkfifo"
	/usr/bin/python3 "$LIB/server.py" --root "$ROOT" \
		--port-file "$ROOT.url" "$@" \
		>"$ROOT.ready" 2>"$ROOT.err" </dev/null &
	SERVER_PID=$!
	servers="$servers $SERVER_PID"
	read -r word SERVER <"$ROOT.ready"
	test "$word" = listening || die "$(cat "$ROOT.err")"
	CONTROL=$(tail -n 1 "$ROOT.url")
}

ask () {
	"$BUILD/test/tool/ask" "$@"
}

server_count () {
	ask "$CONTROL" "count/$1"
}

server_log () {
	ask "$CONTROL" "lines${1:+/$1}"
}

server_header () {
	ask "$CONTROL" "header/$1/$2"
}

server_refs () {
	ask "$CONTROL" refs
}

server_faults () {
	ask "$CONTROL" faults "$@" || die "faults"
}

server_nofaults () {
	ask -X DELETE "$CONTROL" faults
}

server_reset () {
	ask -X POST "$CONTROL" reset
}

server_expire () {
	ask -X POST "$CONTROL" expire
}

oid_of () {
	sha256sum "$1" | cut -c 1-64
}

object_at () {
	oid=$(oid_of "$2")
	aa=$(echo "$oid" | cut -c 1-2)
	bb=$(echo "$oid" | cut -c 3-4)
	echo "$ROOT/$1/objects/$aa/$bb/$oid"
}

server_has () {
	cmp "$(object_at "$1" "$2")" "$2"
}

server_began () {
	while test "$(server_count "requests.$1")" -lt "$2"
	do
		kill -0 "$3" || return 1
		sleep 0.1
	done
}

start_proxy () {
	rm -f "$1.ready"
	mkfifo "$1.ready"
	/usr/bin/python3 "$LIB/proxy.py" "$@" >"$1.ready" </dev/null &
	servers="$servers $!"
	# shellcheck disable=SC2034 # for the scenario
	read -r _ PROXY <"$1.ready" || die 'no proxy'
}

lfs_config () {
	git config --global "$1" "$2"
}

use_agent () {
	lfs_config lfs.customtransfer.multipart.path "$AGENT"
	lfs_config lfs.customtransfer.multipart.args agent
	lfs_config lfs.customtransfer.multipart.concurrent true
	lfs_config lfs.customtransfer.multipart.direction "$1"
}

use_standalone () {
	lfs_config lfs.standalonetransferagent lfs-multipart
	lfs_config lfs.customtransfer.lfs-multipart.path "$AGENT"
	lfs_config lfs.customtransfer.lfs-multipart.args agent
	lfs_config lfs.customtransfer.lfs-multipart.concurrent true
}

make_file () {
	/usr/bin/python3 -IS "$LIB/randomfile.py" "$@"
}

lfs_url () {
	echo "$SERVER/$1.git/info/lfs"
}

new_repo () {
	{
		git init -q --bare "$1.git" &&
		git init -q "$1" &&
		git -C "$1" remote add origin "$TEST_TMP/$1.git" &&
		git -C "$1" config lfs.url "$(lfs_url "$1")" &&
		echo '*.bin filter=lfs diff=lfs merge=lfs -text' \
			>"$1/.gitattributes" &&
		git -C "$1" add .gitattributes &&
		git -C "$1" commit -q -m 'track'
	} || die "new_repo $1"
}

clone_repo () {
	name=$1
	dir=$2
	shift 2
	git clone -q -c lfs.url="$(lfs_url "$name")" "$@" \
		"$TEST_TMP/$name.git" "$dir"
}

add_file () {
	{
		make_file "$1/$2" "$3" "${4:-0}" &&
		git -C "$1" add "$2" &&
		git -C "$1" commit -q -m "add $2"
	} || die "add_file $2"
}

add_files () {
	{
		for number in $(seq "$2")
		do
			make_file "$1/$number.bin" $((number * 7)) "$number"
		done
		git -C "$1" add . && git -C "$1" commit -q -m "add $2"
	} || die "add_files $1"
}

drive () {
	out=$1
	shift
	/usr/bin/python3 "$LIB/drive.py" "$@" >"$out"
}

said () {
	sed -n "s/^$2 //p" "$1"
}

said_complete () {
	test ! "$(said "$1" error)" || {
		cat "$1"
		return 1
	}
}

journal () {
	/usr/bin/python3 "$LIB/journalfile.py" "$@"
}

cd "$TEST_TMP" || exit 1
git lfs version >/dev/null || die "no git-lfs"
# Write what `git lfs install` writes, but only one of its hooks: the others
# start git-lfs for each commit and checkout and do nothing here.  Two transfers
# at a time mean two agents instead of git-lfs's eight.
cat >"$HOME/.gitconfig" <<END || exit 1
[user]
	name = A Tester
	email = tester@example.org
[init]
	defaultBranch = main
[advice]
	ignoredHook = false
[core]
	hooksPath = $HOME/hooks
[maintenance]
	auto = false
[receive]
	autogc = false
[filter "lfs"]
	clean = git-lfs clean -- %f
	smudge = git-lfs smudge -- %f
	process = git-lfs filter-process
	required = true
[lfs]
	concurrenttransfers = 2
	locksverify = false
END
mkdir "$HOME/hooks"
# git-lfs leaves files that it finds there alone, and git those without a mode.
touch "$HOME/hooks/post-checkout" "$HOME/hooks/post-commit" \
	"$HOME/hooks/post-merge"
cat >"$HOME/hooks/pre-push" <<\END
#!/bin/sh
exec git lfs pre-push "$@"
END
chmod +x "$HOME/hooks/pre-push"
