#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: credentials come from where git-lfs would take them, are approved and
# rejected like its own, and all agents of a repository ask once.
. "$(dirname "$0")/lib.sh"

API=https://h.example/r.git/info/lfs
REMOTE=https://h.example/r.git
HERE=$TEST_TMP/home
mkdir bin shared

# get OPTION... URL: log in, to shared/ (where all agents meet)
get () {
	"$BUILD/test/tool/credential" -d "$TEST_TMP/shared" "$@" \
		>"$TEST_TMP/got" 2>"$TEST_TMP/err"
}

# gives EXPECTED OPTION... URL: what get prints, with U:P for its base64
gives () {
	want=$1
	shift
	get "$@"
	sed 's/Basic //' "$TEST_TMP/got" | while read -r source secret
	do
		plain=$(echo "$secret" | base64 -d 2>/dev/null) ||
			plain=$secret
		echo "$source $plain"
	done >"$TEST_TMP/plain"
	equal "$want" "$(tr '\n' ',' <"$TEST_TMP/plain")"
}

# says PATTERN OPTION... URL: get fails and says so
says () {
	pattern=$1
	shift
	fails get "$@" && grep -q "$pattern" "$TEST_TMP/err" || {
		cat "$TEST_TMP/got" "$TEST_TMP/err"
		return 1
	}
}

# script NAME: make bin/NAME of stdin
script () {
	{ echo '#!/bin/sh'; cat; } >"bin/$1"
	chmod +x "bin/$1"
}

# seen [LINES]: what the helper saw, but for what git says of itself from 2.46 on
seen () {
	grep -v -e '^capability\[\]=' -e '^wwwauth\[\]=' record |
		head -n "${1:--0}" | tr '\n' ' '
}

forget_all () {
	git credential-cache --socket "$(echo shared/credential-*/socket)" \
		exit 2>/dev/null
	rm -rf shared "$HERE/.netrc" "$HERE/.git-credentials" asked record
	mkdir shared
	git config --global --unset-all credential.helper
	unset GIT_ASKPASS SSH_ASKPASS
}

# Answers `typed` and `secret`, and notes the question; with ASKPASS_WAITS, after
# go_on.
mkfifo word
exec 7<>word
go_on () {
	echo >&7
}
script askpass <<'EOF'
echo "$1" >>"$TEST_TMP/asked"
test ! "${ASKPASS_WAITS-}" || read -r word <"$TEST_TMP/word"
case $1 in Username*) echo typed ;; *) echo "${ASKPASS_SECRET:-secret}" ;; esac
EOF
script helper <<'EOF'
{ echo "$1"; cat; } >>"$TEST_TMP/record"
test "$1" != get || printf 'username=%s\npassword=%s\n' h "${HELPER_SECRET:-p}"
EOF

# URLs

check 'the LFS URL holds it' gives 'url u:p/w,' \
	"https://u:p%2Fw@h.example/r.git/info/lfs"
check 'the URL of the git remote holds it' gives 'url u:p,' \
	-r https://u:p@h.example/r.git "$API"
check 'that of another host is none of ours' says 'no credential' \
	-r https://u:p@other.example/r.git "$API"
check 'nor one of another scheme' says 'no credential' \
	-r http://u:p@h.example/r.git "$API"
check 'nor one of another port' says 'no credential' \
	-r https://u:p@h.example:444/r.git "$API"
check 'a refused one is final' says 'user and password in its URL' \
	-g other:one -r https://u:p@h.example/r.git "$API"
check 'a line break in a URL is refused' says 'line break' \
	"https://u%0ahost=evil@h.example/r.git/info/lfs"
check 'and a carriage return, and a NUL' eval \
	'says "line break" "https://u%0d@h.example/x" &&
	says "malformed" "https://h.example%00/x"'

lfs_config credential.protectProtocol false
check 'credential.protectProtocol lets a carriage return pass' \
	gives "$(printf 'url u:p\rw,')" "https://u:p%0dw@h.example/x"
check 'but no line feed' says 'line break' "https://u:p%0aw@h.example/x"
lfs_config credential.protectProtocol true
check 'nor anything, if it is true' says 'line break' \
	"https://u:p%0dw@h.example/x"
git config --global --unset credential.protectProtocol

# netrc

echo 'machine h.example login n password q' >"$HERE/.netrc"
check 'netrc' gives 'netrc n:q,' -r "$REMOTE" "$API"
check 'netrc knows no port' gives 'netrc n:q,' https://h.example:8443/x
cat >"$TEST_TMP/netrc" <<END
machine h.example login n password q
machine h.example login me password mine
END
cp "$TEST_TMP/netrc" "$HERE/.netrc"
check 'of two logins, that of the user whom the URL names' \
	gives 'netrc me:mine,' https://me@h.example/r.git/info/lfs
