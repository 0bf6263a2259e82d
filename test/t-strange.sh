#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: where something else than the server answers, a web page or no HTTP, that
# is said after two tries with what to do about it, and not after a minute.
. "$(dirname "$0")/lib.sh"

lfs_config lfsmultipart.maxRetryDelay 0
lfs_config lfsmultipart.partSize 1m
export GIT_LFS_SKIP_SMUDGE=1

push () {
	git -C "$1" push origin main >out 2>&1
}

fetch () {
	rm -rf c
	clone_repo "$1" c
	server_reset
	git -C c lfs fetch origin main >out 2>&1
}

says () {
	shows "$TEST_TMP/out" "$1"
}

# ends WHAT VERB REPO KIND N MESSAGE FAULT...: it fails after so many requests
# of that kind at most, and says why
ends () {
	what=$1 verb=$2 repo=$3 kind=$4 n=$5 message=$6
	shift 6
	server_nofaults
	server_reset
	test $# -eq 0 || server_faults "$@"
	check "$what: the $verb fails" fails "$verb" "$repo"
	check "$what: it says why" says "$message"
	check "$what: $n of $kind at most" at_most \
		"$(server_count "requests.$kind")" "$n"
	server_nofaults
}

# serve OPTION...: a new server, with the objects of these repositories
serve () {
	start_server "$@"
	page="${SERVER#*://} sent a web page in place of"
	for repo in small large html
	do
		git -C $repo config lfs.url "$(lfs_url $repo)"
		git -C $repo push -q origin main 2>/dev/null
		git -C $repo lfs push --all origin >out || die push
	done
	git -C new config lfs.url "$(lfs_url new)"
}

start_server
for repo in small large html new
do
	new_repo $repo
done
add_file small a.bin 3000
add_file large a.bin 3M
add_file new a.bin 3000
# An object may be a page itself.
(echo '<!doctype html>'; seq 2000) >html/a.bin
git -C html add . && git -C html commit -q -m page

# In place of an object.  With git-lfs's own action: it asks anew for that, once.

use_agent both
serve --pick-download
always=on=get,times=0
ends 'a page' fetch small get 4 "'a.bin': .*$page the object \(a sign-in page" \
	"untrue=page,$always"
ends 'a page of no said length' fetch small get 4 "$page the object" \
	"page,$always"
ends 'a page in the middle' fetch large get 8 "$page the object" \
	"untrue=page,from=1048576,$always"
ends 'a page of a front' fetch small get 2 \
	'511 Network .*: Blocked by the office\?31m proxy.*; .*sign in' \
	"page=511,$always"
server_faults page
check 'a page that is the object comes, after one that is not' fetch html
check 'and is right' cmp html/a.bin "c/.git/lfs/objects/$(oid_of html/a.bin |
	sed 's/^\(..\)\(..\).*/\1\/\2\/&/')"
git config --global --remove-section lfs.customtransfer.multipart

# Standalone: the agent does not ask for another link if that cannot help.

use_standalone
serve --dialect basic
ends 'standalone, a page' fetch small get 2 "$page the object" \
	"untrue=page,$always"
ends 'standalone, a page of no said length' fetch small get 2 \
	"$page the object" "page,$always"
ends 'standalone, a page for each part' fetch large get 6 "$page the object" \
	"untrue=page,$always"
check 'standalone, a page for each part: one link is asked for' equal 1 \
	"$(server_count requests.batch)"
ends 'no HTTP in place of an object' fetch small get 2 'is not HTTP.*; check' \
	"garbage,$always"
server_faults page
check 'what a page was at first comes in the next run' eval '
	git config --global lfsmultipart.retries 0
	fails fetch small && git -C c lfs fetch'
check 'and only once' equal "$(server_count bytes_out.get)" 3000
git config --global --unset lfsmultipart.retries

# In place of other answers

ends 'a page for a PUT' push new put 2 "$page an answer" \
	'untrue=page,on=put,times=0'
ends 'a page at the verification' push new verify 2 \
	"verifying the upload: $page an answer" 'untrue=page,on=verify,times=0'
# The object is there.
rm -rf "$ROOT/new"
ends 'a page in place of JSON' push new batch 2 "$page JSON" \
	'untrue=page,on=batch,times=0'
ends 'a front that wants a login to the network' push new batch 1 \
	'511 Network Authentication Required.*; .*sign in' \
	'status=511,on=batch,times=0'
ends 'no HTTP' push new batch 2 'is not HTTP.*; check' 'garbage,on=batch,times=0'
git -C new config lfs.url "https://${SERVER#*://}/new.git/info/lfs"
ends 'TLS where none is spoken' push new batch 0 'is not HTTPS.*; check'
git -C new config lfs.url "$(lfs_url new)"
ends 'a page that forbids' push new batch 1 \
	'403 Forbidden: Blocked by the office\?31m proxy' 'page=403,on=batch,times=0'
serve --dialect hf
ends 'a page for a part' push new part 2 "$page an answer" \
	'untrue=page,on=part,times=0'
ends 'a page for the completion' push new complete 2 \
	"completing the upload: $page an answer" 'untrue=page,on=complete,times=0'
finish
