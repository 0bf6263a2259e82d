#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in standalone mode the agents of a push or fetch log in as git-lfs
# would: from every place where a password may be, once, and nowhere else.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfs.concurrenttransfers 8
lfs_config lfsmultipart.retries 1
export TEST_TMP
mkdir bin
# A helper with a window: it asks a person for what it has not stored.  The
# person may know better the next time.
cat >bin/helper <<'END'
#!/bin/sh
given=$(cat)
case $1 in
get)
	test -e "$TEST_TMP/stored" || echo Password >>"$TEST_TMP/record"
	printf 'username=me\npassword=%s\n' "$(cat "$TEST_TMP/password")"
	;;
store)
	echo store >>"$TEST_TMP/record"
	echo "$given" >"$TEST_TMP/stored"
	;;
erase)
	echo erase >>"$TEST_TMP/record"
	rm -f "$TEST_TMP/stored"
	test ! -e "$TEST_TMP/next" || mv "$TEST_TMP/next" "$TEST_TMP/password"
	;;
esac
END
cat >bin/askpass <<'END'
#!/bin/sh
echo "$1" >>"$TEST_TMP/record"
test ! -e "$TEST_TMP/cancel" || exit 1
case $1 in Username*) echo me ;; *) cat "$TEST_TMP/password" ;; esac
END
chmod +x bin/helper bin/askpass
echo secret >password

# asked N: how often somebody was asked for a user or a password
asked () {
	equal "$(sed -n '/^Password/p' record | wc -l)" "$1"
}

# made NAME: a repository with some objects, for a server of its own
made () {
	new_repo "$1"
	for number in 1 2 3 4 5 6
	do
		make_file "$1/$number.bin" ${number}00000 "$number"
	done
	git -C "$1" add . && git -C "$1" commit -q -m six
}

# forget_shared REPO: what agents of a moment ago have left there for others
forget_shared () {
	git credential-cache exit \
		--socket "$(echo "$PWD/$1"/.git/lfs/multipart/credential-*/socket)"
	rm -rf "$1"/.git/lfs/multipart/credential-*
}

# daemons: how many of git's cache daemons are alive here
daemons () {
	for dir in /proc/[0-9]*
	do
		case $(tr '\0' ' ' 2>/dev/null <"$dir/cmdline") in
		git*cache--daemon*"$TEST_TMP"*) echo "$dir" ;;
		esac
	done 2>/dev/null | wc -l
}

# trip WHAT QUESTIONS [CLONE-OPTION...]: push and clone
trip () {
	what=$1
	questions=$2
	shift 2
	rm -f record stored
	server_reset
	check "$what: push" git -C $name push -q origin main
	check "$what: the bytes are there" server_has $name $name/6.bin
	check "$what: asked $questions times" asked "$questions"
	rm -rf clone record stored
	check "$what: clone" clone_repo $name clone "$@"
	check "$what: equal" same_files $name clone
	check "$what: asked as often" asked "$questions"
	check "$what: only the API was told" equal 0 \
		"$(server_count authorization.put)"
	check "$what: nor for downloads" equal 0 \
		"$(server_count authorization.get)"
	check "$what: and no other host" equal 0 \
		"$(server_count leaked_headers)"
}

# With a password

name=helper
start_server --dialect basic --auth me:secret
made helper
lfs_config credential.helper "$TEST_TMP/bin/helper"
trip 'credential.helper' 1
check 'it is told that the password is right' grep -q '^store' record
check 'and never that it is wrong' fails grep -q '^erase' record
git config --global --unset credential.helper

name=netrc
start_server --dialect hf --chunk-size 100000 --auth me:secret
made netrc
echo 'machine 127.0.0.1 login me password secret' >home/.netrc
check 'netrc: push' git -C netrc push -q origin main
check 'netrc: clone' clone_repo netrc clone-netrc
check 'netrc: equal' same_files netrc clone-netrc
check 'netrc: parts get no login' equal 0 "$(server_count authorization.part)"
check 'netrc: nor the completion' equal 0 \
	"$(server_count authorization.complete)"
rm home/.netrc

name=user
start_server --dialect basic --auth me:secret
made user
USER_URL=http://me:secret@${SERVER#http://}/user.git/info/lfs
git -C user config lfs.url "$USER_URL"
trip 'a password in the URL' 0 -c lfs.url="$USER_URL"