check 'or the first' gives 'netrc n:q,' "$API"
check 'the URL goes before it' gives 'url u:p,' \
	"https://u:p@h.example/r.git/info/lfs"
lfs_config credential.helper "$TEST_TMP/bin/helper"
export TEST_TMP
check 'a user who is not there is asked for elsewhere' \
	gives 'git h:p,' -g h:p https://she@h.example/r.git/info/lfs
forget_all
cp "$TEST_TMP/netrc" "$HERE/.netrc"
lfs_config credential.helper "$TEST_TMP/bin/helper"
check 'a refused netrc login gives way to the helper' \
	gives 'netrc n:q,git h:p,' -g h:p "$API"

# git credential

forget_all
lfs_config credential.helper "$TEST_TMP/bin/helper"
check 'a helper' gives 'git h:p,' "$API"
check 'is asked, and told that it was right' equal \
	'get protocol=https host=h.example store protocol=https host=h.example username=h password=p ' \
	"$(seen)"
rm record
check 'another agent, soon after,' gives 'shared h:p,' "$API"
check 'neither asks nor tells it' fails test -e record
forget_all
lfs_config credential.helper "$TEST_TMP/bin/helper"
check 'a wrong one' says 'none is good' -g h:other "$API"
check 'is told, too' equal 4 "$(grep -c '^erase$' record)"
check 'and nothing is given to others' fails test -e \
	shared/credential-*/socket
lfs_config credential.useHttpPath true
rm record
check 'with useHttpPath' gives 'git h:p,' -r https://me@h.example:8443/r.git \
	https://h.example:8443/r.git/info/lfs
check 'it sees the path, the port, and the user of the remote' equal \
	'get protocol=https host=h.example:8443 path=r.git username=me ' \
	"$(seen 5)"
git config --global --unset credential.useHttpPath

forget_all
script talker <<'EOF'
cat >/dev/null
test "$1" = get || exit 0
echo "open https://h.example/device and enter ABCD" >&2
printf 'username=h\npassword=p\n'
EOF
lfs_config credential.helper "$TEST_TMP/bin/talker"
check 'what a helper says to a person' command script -qec \
	"'$BUILD/test/tool/credential' -d '$TEST_TMP/shared' '$API' >got 2>err" \
	typescript
check 'is seen on the terminal' grep -q 'enter ABCD' typescript
check 'and nowhere else' fails grep -q 'enter ABCD' got err

forget_all
lfs_config credential.helper store
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
check 'a helper with nothing stored: git asks' gives 'git typed:secret,' "$API"
check 'and stores the answer' grep -q 'typed:secret@h.example' \
	"$HERE/.git-credentials"
check 'so no second question is wanted' eval '
	gives "shared typed:secret," "$API" &&
	equal 2 "$(wc -l <asked)"'
check 'a stale password is asked for again' eval '
	ASKPASS_SECRET=new gives "shared typed:secret,git typed:new," \
		-g typed:new "$API" &&
	grep -q typed:new@ "$HERE/.git-credentials" &&
	fails grep -q typed:secret@ "$HERE/.git-credentials"'

# While one is asked, a git of its own finds out the new password.
forget_all
script racer <<'EOF'
case $1 in Username*) echo typed; exit ;; esac
echo "$1" >>"$TEST_TMP/asked"
GIT_ASKPASS=$TEST_TMP/bin/askpass ASKPASS_SECRET=new setsid -w \
	"$BUILD/test/tool/credential" -d "$TEST_TMP/shared" \
	https://h.example/r.git/info/lfs >/dev/null
echo old
EOF
lfs_config credential.helper store
export GIT_ASKPASS="$TEST_TMP/bin/racer"
check 'a newer one is taken' gives 'git typed:old,shared typed:new,' \
	-g typed:new "$API"
check 'and not erased' grep -q typed:new@ "$HERE/.git-credentials"
check 'nor is there another question' equal 3 "$(wc -l <asked)"

# A git that knows authtype

forget_all
real=$(command -v git)
script git <<EOF
test "\$1" = credential || exec $real "\$@"
{ echo "\$2"; cat; } >>"\$TEST_TMP/record"
test "\$2" != fill || printf 'protocol=https\nhost=h.example\ncapability[]=authtype\nauthtype=Bearer\ncredential=tok\nstate[]=x.y=z\nephemeral=1\n'
EOF
check 'authtype is sent as it is' eval 'PATH="$TEST_TMP/bin:$PATH" \
	gives "git Bearer tok," -c "Bearer realm=\"x\"" "$API"'
