#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: an API that leads from http to https gets the login there, another
# server does not, and no redirect makes a password a wrong one.
. "$(dirname "$0")/lib.sh"

# lead URL: where the http server sends the requests for a batch
lead () {
	CONTROL=$HTTP
	server_nofaults
	server_faults "redirect=$1/r.git/info/lfs/objects/batch,on=batch,times=0"
	CONTROL=$HTTPS
	server_reset
	rm -f record
}

# helper_saw WORD...
helper_saw () {
	equal "$*" "$(tr '\n' ' ' <record | sed 's/ $//')"
}

use_standalone
lfs_config lfsmultipart.retries 1
export TEST_TMP
cat >helper <<'END'
#!/bin/sh
echo "$1" >>"$TEST_TMP/record"
test "$1" != get || printf 'username=me\npassword=secret\n'
END
chmod +x helper
lfs_config credential.helper "$TEST_TMP/helper"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server \
	-addext subjectAltName=IP:127.0.0.1,DNS:git.example,DNS:other.example \
	-keyout key.pem -out cert.pem 2>openssl.err || die "$(cat openssl.err)"
lfs_config http.sslCAInfo "$TEST_TMP/cert.pem"
start_server --dialect basic
HTTP=$SERVER
start_server --dialect basic --auth me:secret --tls cert.pem key.pem
HTTPS=$CONTROL
tls=${SERVER#https://}
start_proxy proxy.log '' git.example:80="${HTTP#http://}" \
	git.example:443="$tls" git.example:8443="$tls" other.example:443="$tls"
lfs_config http.proxy "$PROXY"
new_repo r
git -C r config lfs.url http://git.example/r.git/info/lfs
add_file r a.bin 1000 1
add_file r b.bin 1000 2

lead https://git.example
check 'from http to https: push' git -C r push -q origin main
check 'the bytes are there' server_has r r/b.bin
check 'the password was right' fails grep -q erase record
check 'and is stored' grep -q store record

add_file r c.bin 1000 3
for place in https://other.example https://git.example:8443
do
	for access in none basic
	do
		git -C r config \
			lfs.http://git.example/r.git/info/lfs.access $access
		lead $place
		check "to $place, access $access: fails" eval \
			'fails git -C r push origin main >push.out 2>&1'
		check 'and says where it leads' grep -q \
			"redirects to '$place/r.git.*wants a login" push.out
		check 'without the login' equal 0 \
			"$(server_count authorization.batch)"
		check 'which nobody calls wrong' fails grep -q erase record
	done
done
finish