name=askpass
start_server --dialect basic --auth me:secret
made askpass
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
trip 'askpass' 1
check 'and for the user once' equal 1 "$(grep -c '^Username' record)"
check 'no daemon is left' equal 0 "$(daemons)"
unset GIT_ASKPASS

name=bearer
start_server --dialect basic --bearer abc
made bearer
lfs_config "http.$SERVER/.extraHeader" 'Authorization: Bearer abc'
rm -f record
check 'Bearer: push' git -C bearer push -q origin main
check 'Bearer: the bytes are there' server_has bearer bearer/6.bin
check 'Bearer: clone' clone_repo bearer clone-bearer
check 'Bearer: equal' same_files bearer clone-bearer
check 'Bearer: never refused' equal 0 "$(server_count status.401)"
git config --global --unset-all "http.$SERVER/.extraHeader"

# An agent that cannot send its login lets the others continue.

name=malformed
start_server --dialect basic --auth me:secret
made malformed
lfs_config credential.helper "$TEST_TMP/bin/helper"
git -C malformed config "lfs.$(lfs_url malformed).access" basic
git -C malformed config http.extraHeader 'X Foo: bar'
check 'a malformed http.extraHeader fails the push' eval \
	'fails timeout 30 git -C malformed push origin main >push.out 2>&1'
check 'of each object, and none waits for another agent' equal 6 \
	"$(grep -c "'X Foo' cannot be the name of a header" push.out)"
git config --global --unset credential.helper

# A login for all hosts is still none for the links of a server.

name=general
start_server --dialect basic --presigned --bearer abc
made general
lfs_config http.extraHeader 'Authorization: Bearer abc'
check 'http.extraHeader: push' git -C general push -q origin main
check 'http.extraHeader: clone' clone_repo general clone-general
check 'http.extraHeader: equal' same_files general clone-general
check 'http.extraHeader: not for links to another host' equal 0 \
	"$(server_count leaked_headers)"
lfs_config "http.http://localhost:${SERVER##*:}/.extraHeader" 'X-Other: 1'
add_file general 7.bin 7000 7
check 'http.<url>.extraHeader of that host: push' \
	git -C general push -q origin main
check 'http.<url>.extraHeader: goes there' equal 1 "$(server_header x-other put)"
check 'http.<url>.extraHeader: and nowhere else' equal 0 \
	"$(server_header x-other batch)"
git config --global --unset-all http.extraHeader

# A password that is right, of a user who has no right

name=forbidden
start_server --dialect basic --auth me:secret
made forbidden
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
git -C forbidden config "lfs.$(lfs_url forbidden).access" basic
server_faults 'status=403,on=batch,times=0'
for attempt in first second
do
	rm -f record
	check "no right to push: the $attempt attempt" eval \
		'fails git -C forbidden push origin main >push.out 2>&1'
	check 'each object is said to be forbidden' equal 6 \
		"$(grep -c 'answered 403 Forbidden' push.out)"
	check 'asked once for all agents' asked 1
	check 'each is told what to do' equal 6 "$(grep -c \
		'403 Forbidden.*; the login from .* may lack the right .*ask the' \
		push.out)"
	check 'and whose login it was' grep -q \
		'login from the askpass program may lack' push.out
done
git -C forbidden config http.extraHeader "Authorization: Basic bWU6c2VjcmV0"
check 'by a header: no right to push' eval \
	'fails git -C forbidden push origin main >push.out 2>&1'
check 'by a header: whose login it was' grep -q \
	'login from http.extraHeader may lack' push.out
server_nofaults
git -C forbidden config http.extraHeader "Authorization: Basic bWU6d3Jvbmc="
check 'by a header that is wrong' eval \
	'fails git -C forbidden push origin main >push.out 2>&1'
check 'by a header that is wrong: whose it was' grep -q \
	'401 Unauthorized.*; the login from http.extraHeader was refused: .*; renew it there' push.out
unset GIT_ASKPASS

# Links to another host

