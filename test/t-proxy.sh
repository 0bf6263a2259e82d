#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: proxies as git has them: http.proxy, its form for one server, the
# environment, no_proxy, a password, and CONNECT for https.
. "$(dirname "$0")/lib.sh"

use_proxy () {
	log=$1
	start_proxy "$@"
}

push () {
	seed=$((seed + 1))
	add_file r "$seed.bin" 700K "$seed"
	: >"$log"
	"$@" git -C r push origin main && server_has r "r/$seed.bin"
}

through () {
	grep -c "$1" "$log" >lines
	test "$(cat lines)" -ge 3 || {
		cat "$log"
		return 1
	}
}

seed=0
use_agent upload
# A name of this machine by which neither git-lfs nor we know that it is this one.
start_server --chunk-size 262144 --name 0.0.0.0
new_repo r
use_proxy proxy
check 'http_proxy of the environment' push env http_proxy="$PROXY"
check 'is used by the agent' through "PUT"
check 'no_proxy' push env http_proxy="$PROXY" no_proxy=0.0.0.0
check 'is honoured' equal "$(cat proxy)" ''
check 'with a port' push env http_proxy="$PROXY" no_proxy="${SERVER#http://}"
check 'is honoured' equal "$(cat proxy)" ''
lfs_config http.proxy "$PROXY"
check 'http.proxy' push env
check 'is used' through 'PUT'
lfs_config "http.$SERVER.proxy" ''
check 'an empty http.<url>.proxy' push env
check 'means none' fails grep PUT proxy
git config --global --unset "http.$SERVER.proxy"

# This machine is reached without a proxy, whoever names one.
for host in 127.0.0.1 localhost
do
	start_server --chunk-size 262144 --name $host
	git -C r config lfs.url "$(lfs_url r)"
	check "http.proxy, and a server at $host" push env
	check 'is left alone' equal "$(cat proxy)" ''
	check 'that of the environment, too' push env http_proxy="$PROXY"
	check 'is left alone' equal "$(cat proxy)" ''
done
start_server --chunk-size 262144 --name 0.0.0.0
git -C r config lfs.url "$(lfs_url r)"

use_proxy locked me:secret
lfs_config http.proxy "http://me:secret@${PROXY#http://}"
check 'a proxy with a password' push env
check 'is used too' through 'PUT'

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server \
	-addext subjectAltName=IP:0.0.0.0 -keyout key.pem -out cert.pem \
	2>/dev/null || die openssl
start_server --chunk-size 262144 --name 0.0.0.0 --tls cert.pem key.pem
git -C r config lfs.url "$(lfs_url r)"
lfs_config http.sslCAInfo "$TEST_TMP/cert.pem"
check 'https through CONNECT' push env
check 'is a tunnel' through 'CONNECT'

# A wrong password that is tried again and again locks an account.
use_standalone
add_file r last.bin 100K 99
lfs_config http.proxy "http://me:wrong@${PROXY#http://}"
: >"$log"
git -C r push origin main >refused 2>&1
check 'a wrong password for the proxy is tried once an agent' \
	at_most "$(grep -c refused "$log")" 1
check 'and the message says what to do' \
	grep 'proxy wants another login; check http.proxy' refused
check 'without the password' fails grep wrong refused

# A message says that a fault of the proxy is the proxy's.
start_server --name 0.0.0.0
git -C r config lfs.url "$(lfs_url r)"
lfs_config lfsmultipart.offlineTimeout 1
lfs_config lfsmultipart.maxRetryDelay 0
through_bad () {
	lfs_config http.proxy "$1"
	git -C r push origin main >refused 2>&1
	grep -e "$2" refused || {
		cat refused
		return 1
	}
}
check 'a proxy that is down' through_bad http://127.0.0.1:1 \
	'the proxy cannot be reached (.*127.0.0.1 port 1 .*check http.proxy'
check 'a proxy whose name is unknown' through_bad http://no.invalid:3128 \
	'the name of the proxy cannot be found .*check http.proxy'
use_proxy blind
git -C r config lfs.url https://0.0.0.0:1/r.git/info/lfs
check 'a proxy that cannot reach the server' through_bad "$PROXY" \
	'the proxy answered 502'
git -C r config lfs.url "$(lfs_url r)"
use_proxy locked me:secret
check 'a proxy that wants another login, without a tunnel' \
	through_bad "http://me:wrong@${PROXY#http://}" \
	'proxy wants another login; check http.proxy'
finish