check 'what git is told first' equal \
	'fill capability[]=authtype capability[]=state protocol=https host=h.example wwwauth[]=Bearer realm="x" ' \
	"$(sed -n 1,6p record | tr '\n' ' ')"
check 'the helper gets its state back' eval \
	'sed -n "/^approve/,$ p" record | grep -qx "state\[\]=x.y=z"'
rm bin/git

# askpass

forget_all
lfs_config core.askPass "$TEST_TMP/bin/none"
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
check 'GIT_ASKPASS goes before core.askPass' gives 'askpass typed:secret,' \
	-r "$REMOTE" "$API"
check 'and asks as git-lfs does' equal \
	'Username for "https://h.example"|Password for "https://typed@h.example"|' \
	"$(tr '\n' '|' <asked)"
forget_all
export SSH_ASKPASS="$TEST_TMP/bin/none"
lfs_config core.askPass "$TEST_TMP/bin/askpass"
check 'core.askPass goes before SSH_ASKPASS' gives 'askpass me:secret,' \
	"https://me@h.example/x"
check 'a user who is known is not asked for' equal \
	'Password for "https://me@h.example"' "$(cat asked)"
forget_all
git config --global --unset core.askPass
export SSH_ASKPASS="$TEST_TMP/bin/askpass"
check 'SSH_ASKPASS is the last; blanks around an answer go' eval '
	ASKPASS_SECRET="  padded " gives "askpass typed:padded," "$API"'
forget_all
export GIT_ASKPASS='' SSH_ASKPASS="$TEST_TMP/bin/askpass"
check 'an empty GIT_ASKPASS means none' says 'GIT_TERMINAL_PROMPT' "$API"

forget_all
export GIT_ASKPASS="$TEST_TMP/bin/missing"
check 'one that is not there is named' says "askpass: cannot run.*bin/missing" \
	"$API"

# One question for all

is_asked () {
	while ! test -s asked
	do
		sleep 0.02
	done
}
forget_all
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
# all_at_once N OPTION... URL: their outputs are out.1 and so on
all_at_once () {
	n=$1
	shift
	pids=
	for i in $(seq "$n")
	do
		"$BUILD/test/tool/credential" -d "$TEST_TMP/shared" "$@" \
			>"out.$i" 2>err.all &
		pids="$pids $!"
	done
	for pid in $pids
	do
		wait "$pid" || return 1
	done
}
daemon () {
	for dir in /proc/[0-9]*
	do
		case $(tr '\0' ' ' <"$dir/cmdline" 2>/dev/null) in
		*cache--daemon*"$TEST_TMP"*) echo "${dir#/proc/}"; return ;;
		esac
	done
	return 1
}
# are_behind N: so many agents wait for another one's question
are_behind () {
	until test "$(grep -c 'another agent asks' log)" = "$1"
	do
		sleep 0.02
	done
} 2>/dev/null
export ASKPASS_WAITS=yes GIT_LFS_MULTIPART_LOG="$TEST_TMP/log"
{ are_behind 7; go_on; go_on; } &
check 'eight agents at once' all_at_once 8 "$API"
unset GIT_LFS_MULTIPART_LOG
check 'ask once' equal 2 "$(wc -l <asked)"
check 'one by askpass' equal 1 "$(cat out.? | grep -c '^askpass')"
check 'and pass it on' equal 7 "$(cat out.? | grep -c '^shared')"
check 'all of them the same' equal 1 \
	"$(cut -d ' ' -f 2- out.? | sort -u | wc -l)"
check 'a daemon is there' daemon
check 'that has nothing of our stderr' equal /dev/null \
	"$(readlink "/proc/$(daemon)/fd/2")"
check 'in a directory that is closed to others' equal 700 \
	"$(stat -c %a shared/credential-*)"
check 'and no file has the secret' fails grep -rqs -e secret -e "$(
	printf %s typed:secret | base64)" shared
check 'one that ends while another is there' eval '
	mkfifo keep.fifo
	"$BUILD/test/tool/credential" -e -w \
		-d "$TEST_TMP/shared" https://kept.example/x <keep.fifo \
		>/dev/null 2>&1 &
	keeper=$!
	exec 8>keep.fifo
	rm asked
	is_asked
	gives "shared typed:secret," -e "$API"'