name=presigned
start_server --dialect basic --presigned --auth me:secret
made presigned
lfs_config credential.helper "$TEST_TMP/bin/helper"
trip 'links to another host' 1
server_faults 'redirect=otherhost,on=batch,times=0'
rm -rf clone record stored
check 'an API that leads to another host' fails \
	clone_repo presigned clone
check 'does not get the password there' equal 0 \
	"$(server_count leaked_headers)"
server_nofaults

# Objects at another host, which wants a login of its own

name=other
start_server --dialect basic --auth me:secret --other-login you:hidden
made other
cat >home/.netrc <<END
machine 127.0.0.1 login me password secret
machine localhost login you password hidden
END
trip_other () {
	server_reset
	check "$1: push" git -C other push -q origin main
	check "$1: the bytes are there" server_has other "other/$2.bin"
	rm -rf clone
	check "$1: clone" clone_repo other clone
	check "$1: equal" same_files other clone
	check "$1: the API's login has not come there" equal 0 \
		"$(server_count leaked_headers)"
}
trip_other 'netrc has a login for another host' 6
rm home/.netrc
rm -f record stored
cat >bin/two <<'END'
#!/bin/sh
given=$(cat)
echo "$1" >>"$TEST_TMP/two"
test "$1" = get || exit 0
case $given in
*localhost*) printf 'username=you\npassword=hidden\n' ;;
*) printf 'username=me\npassword=secret\n' ;;
esac
END
chmod +x bin/two
lfs_config credential.helper "$TEST_TMP/bin/two"
add_file other 7.bin 7000 7
trip_other 'a helper has one' 7
check 'a helper has one: it is told that both were right' \
	grep -q store two
check 'a helper has one: and none that it was wrong' fails grep -q erase two
lfs_config credential.helper "$TEST_TMP/bin/helper"
add_file other 8.bin 8000 8
forget_shared other
check 'only the login of the API is known: push' \
	fails git -C other push -q origin main
check 'only the login of the API is known: the helper gave that for it' \
	grep -q erase record

# Links that are signed, at the API's host: its login is none of their business

name=signed
start_server --dialect basic --presigned-here --auth me:secret
made signed
trip 'signed links at its own host' 1
USER_URL=http://me:secret@${SERVER#http://}/signed.git/info/lfs
git -C signed config lfs.url "$USER_URL"
add_file signed 7.bin 7000 7
trip 'the same, and a password in the URL' 0 -c lfs.url="$USER_URL"
server_faults 'status=401,on=put,times=0'
add_file signed 8.bin 8000 8
check 'one that is refused for want of a login' \
	fails git -C signed push -q origin main
check 'is not given one' equal 0 "$(server_count authorization.put)"

name=verified
start_server --dialect basic --presigned-here --auth me:secret --api-login \
	--open-batch
new_repo verified
add_file verified 1.bin 1000 1
rm -f record stored
check 'it is the verification alone that wants a login: push' \
	git -C verified push -q origin main
check 'it gets it when it asks, and is not sent before' equal '401 200 ' \
	"$(server_log verify | cut -d ' ' -f 3 | tr '\n' ' ')"
check 'asked once' asked 1
check 'it was right' grep -q '^store' record

# Actions without a login of their own, at the API's host

name=own
start_server --dialect basic --auth me:secret --api-login
made own
rm -f record stored
check 'actions that want the login of the API: push' \
	git -C own push -q origin main
check 'the bytes are there' server_has own own/6.bin
check 'verified with it' equal 6 "$(server_count requests.verify)"
check 'asked once' asked 1
rm -rf clone record stored
check 'downloads that want it' clone_repo own clone
check 'are equal' same_files own clone
check 'asked once more' asked 1
add_file own 7.bin 7000 7
server_reset
check 'another push' git -C own push -q origin main
check 'a moment later: its agents remember, and send it' equal '200 ' \
	"$(server_log put | cut -d ' ' -f 3 | tr '\n' ' ')"
check 'and unasked below the URL of the API' equal '200 ' \
	"$(server_log verify | cut -d ' ' -f 3 | tr '\n' ' ')"
git -C own config "lfs.$SERVER.access" basic
add_file own 8.bin 8000 8
rm -f record stored
forget_shared own
server_faults 'status=401,on=put'
check 'a login that an action alone refuses: push' \
	git -C own push -q origin main
