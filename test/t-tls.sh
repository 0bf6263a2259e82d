#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: TLS as git has it: the CA of the config or of the environment, no CA,
# sslVerify, a client certificate; and no redirect from https to http.
. "$(dirname "$0")/lib.sh"

certificate () {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" \
		-addext "subjectAltName=IP:127.0.0.1,DNS:localhost" \
		-keyout "$1.key" -out "$1.pem" 2>openssl.err ||
		die "$(cat openssl.err)"
}

push () {
	seed=$((seed + 1))
	add_file r "$seed.bin" 700K "$seed"
	"$@" git -C r push origin main >push.out 2>&1 || {
		cat push.out
		return 1
	}
	server_has r "r/$seed.bin"
}

seed=0
certificate server server
certificate client client
certificate stranger stranger
use_agent both
lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.offlineTimeout 2
start_server --chunk-size 262144 --pick-download \
	--tls server.pem server.key
new_repo r

check 'an unknown CA fails the push' fails push env
check 'the CA of the environment' push env \
	GIT_SSL_CAINFO="$TEST_TMP/server.pem"
check 'another CA fails' fails push env \
	GIT_SSL_CAINFO="$TEST_TMP/stranger.pem"
check 'the CA of OpenSSL and Go' push env SSL_CERT_FILE="$TEST_TMP/server.pem"
mkdir empty cas && cp server.pem cas/server.pem
ln -s server.pem "cas/$(openssl x509 -noout -hash -in server.pem).0"
check 'a folder of CAs' push env SSL_CERT_DIR="$TEST_TMP/cas"
check 'or two' push env SSL_CERT_DIR="$TEST_TMP/empty:$TEST_TMP/cas"
check 'of no use beside that of git' fails push env \
	SSL_CERT_FILE="$TEST_TMP/server.pem" GIT_SSL_CAINFO="$TEST_TMP/stranger.pem"
lfs_config http.sslCAInfo "$TEST_TMP/server.pem"
check 'the CA of the config' push env SSL_CERT_FILE="$TEST_TMP/stranger.pem"
lfs_config http.sslCAInfo "$TEST_TMP/stranger.pem"
lfs_config "http.$SERVER.sslCAInfo" "$TEST_TMP/server.pem"
check 'the CA for this server' push env
git config --global --unset "http.$SERVER.sslCAInfo"
check 'GIT_SSL_NO_VERIFY' push env GIT_SSL_NO_VERIFY=1
lfs_config http.sslVerify false
check 'http.sslVerify' push env
git config --global --unset http.sslVerify
lfs_config http.sslCAInfo "$TEST_TMP/server.pem"
check 'a clone over https' clone_repo r c
check 'is equal' cmp r/$seed.bin c/$seed.bin
server_faults 'flip,times=0,after=5'
clone_repo r flip >clone.out 2>&1
check 'a byte that is wrong over https' \
	grep "from ${SERVER#*://}: the bytes hash to" clone.out
check 'is the server'"'"'s: nothing is fetched again' \
	fails grep 'again' clone.out
server_nofaults
server_faults 'redirect=downgrade,times=0'
check 'a redirect to http fails' fails clone_repo r d
check 'and nothing is handed over' equal '' \
	"$(find d/.git/lfs/objects -type f -size +1k 2>/dev/null)"

start_server --chunk-size 262144 --tls server.pem server.key \
	--client-ca client.pem
git -C r config lfs.url "$(lfs_url r)"
check 'no client certificate fails the push' fails push env
lfs_config http.sslCert "$TEST_TMP/client.pem"
lfs_config http.sslKey "$TEST_TMP/client.key"
lfs_config "http.$SERVER.sslCert" "$TEST_TMP/client.pem"
lfs_config "http.$SERVER.sslKey" "$TEST_TMP/client.key"
check 'with the client certificate it works' push env

# A key with a password, in the only form that git-lfs reads.
openssl rsa -traditional -aes128 -passout pass:secret -in client.key \
	-out locked.key 2>openssl.err || die "$(cat openssl.err)"
cat >helper <<'END'
#!/bin/sh
asked=$(cat)
test "$1" = get || exit 0
echo "$asked" | tr '\n' ' ' >>"$0.asked"
case $asked in
*protocol=cert*) echo password=secret ;;
esac
END
chmod +x helper
lfs_config credential.helper "$TEST_TMP/helper"
lfs_config http.sslKey "$TEST_TMP/locked.key"
lfs_config "http.$SERVER.sslKey" "$TEST_TMP/locked.key"
check 'a password that is not announced fails the push' fails push env
check 'and the message names the key' grep -i sslCertPasswordProtected push.out
: >helper.asked
lfs_config http.sslCertPasswordProtected true
check 'with it the push works' push env
check 'git has been asked for it as git asks' grep \
	"protocol=cert .*path=$TEST_TMP/client.pem" helper.asked
sed 's/\*protocol=cert\*/*path=*locked.key*/' helper >helper.key
mv helper.key helper && chmod +x helper
check 'a password that is known by the key, as for git-lfs' push env
check 'is asked for by the certificate first' equal 'client.pem locked.key' \
	"$(grep -o '[a-z]*\.\(pem\|key\) ' helper.asked | tail -n 2 |
		tr -d '\n' | sed 's/ $//')"

# A file of authorities that is there, and one that is not.
use_standalone
add_file r said.bin 1000 said
tls_says () {
	lfs_config http.sslCAInfo "$1"
	lfs_config "http.$SERVER.sslCAInfo" "$1"
	git -C r push origin main >said 2>&1
	grep -e "$2" said || {
		cat said
		return 1
	}
}
check 'a file that cannot be read is named' tls_says /no/such.pem \
	"authorities in '/no/such.pem' cannot be read; check http.sslCAInfo"
check 'one without the authority, too' tls_says "$TEST_TMP/stranger.pem" \
	"authority is not in '.*/stranger.pem'"
check 'and nobody is told to set it' fails grep 'set http.sslCAInfo' said
finish
