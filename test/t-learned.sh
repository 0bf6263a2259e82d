#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: what one agent has learned serves all agents of a command: that the
# server wants a login, for the API or for actions, and which one it refuses.
. "$(dirname "$0")/lib.sh"

lfs_config lfs.concurrenttransfers 8
lfs_config lfsmultipart.retries 1
export GIT_LFS_SKIP_SMUDGE=1 TEST_TMP
mkdir bin
for name in helper askpass
do
	cat >bin/$name <<'END'
#!/bin/sh
case $0:$1 in
*/helper:get) printf 'username=me\npassword='; cat "$TEST_TMP/password" ;;
*/askpass:Username*) echo me ;;
*/askpass:*) cat "$TEST_TMP/password" ;;
esac
END
	chmod +x bin/$name
done

# log_in_by WAY NAME: in this one way, with the password there is; sets URL
log_in_by () {
	git config --global --unset-all credential.helper
	git config --global --unset-all http.extraHeader
	rm -f home/.netrc
	unset GIT_ASKPASS
	URL=$(lfs_url "$2")
	pair=me:$(cat password)
	case $1 in
	helper) lfs_config credential.helper "$TEST_TMP/bin/helper" ;;
	netrc) echo "machine 127.0.0.1 login me password ${pair#me:}" \
		>home/.netrc ;;
	askpass) export GIT_ASKPASS="$TEST_TMP/bin/askpass" ;;
	url) URL="http://$pair@${URL#http://}" ;;
	header) lfs_config http.extraHeader "Authorization: Basic $(
		printf %s "$pair" | base64)" ;;
	esac
}

# fetch NAME: all objects of a new clone; what is refused is counted
fetch () {
	rm -rf clone
	clone_repo "$1" clone
	git -C clone config lfs.url "$URL"
	server_reset
	git -C clone lfs fetch origin main >fetch.out 2>&1
	REFUSED=$(server_count status.401)
	BAD=$(server_count authorization.batch)
}

# push NAME: the same in the other direction, into an empty repository; git-lfs
# has noted in the config what the server wants
push () {
	rm -rf "$ROOT/$1.git/objects" "$1.git"
	git init -q --bare "$1.git"
	git -C "$1" update-ref -d refs/remotes/origin/main
	git -C "$1" config --remove-section "lfs.$URL" 2>/dev/null
	server_reset
	git -C "$1" push origin main >push.out 2>&1
	REFUSED=$(server_count status.401)
}

# A login is wanted: each of the five objects may be another agent's.

echo secret >password
for what in batch actions links
do
	case $what in
	batch) options= ;;
	actions) options=--api-login ;;
	links) options='--api-login --open-batch' ;;
	esac
	# shellcheck disable=SC2086
	start_server --dialect basic --auth me:secret $options
	new_repo $what
	add_files $what 5
	log_in_by helper $what
	push $what
	pushed=$REFUSED
	fetch $what
	fetched=$REFUSED
	use_standalone
	for way in helper netrc askpass
	do
		log_in_by $way $what
		push $what
		check "$what, $way: the push goes well" \
			server_has $what $what/5.bin
		check "$what, $way: refused no oftener than git-lfs" \
			at_most "$REFUSED" "$pushed"
		fetch $what
		check "$what, $way: all are fetched" equal 5 \
			"$(find clone/.git/lfs/objects -type f | wc -l)"
		check "$what, $way: nor is the fetch" \
			at_most "$REFUSED" "$fetched"
	done
	git config --global --unset-all lfs.standalonetransferagent
done

# A login is refused.  One in 24 objects is enough for who locks accounts; a
# person, or a helper that asks one, may do better the second time or the third.

start_server --dialect basic --auth me:secret
new_repo wrong
add_files wrong 24
log_in_by helper wrong
push wrong
echo wrong >password
for way in netrc url header
do
	log_in_by $way wrong
	fetch wrong
	bad=$BAD
	use_standalone
	fetch wrong
	check "a wrong one, $way: tried no oftener than by git-lfs" \
		at_most "$BAD" "$bad"
	check "a wrong one, $way: each object is told" equal 24 \
		"$(grep -c 'error transferring' fetch.out)"
	git config --global --unset-all lfs.standalonetransferagent
done
# git-lfs 3.3 asks again and again, without end.
use_standalone
for way in helper askpass
do
	log_in_by $way wrong
	fetch wrong
	check "a wrong one, $way: tried three times" equal 3 "$BAD"
	check "a wrong one, $way: each object is told" equal 24 \
		"$(grep -c 'error transferring.*401 Unauthorized' fetch.out)"
	echo secret >password
	git -C clone lfs fetch origin main >fetch.out 2>&1
	check "the right one, $way: counts at once" equal 24 \
		"$(find clone/.git/lfs/objects -type f | wc -l)"
	echo wrong >password
done
finish