check 'the bytes are there' server_has own own/8.bin
check 'it is called wrong, and asked for again, as by git-lfs' equal \
	'Password store erase Password store ' "$(tr '\n' ' ' <record)"
start_server --dialect hf --chunk-size 100000 --auth me:secret --api-login
name=part
made part
server_reset
check 'the same with links for parts' git -C part push -q origin main
check 'which are not told' equal 0 "$(server_count authorization.part)"
check 'nor is the completion' equal 0 "$(server_count authorization.complete)"
check 'nor was any refused' equal 0 "$(server_count refused_puts)"

# An API that is open to all, but not its actions

start_server --dialect basic --auth me:secret --api-login --open-batch
name=open
made open
lfs_config credential.helper "$TEST_TMP/bin/helper"
rm -f record stored
check 'actions alone want the login: push' git -C open push -q origin main
check 'the bytes are there' server_has open open/6.bin
check 'verified' equal 6 "$(server_count requests.verify)"
check 'asked once' asked 1
check 'it was right' grep -q '^store' record
rm -rf clone record stored
check 'clone' clone_repo open clone
check 'equal' same_files open clone
check 'asked once more' asked 1
git config --global --unset credential.helper
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
rm -rf clone record
check 'askpass: clone' clone_repo open clone
check 'equal' same_files open clone
check 'asked once for all agents' asked 1
touch cancel
rm -rf clone/.git/lfs record
check 'canceled: fetch' eval \
	'fails git -C clone lfs fetch origin main >fetch.out 2>&1'
check 'askpass and git have asked once' equal 2 "$(grep -c . record)"
check 'and each object fails for it' equal 6 \
	"$(grep -c 'error transferring.*no credential' fetch.out)"
rm cancel
unset GIT_ASKPASS
rm -rf clone record
server_reset
check 'nobody to ask fails it' eval \
	'fails clone_repo open clone >clone.out 2>&1'
check 'and says so' grep -q 'wants a login' clone.out
check 'at once' at_most "$(server_count requests.batch)" 12
lfs_config credential.helper "$TEST_TMP/bin/helper"
echo wrong >password
rm -rf clone record
check 'a wrong password fails it' eval \
	'fails clone_repo open clone >clone.out 2>&1'
check 'and is never stored' fails grep -q '^store' record
check 'but said to be wrong' grep -q '^erase' record
echo secret >next
forget_shared open
add_file open 7.bin 7000 7
rm -f record stored
check 'a right one after it: push' git -C open push -q origin main
check 'the bytes are there' server_has open open/7.bin
check 'asked twice' asked 2
check 'and it is stored' grep -q '^store' record

# By ssh, which names another host for the API

name=ssh
start_server --dialect basic --bearer abc
made ssh
cat >bin/ssh <<END
#!/bin/sh
for last
do
	:
done
case \$last in
git-lfs-authenticate*)
	echo "\$*" >>'$TEST_TMP/record'
	test ! -e '$TEST_TMP/no-right' || exit 1
	test ! -e '$TEST_TMP/no-lfs' || exit 127
	printf '{"href": "%s",\n"header": {"Authorization": "Bearer %s"}}\n' \
		'$(lfs_url ssh)' "\$(cat '$TEST_TMP/token')"
	;;
*) exec sh -c "\$last" ;;
esac
END
chmod +x bin/ssh
export GIT_SSH="$TEST_TMP/bin/ssh"
git -C ssh config --unset lfs.url
git -C ssh remote set-url origin "git@localhost:$TEST_TMP/ssh.git"
# logged_in N DIRECTION: so often git-lfs-authenticate was run for it
logged_in () {
	equal "$1" "$(grep -c "authenticate .*ssh.git $2" record)"
}
echo stale >token
check 'by ssh: a login that the server refuses' eval \
	'fails git -C ssh push origin main >push.out 2>&1'
check 'is called so' grep -q '401 Unauthorized' push.out
touch no-right
rm -f record
lfs_config lfs.ssh.retries 1
check 'by ssh: no right to push' eval \
	'fails git -C ssh push origin main >push.out 2>&1'
check 'is said of each object' equal 6 \
	"$(grep -c 'ssh failed with exit status 1' push.out)"
