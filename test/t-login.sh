#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: what helpers, askpass and the server get to see of a login is the same
# from us as from git-lfs itself, in a table of configurations.
. "$(dirname "$0")/lib.sh"

export TEST_TMP
mkdir bin
cat >bin/helper <<'EOF'
#!/bin/sh
{ echo "$1"; cat; } >>"$TEST_TMP/record"
test "$1" != get || printf 'username=h\npassword=p\n'
EOF
cat >bin/askpass <<'EOF'
#!/bin/sh
echo "$1" >>"$TEST_TMP/record"
# git-lfs asks for ever if it is refused.
test "$(wc -l <"$TEST_TMP/record")" -lt 9 || exit 1
case $1 in Username*) echo h ;; *) echo p ;; esac
EOF
chmod +x bin/helper bin/askpass

start_server --auth h:p
PORT=${SERVER##*:}
new_repo r
add_file r a.bin 1K
OID=$(oid_of r/a.bin)
rm -rf r/.git/lfs/objects

# The server's answers: the status of each request for a batch.
statuses () {
	server_log batch | cut -d ' ' -f 3 | tr '\n' ' '
}

by_git_lfs () {
	timeout 60 git -C r lfs fetch origin main
}

by_us () {
	(cd r && "$BUILD/test/tool/batch" -r "$2" -b refs/heads/main "$1" \
		download "$OID:1024")
}

# git-lfs notes which server wants a login.
forget_access () {
	git -C r config --name-only --get-regexp '^lfs\..*\.access$' |
		while read -r key
		do
			git -C r config --unset "$key"
		done
}

# seen WHO LFS-URL REMOTE-URL: the record of a login
seen () {
	rm -f record
	test "$remembers" || forget_access
	server_reset
	"$@" >out."$1" 2>&1
	if test "$questions"
	then
		head -n "$questions" record
	else
		cat record 2>/dev/null
		statuses
	fi
}

questions=
remembers=
# row WHAT LFS-URL REMOTE-URL
row () {
	git -C r config lfs.url "$2"
	git -C r config remote.origin.url "$3"
	theirs=$(seen by_git_lfs "$2" "$3")
	ours=$(seen by_us "$2" "$3")
	check "$1" equal "$theirs" "$ours"
	last=$ours
}

HOST=http://127.0.0.1:$PORT
lfs_config credential.helper "$TEST_TMP/bin/helper"
row 'a helper' "$HOST/r.git/info/lfs" "$HOST/r.git"
# git before 2.46 says nothing of itself, nor of the server.
check '(which was asked and told)' equal \
	"get protocol=http host=127.0.0.1:$PORT store protocol=http host=127.0.0.1:$PORT username=h password=p 401 200 " \
	"$(echo "$last" | grep -v -e '^capability\[\]=' -e '^wwwauth\[\]=' |
		tr '\n' ' ' | sed 's/ *$/ /')"
remembers=yes
git -C r config "lfs.$HOST/r.git/info/lfs.access" basic
row 'a server that is known to want a login' "$HOST/r.git/info/lfs" \
	"$HOST/r.git"
check '(is not asked without one)' equal '200 ' "$(echo "$last" | tail -n 1)"
remembers=
row 'a user in the LFS URL' "http://me@127.0.0.1:$PORT/r.git/info/lfs" \
	"$HOST/r.git"
row 'a user in the URL of the remote' "$HOST/r.git/info/lfs" \
	"http://me@127.0.0.1:$PORT/r.git"
row 'a user in both' "http://me@127.0.0.1:$PORT/r.git/info/lfs" \
	"http://you@127.0.0.1:$PORT/r.git"
row 'a remote of another host' "$HOST/r.git/info/lfs" \
	"http://me@localhost:$PORT/r.git"
row 'a remote of another scheme' "$HOST/r.git/info/lfs" \
	"https://me@127.0.0.1:$PORT/r.git"
row 'a remote by ssh' "$HOST/r.git/info/lfs" git@127.0.0.1:r.git
row 'a password in the LFS URL' "http://h:p@127.0.0.1:$PORT/r.git/info/lfs" \
	"$HOST/r.git"
check '(which no helper has seen)' fails grep -q get record
row 'a password in the URL of the remote' "$HOST/r.git/info/lfs" \
	"http://h:p@127.0.0.1:$PORT/r.git"
lfs_config credential.useHttpPath true
row 'useHttpPath' "$HOST/r.git/info/lfs" "$HOST/r.git"
row 'useHttpPath and another host' "$HOST/r.git/info/lfs" \
	"http://localhost:$PORT/r.git"
git config --global --unset credential.useHttpPath
lfs_config "credential.$HOST.useHttpPath" true
row 'useHttpPath for this server' "$HOST/r.git/info/lfs" "$HOST/x%20y.git"
git config --global --unset "credential.$HOST.useHttpPath"
lfs_config "credential.http://localhost.useHttpPath" true
row 'useHttpPath for another server' "$HOST/r.git/info/lfs" "$HOST/r.git"
lfs_config credential.username someone
row 'credential.username' "$HOST/r.git/info/lfs" "$HOST/r.git"
git config --global --unset credential.username

lfs_config "http.$HOST/.extraHeader" \
	"Authorization: Basic $(printf h:p | base64)"
row 'an Authorization in http.extraHeader' "$HOST/r.git/info/lfs" \
	"$HOST/r.git"
check '(is sent, and nobody is asked)' equal '200 ' "$last"
lfs_config "http.$HOST/.extraHeader" 'X-Other: 1'
row 'another header in it' "$HOST/r.git/info/lfs" "$HOST/r.git"
git config --global --unset-all "http.$HOST/.extraHeader"

echo "machine 127.0.0.1 login h password p" >home/.netrc
row 'netrc' "$HOST/r.git/info/lfs" "$HOST/r.git"
check '(nobody is asked)' equal '401 200 ' "$last"
echo "default login h password p" >home/.netrc
row "netrc's default" "$HOST/r.git/info/lfs" "$HOST/r.git"
echo "machine 127.0.0.1 login h password wrong" >home/.netrc
row 'a wrong password there' "$HOST/r.git/info/lfs" "$HOST/r.git"
rm home/.netrc

git config --global --unset credential.helper
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
row 'askpass' "$HOST/r.git/info/lfs" "$HOST/r.git"
row 'askpass with a user' "$HOST/r.git/info/lfs" \
	"http://h@127.0.0.1:$PORT/r.git"
# It is refused: only the first question counts.
questions=1
row 'askpass with a strange user' "$HOST/r.git/info/lfs" \
	"http://h%40x%20+%2F@127.0.0.1:$PORT/r.git"
questions=
lfs_config credential.useHttpPath true
row 'askpass with a path' "$HOST/r.git/info/lfs" "$HOST/a%20b/r.git"
git config --global --unset credential.useHttpPath
lfs_config credential.http://localhost.helper "$TEST_TMP/bin/helper"
row 'askpass, and a helper for another server' "$HOST/r.git/info/lfs" \
	"$HOST/r.git"
lfs_config "credential.$HOST.helper" "$TEST_TMP/bin/helper"
row 'askpass, and a helper for this one' "$HOST/r.git/info/lfs" "$HOST/r.git"
finish