check 'leaves the daemon to it' daemon
check 'the last one' eval 'exec 8>&-; ! wait "$keeper"'
check 'ends it' fails daemon
ASKPASS_WAITS=
rm asked
check 'another question' gives 'askpass typed:secret,' "$API"
check 'a later one asks nobody' eval 'gives "shared typed:secret," "$API" &&
	equal 2 "$(wc -l <asked)"'
check 'what was passed on and is refused is asked for again' eval '
	ASKPASS_SECRET=new gives "shared typed:secret,askpass typed:new," \
		-g typed:new "$API" &&
	gives "shared typed:new," "$API"'
check 'another server is another question' gives 'askpass typed:secret,' \
	https://other.example/x
check 'and does not disturb the first' gives 'shared typed:new,' "$API"

forget_all
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
check 'one that the server takes late' gives 'askpass typed:secret,' -l "$API"
check 'is passed on, too' gives 'shared typed:secret,' "$API"
forget_all
lfs_config credential.helper "$TEST_TMP/bin/helper"
check 'as is that of a helper' gives 'git h:p,' -l "$API"
check 'which is told' grep -qx store record

forget_all
lfs_config credential.helper store
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
check 'with a helper that stores' all_at_once 8 "$API"
check 'they ask once, too' equal 2 "$(wc -l <asked)"

forget_all
lfs_config credential.helper "$TEST_TMP/bin/helper"
check 'with a helper that always asks' all_at_once 8 "$API"
check 'it is asked once' equal 1 "$(grep -c '^get$' record)"

# Another agent asks and tells between our look at the daemon, which has nothing
# yet, and the next step.
forget_all
lfs_config credential.helper "$TEST_TMP/bin/helper"
mkdir -m 700 "shared/credential-$(id -u)"
: >"shared/credential-$(id -u)/socket"
script git <<EOF
case "\$*" in
*credential-cache*get) test -e "\$TEST_TMP/record" || exec env PATH="$PATH" \
	"\$BUILD/test/tool/credential" -d "\$TEST_TMP/shared" "$API" >&2 ;;
esac
exec $real "\$@"
EOF
check 'one that asked just then is enough' eval 'PATH="$TEST_TMP/bin:$PATH" \
	gives "shared h:p," "$API" && equal 1 "$(grep -c "^get$" record)"'
rm bin/git

forget_all
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
lfs_config credential.helper "$TEST_TMP/bin/nothing"
script nothing </dev/null
check 'with a helper that does not' all_at_once 4 "$API"
check 'they ask once' equal 2 "$(wc -l <asked)"
check 'by way of the daemon' daemon

forget_all
export GIT_ASKPASS="$TEST_TMP/bin/askpass"
mkdir -m 755 "shared/credential-$(id -u)"
check 'a directory open to others is not used' gives 'askpass typed:secret,' \
	"$API"
check 'at all' equal '' "$(ls "shared/credential-$(id -u)")"
rmdir "shared/credential-$(id -u)"
check 'nor is one that is not there' "$BUILD/test/tool/credential" \
	-d "$TEST_TMP/none" "$API"

# Stopping

# stops: end the stdin of a tool that waits for what does not come, once a
# command says that it does
stops () {
	mkfifo in.fifo
	GIT_LFS_MULTIPART_LOG=$TEST_TMP/log \
		"$BUILD/test/tool/credential" -w -d "$TEST_TMP/shared" "$API" \
		<in.fifo >out.stop 2>&1 &
	pid=$!
	exec 9>in.fifo
	"$@"
	exec 9>&-
	wait "$pid" && return 1
	rm in.fifo
	cat out.stop
	grep -q stopped out.stop
}
forget_all
rm log
export GIT_ASKPASS="$TEST_TMP/bin/askpass" ASKPASS_WAITS=yes
check 'the end of stdin ends a question' stops is_asked
rm -f asked
"$BUILD/test/tool/credential" -d "$TEST_TMP/shared" "$API" >out.first 2>&1 &
first=$!
is_asked
check 'and the wait for another agent' stops are_behind 1
# A process group of its own is another git's.
check 'but not for one of another git, as it may have another answer' \
	env GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper \
	GIT_CONFIG_VALUE_0="$TEST_TMP/bin/helper" \
	setsid -w "$BUILD/test/tool/credential" -d "$TEST_TMP/shared" \
	https://other.example/x
kill -9 "$first"
ASKPASS_WAITS=
# The question that it has left ends, too.
go_on
check 'one that was killed holds nobody up' gives 'askpass typed:secret,' \
	"$API"
forget_all
finish