check 'and found out once, and once more' logged_in 2 upload
rm -f no-right record
echo abc >token
server_reset
check 'by ssh: push' git -C ssh push -q origin main
check 'the bytes are there' server_has ssh ssh/6.bin
check 'never refused' equal 0 "$(server_count status.401)"
check 'one login for all agents' logged_in 1 upload
check 'of which no file knows' fails grep -rqs -e 'Bearer abc' ssh/.git
add_file ssh 7.bin 7000 7
add_file ssh 8.bin 8000 8
rm -f record
server_faults 'status=401,on=batch,skip=1'
check 'a login that has ended meanwhile: push' git -C ssh push -q origin main
check 'the bytes are there' server_has ssh ssh/7.bin
check 'with another one' logged_in 2 upload
check 'by ssh: clone' git clone -q "git@localhost:$TEST_TMP/ssh.git" clone-ssh
check 'equal' same_files ssh clone-ssh
check 'one login for all agents' logged_in 1 download
lfs_config lfs.lfs-multipart::.standalonetransferagent lfs-multipart
for url in "git@localhost:$TEST_TMP/ssh.git" "ssh://git@localhost$TEST_TMP/ssh.git"
do
	rm -rf clone-ssh record
	check "lfs-multipart::$url" git clone -q \
		-c lfs.url="lfs-multipart::$url" "$url" clone-ssh
	check 'equal' same_files ssh clone-ssh
	check 'one login for all agents' logged_in 1 download
done
# There is no LFS server at its https address either.
touch no-lfs
add_file ssh 9.bin 9000 9
lfs_config lfsmultipart.offlineTimeout 1
check 'no git-lfs-authenticate, and no https: push' eval \
	'fails git -C ssh push origin main >push.out 2>&1'
check 'both causes are said' grep \
	'https://localhost/.*; .*no git-lfs-authenticate' push.out
git config --global --unset lfsmultipart.offlineTimeout
unset GIT_SSH

# A wrong password

name=wrong
start_server --dialect basic --auth me:secret
made wrong
echo wrong >password
rm -f record stored
check 'a wrong password fails the push' eval \
	'fails git -C wrong push origin main >push.out 2>&1'
check 'the message says why' grep -q '401 Unauthorized' push.out
check 'and whose it was' grep \
	'login from git credential was refused: .*; renew it there' push.out
check 'it is said to be wrong' grep -q '^erase' record
check 'and never stored' fails grep -q '^store' record
check 'no byte was sent' equal 0 "$(server_count requests.put)"
git config --global --unset credential.helper
check 'nobody to ask fails it, too' eval \
	'fails git -C wrong push origin main >push.out 2>&1'
check 'and says so' grep -q 'wants a login' push.out
echo 'machine 127.0.0.1 login me password wrong' >home/.netrc
git -C wrong push origin main >push.out 2>&1
check 'so is one in ~/.netrc' grep 'login from ~/.netrc was refused' push.out
rm home/.netrc
for how in ntlm ntlm=last ntlm=basic
do
	rm -rf wrong/.git/lfs/multipart/credential-*
	server_faults $how,times=0
	git -C wrong push origin main >push.out 2>&1
	named=$(grep -c 'asks for NTLM .* use a token, or ssh' push.out)
	case $how in
	ntlm=basic)
		check 'NTLM is not named where Basic would do' equal 0 "$named"
		;;
	*)
		check "$how: NTLM is named" equal 1 "$named"
		;;
	esac
	server_nofaults
done
rm -rf wrong/.git/lfs/multipart/credential-*
echo secret >password
lfs_config credential.helper "$TEST_TMP/bin/helper"
check 'the right one helps' git -C wrong push -q origin main

# Cookies, as of a gateway before the server
start_server --dialect basic --cookie o=git-user
new_repo gate
add_file gate a.bin 1000
check 'without its cookie a gateway refuses' \
	fails git -C gate push -q origin main
printf '127.0.0.1\tFALSE\t/\tFALSE\t2147483647\to\tgit-user\n' >cookies
lfs_config http.cookieFile "$TEST_TMP/cookies"
check 'http.cookieFile has it' git -C gate push -q origin main
check 'the object is there' server_has gate gate/a.bin
check 'no daemon is left of all that' equal 0 "$(daemons)"
finish
