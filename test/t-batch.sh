#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a question to the Batch API is asked as git-lfs asks it, and each
# refusal of the server is told from the others.
. "$(dirname "$0")/lib.sh"

start_server
API=$SERVER/r.git/info/lfs
new_repo r
add_file r a.bin 1K
OID=$(oid_of r/a.bin)
git -C r push -q origin main || die 'push'
OTHER=$(echo none | sha256sum | cut -c 1-64)
export GIT_TERMINAL_PROMPT=0

# ssh_gives AUTHORIZATION: what git-lfs-authenticate says
ssh_gives () {
	printf '#!/bin/sh\necho "%s"\n' \
		"{\\\"header\\\": {\\\"Authorization\\\": \\\"$1\\\"}}" >ssh &&
		chmod +x ssh
}
export GIT_SSH="$PWD/ssh"

# gives EXPECTED ARGUMENT...: what the tool prints
gives () {
	want=$1
	shift
	"$BUILD/test/tool/batch" "$@" >got 2>err
	equal "$want" "$(tr '\n' ',' <got)"
}

# says PATTERN ARGUMENT...: it fails and says so
says () {
	pattern=$1
	shift
	fails "$BUILD/test/tool/batch" "$@" >got 2>err &&
		grep -q "$pattern" got || {
		cat got err
		return 1
	}
}

check 'an object that is there, and one that is not' gives \
	"$(echo "$OID" | cut -c 1-8) download,$(echo "$OTHER" |
		cut -c 1-8) error: the server does not have this object (404: no such object)," \
	"$API" download "$OID:1024" "$OTHER:5"
check 'an upload of both' gives \
	"$(echo "$OID" | cut -c 1-8) there,$(echo "$OTHER" |
		cut -c 1-8) upload verify," \
	"$API" upload "$OID:1024" "$OTHER:5"
check 'a slash at the end of the URL, and a user in it' eval \
	'gives "$(echo "$OID" | cut -c 1-8) download," \
		"http://me@${SERVER#http://}/r.git/info/lfs/" \
		download "$OID:1024" &&
	equal 0 "$(server_count authorization.batch)"'
check 'a page that is none of LFS' says '404 Not Found' "$SERVER/r" \
	download "$OID:1024"
check 'a URL that is none' says 'no host' http:///x download "$OID:1024"
check 'a server that is not there' says 'cannot reach\|connect' \
	http://127.0.0.1:1/x download "$OID:1024"

for status in 401 403 413 422 501
do
	server_faults "status=$status,on=batch,times=0"
	check "status $status" says "answered $status\|wants a login" "$API" \
		download "$OID:1024"
	server_nofaults
done
server_faults 'status=429,on=batch,times=0,retry-after=3'
check 'status 429' says '429 Too Many Requests.*(wait 3000 ms)' "$API" download "$OID:1024"
server_nofaults
server_faults 'redirect=self,on=batch,times=1'
check 'a redirect' gives \
	"$(echo "$OID" | cut -c 1-8) download," \
	"$API" download "$OID:1024"
server_nofaults
server_faults 'redirect=otherhost,on=batch,times=1'
server_reset
check 'one to another host gets no header of ours' eval \
	'ssh_gives "Basic x" && "$BUILD/test/tool/batch" -s "$API" \
		download "$OID:1024" &&
	equal 1 "$(server_count authorization.batch)" &&
	equal 2 "$(server_count requests.batch)"'
server_nofaults

# A server that wants a login

start_server --auth u:p
API=$SERVER/r.git/info/lfs
LOGIN="Authorization: Basic $(printf u:p | base64)"
ok="$(echo "$OID" | cut -c 1-8) error: the server does not have this object (404: no such object),"
check 'nobody to ask' says 'wants a login.*GIT_TERMINAL_PROMPT' "$API" \
	download "$OID:1024"
ssh_gives "Basic $(printf u:p | base64)"
check 'as ssh would have it' gives "$ok" -s "$API" download "$OID:1024"
ssh_gives 'Basic x'
check 'what ssh gave and is refused is final' says \
	'answered 401.*; the login from ssh (git-lfs-authenticate) was refused' \
	-s "$API" download "$OID:1024"
lfs_config http.extraHeader "$LOGIN"
check 'http.extraHeader' gives "$ok" "$API" download "$OID:1024"
git config --global --unset http.extraHeader
lfs_config "http.http://localhost.extraHeader" "$LOGIN"
check 'that of another server is not sent' says 'wants a login' "$API" \
	download "$OID:1024"
cat >helper <<'EOF'
#!/bin/sh
echo "$1" >>"$TEST_TMP/record"
test "$1" != get || printf 'username=u\npassword=wrong\n'
EOF
chmod +x helper
export TEST_TMP
lfs_config credential.helper "$TEST_TMP/helper"
server_reset
check 'a wrong password is tried three times' says 'answered 401' "$API" \
	download "$OID:1024"
check 'after an anonymous try' equal '4 3' \
	"$(server_count requests.batch) $(server_count authorization.batch)"
check 'and rejected each time' equal 3 "$(grep -c erase record)"
finish
