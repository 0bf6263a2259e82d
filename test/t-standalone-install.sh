#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `install --standalone` makes git-lfs leave a server's objects to this
# program, by URL, remote, ssh, for all servers, and by .lfsconfig in a clone;
# `uninstall` takes all of it away again.
. "$(dirname "$0")/lib.sh"

GIT_LFS_MULTIPART_LOG=$TEST_TMP/log
GIT_LFS_MULTIPART_TRACE=info
export GIT_LFS_MULTIPART_LOG GIT_LFS_MULTIPART_TRACE

# Our keys in a config file: all but the group.
rules () {
	git "$@" --get-regexp '^lfs\..*standalonetransferagent$' | sort
}

group () {
	printf '%s\n' "lfs.customtransfer.lfs-multipart.args agent" \
		"lfs.customtransfer.lfs-multipart.concurrent true" \
		"lfs.customtransfer.lfs-multipart.direction both" \
		"lfs.customtransfer.lfs-multipart.path $AGENT"
}

keys () {
	git "$@" --get-regexp '^lfs\.customtransfer\.' | sort
}

nothing () {
	equal '' "$(rules "$@")" && equal '' "$(keys "$@")"
}

rule_for () {
	printf '%s\n' "lfs.$1.standalonetransferagent lfs-multipart" \
		"lfs.lfs-multipart::.standalonetransferagent lfs-multipart" |
		sort -u
}

# Did the agent do it?
by_us () {
	grep -q "$1 of $(oid_of "$2" | cut -c 1-12)" log
}

seed=0
# Push an object that is new, and fetch it again.
both_ways () {
	seed=$((seed + 1))
	add_file "$1" "f$seed.bin" 100K "$seed"
	file=$1/f$seed.bin
	rm -f log
	git -C "$1" push -q origin main &&
		by_us upload "$file" &&
		server_has "${2:-$1}" "$file" &&
		rm -rf "$1/.git/lfs/objects" "$file" &&
		git -C "$1" lfs fetch origin main &&
		git -C "$1" checkout -q "f$seed.bin" &&
		by_us download "$file"
}

# Push an object by git-lfs, and fetch it again by us.
downloads_alone () {
	without_us "$1" &&
		server_has "$1" "$file" &&
		rm -rf "$1/.git/lfs/objects" "$file" &&
		git -C "$1" lfs fetch origin main &&
		git -C "$1" checkout -q "f$seed.bin" &&
		by_us download "$file"
}

without_us () {
	seed=$((seed + 1))
	add_file "$1" "f$seed.bin" 100K "$seed"
	file=$1/f$seed.bin
	rm -f log
	git -C "$1" push -q origin main && fails test -e log
}

start_server --dialect basic --locks 404
new_repo r
check 'install for a server' git lfs-multipart install --standalone --uploads \
	"$SERVER/" r
check 'writes the group' equal "$(keys -C r config --local)" "$(group)"
check 'and the rule, without a slash' equal "$(rules -C r config --local)" \
	"$(rule_for "$SERVER")"
check 'the user'"'"'s config has nothing' nothing config --global
check 'git-lfs leaves it to us, both ways' both_ways r
check 'again' sh -c 'git lfs-multipart install --standalone --uploads '"$SERVER"' r |
	grep "^Already set up in the git config of the repository at .r.:"'
check 'a rule against agents does not touch it' git -C r config \
	lfs.basictransfersonly true
check 'as git-lfs sees it' both_ways r
git -C r config --unset lfs.basictransfersonly
check 'uninstall for another server' sh -c '
	git lfs-multipart uninstall --standalone https://other.example r |
	grep nothing'
check 'changes nothing' equal "$(rules -C r config --local)" \
	"$(rule_for "$SERVER")"
check 'uninstall for this one' sh -c '
	git lfs-multipart uninstall --standalone '"$SERVER/"' r | grep removed'
check 'and it is off' without_us r
check 'uninstall of the rest' git lfs-multipart uninstall --standalone r
check 'leaves nothing' nothing -C r config --local
check 'and finds nothing again' sh -c '
	git lfs-multipart uninstall --standalone r | grep "nothing to remove"'

check 'by the name of a remote' sh -c '
	cd r && git lfs-multipart install --standalone --uploads origin'
check 'is its LFS server' equal "$(rules -C r config --local)" \
	"$(rule_for "$SERVER/r.git/info/lfs")"
check 'it moves' both_ways r
git -C r config lfs.pushurl "$SERVER/up.git/info/lfs"
check 'one with another server for uploads' sh -c '
	cd r && git lfs-multipart install --standalone --uploads origin'
check 'has both' equal 3 "$(rules -C r config --local | grep -c .)"
check 'and moves' sh -c 'cd r && git lfs-multipart uninstall --standalone origin'
check 'uninstall takes both' equal "$(rules -C r config --local)" \
	"$(rule_for lfs-multipart::)"
git -C r config --unset lfs.pushurl
check 'uninstall of everything' git lfs-multipart uninstall r
check 'is that' nothing -C r config --local

# A path with escapes, as the projects of Azure DevOps have.
project="$SERVER/My%20Project"
new_repo p
git -C p config lfs.url "$project/_git/r.git/info/lfs"
check 'a path with a blank' git lfs-multipart install --standalone --uploads \
	"$project" p
check 'is written as git-lfs will read it' equal \
	"$(rules -C p config --local)" "$(rule_for "$project")"
check 'it moves' both_ways p 'My Project/_git/r'
git -C p config "lfs.$SERVER/My Project.standalonetransferagent" lfs-multipart
check 'uninstall of that' git lfs-multipart uninstall --standalone "$project" p
check 'takes what older versions wrote for it, too' equal \
	"$(rules -C p config --local)" "$(rule_for lfs-multipart::)"

check 'with the negotiated one' sh -c 'cd r && git lfs-multipart install &&
	git lfs-multipart install --standalone --uploads '"$SERVER/r.git"
check 'standalone wins' both_ways r
check 'uninstall --standalone' git lfs-multipart uninstall --standalone r
check 'leaves the other' equal 4 "$(keys -C r config | grep -c 'r\.multipart\.')"
check 'alone' equal '' "$(rules -C r config)"
git -C r config lfs.customtransfer.multipart.path /gone/git-lfs-multipart
check 'a stale path of the other is repaired' sh -c '
	git lfs-multipart install --standalone --uploads '"$SERVER"' r |
	grep "replaced .*multipart.path = /gone/git-lfs-multipart"'
check 'it is this program' equal "$AGENT" \
	"$(git -C r config lfs.customtransfer.multipart.path)"
git -C r config lfs.customtransfer.lfs-multipart.path /gone/git-lfs-multipart
check 'a stale path of its own, too' sh -c '
	git lfs-multipart install --standalone --uploads '"$SERVER"' r | grep replaced'
git -C r config lfs.customTransfer.lfs-multipart.path hf
check 'a misspelt key' sh -c '
	git lfs-multipart install --standalone --uploads '"$SERVER"' r | grep removed.*hf'
check 'is gone' fails git -C r config lfs.customTransfer.lfs-multipart.path
check 'uninstall' git lfs-multipart uninstall r
check 'takes all of both' nothing -C r config --local

# For all servers, but not for those that are none.
check 'for all servers, in the user'"'"'s config' \
	git lfs-multipart install --global --standalone
check 'it moves' both_ways r
git -C r config --unset lfs.url
check 'a remote that is a path stays git-lfs'"'"'s business' without_us r
check 'and gets the object' test -d r.git/lfs/objects
git -C r config lfs.url "$(lfs_url r)"
check 'uninstall --global' git lfs-multipart uninstall --global
check 'takes all of it' nothing config --global

# A message names what stands in the way.
said () {
	git lfs-multipart install --standalone --uploads "$@" >said 2>&1
	cat said
}

git -C r config "lfs.$SERVER/r.git.standalonetransferagent" other
said "$SERVER" r >said.all
check 'another agent for a part of the server is said' grep \
	"r.git.standalonetransferagent is .other. in file:.git/config; .*there" \
	said
check 'install over it' sh -c 'git lfs-multipart install --standalone --uploads \
	'"$SERVER/r.git"' r | grep "replaced .* = other"'
git -C r config "lfs.$SERVER.standalonetransferagent" other
check 'one in another file, too' sh -c 'cd r &&
	git lfs-multipart install --global --standalone '"$SERVER"' 2>&1 |
	grep "is .other. in file:.git/config; that value applies here"'
check 'others'"'"' rules stay' sh -c '
	git lfs-multipart uninstall r && git lfs-multipart uninstall --global &&
	git -C r config lfs.'"$SERVER"'.standalonetransferagent | grep other'
git -C r config --remove-section "lfs.$SERVER"

# ssh: git-lfs looks for the https URL that it makes of the remote's.
mkdir bin
cat >bin/ssh <<'END'
#!/bin/sh
while case $1 in -p | -o) shift ;; -*) ;; *) false ;; esac do shift; done
case $2 in
git-lfs-authenticate*) echo "{\"href\":\"$LFS_HREF\"}" ;;
git-receive-pack* | git-upload-pack*) eval "exec ${2%% *} '$TEST_TMP/s.git'" ;;
*) exit 1 ;;
esac
END
chmod +x bin/ssh
new_repo s
git -C s config --unset lfs.url
GIT_SSH=$TEST_TMP/bin/ssh
LFS_HREF=$(lfs_url s)
export GIT_SSH LFS_HREF TEST_TMP
ssh_form () {
	git -C s remote set-url origin "$1"
	check "$1" sh -c "cd s && git lfs-multipart install --standalone --uploads '$2'"
	check 'is keyed on the https URL' \
		equal "$(rules -C s config --local)" "$(rule_for "$3")"
	check 'and moves' both_ways s
	git lfs-multipart uninstall s >said
}
ssh_form ssh://git@host.example:2222/me/s.git origin \
	https://host.example/me/s.git/info/lfs
ssh_form git@host.example:me/s git@host.example:me/s \
	https://host.example/me/s.git/info/lfs
ssh_form ssh://git@host.example/me/s.git ssh://git@host.example:22/ \
	https://host.example
unset GIT_SSH

# Shared through the repository.
new_repo t
git -C t config --unset lfs.url
check 'install --shared' sh -c "cd t &&
	git lfs-multipart install --shared '$SERVER/t.git' >../said"
check 'writes .lfsconfig' equal "$(git config -f t/.lfsconfig lfs.url)" \
	"lfs-multipart::$SERVER/t.git/info/lfs"
check 'it is said what to do' grep \
	'install --global --standalone lfs-multipart::$' said
check 'again' sh -c "cd t && git lfs-multipart install --shared |
	grep 'Already set up in .lfsconfig'"
git -C t add .lfsconfig
git -C t commit -q -m 'share'
check 'uploads stay with git-lfs' equal "$SERVER/t.git/info/lfs" \
	"$(git config -f t/.lfsconfig lfs.pushurl)"
check 'it downloads' downloads_alone t
check 'another user' sh -c '
	mkdir other && export HOME=$PWD/other && cp home/.gitconfig other/ &&
	git lfs-multipart install --global --standalone lfs-multipart:: &&
	rm log && git clone -q t.git clone && cmp t/f1*.bin clone/f1*.bin'
check 'has only the one rule' equal "$(rule_for lfs-multipart::)" \
	"$(HOME=$TEST_TMP/other rules config --global)"
check 'the clone was by us' grep 'download of' log
add_file clone new.bin 100K 99
rm -f log
check 'a push from the clone' env HOME="$TEST_TMP/other" \
	git -C clone push -q origin main
check 'was by git-lfs' fails test -e log
check 'the first one gets that by us' sh -c '
	git -C t pull -q origin main && grep "download of" log'
check 'uninstall leaves what is shared' sh -c '
	git lfs-multipart uninstall t | grep "Left as it is: .* in .lfsconfig"'
check 'as it was' equal "$(git config -f t/.lfsconfig lfs.url)" \
	"lfs-multipart::$SERVER/t.git/info/lfs"
check 'uninstall --shared' git lfs-multipart uninstall --shared t
check 'makes the URL a plain one' equal "$SERVER/t.git/info/lfs" \
	"$(git config -f t/.lfsconfig lfs.url)"
check 'and takes the other away' fails git config -f t/.lfsconfig lfs.pushurl
check 'install --shared --uploads' sh -c "cd t &&
	git lfs-multipart install --shared --uploads '$SERVER/t.git' >../said &&
	grep 'this program can neither fetch nor push' ../said &&
	grep 'a push checks no locks' ../said"
check 'it moves' both_ways t
check 'install --shared' sh -c "cd t &&
	git lfs-multipart install --shared '$SERVER/t.git' >../said"
check 'changes that back' downloads_alone t
check 'uninstall --shared' git lfs-multipart uninstall --shared t
git -C t add .lfsconfig
git -C t commit -q -m 'no more'
check 'that git-lfs can use' without_us t
git -C t config lfs.url "$SERVER/x.git/info/lfs"
check 'a URL that overrides .lfsconfig is said' sh -c "cd t &&
	git lfs-multipart install --shared '$SERVER/t.git' 2>&1 |
	grep 'lfs.url is .* in file:.git/config; that value applies here'"

# Passwords are not shown.
SECRET=http://me:secret@${SERVER#*://}
hides () {
	what=$1
	shift
	"$@" >said 2>&1
	check "$what" fails grep -e secret -e me: said
	check 'but what it is about is' grep -F "$about" said
}
about="lfs.url is '$SERVER/x.git/info/lfs'"
git -C t config lfs.url "$SECRET/x.git/info/lfs"
hides 'a password in a URL that overrides .lfsconfig is not shown' sh -c "cd t &&
	git lfs-multipart install --shared '$SERVER/t.git'"
git config -f t/.lfsconfig lfs.url "lfs-multipart::$SECRET/t.git"
about="lfs.url = lfs-multipart::$SERVER/t.git in .lfsconfig"
hides 'nor one in .lfsconfig' git lfs-multipart uninstall t
about="replaced lfs.url = lfs-multipart::$SERVER/t.git"
hides 'nor when that is changed' git lfs-multipart uninstall --shared t
check 'it is still there' equal "$SECRET/t.git" \
	"$(git config -f t/.lfsconfig lfs.url)"
git -C t config "lfs.$SECRET.standalonetransferagent" lfs-multipart
about="removed lfs.$SERVER.standalonetransferagent"
hides 'nor one in a key' git lfs-multipart uninstall --standalone t

# The wrong usage.
wrong () {
	check "wrong: $*" sh -c "cd r && git lfs-multipart install $* 2>../said
		test \$? -eq 129"
}
wrong --standalone --direction both
wrong --shared --global
wrong --global --standalone https://host.example .
wrong --standalone https://host.example . .
fails_as () {
	what=$1
	shift
	check "$what" sh -c "cd r && ! git lfs-multipart install $* 2>../said"
	check 'is said' grep "$what" said
}
fails_as "there is neither a remote nor a directory 'nowhere' here" \
	--standalone nowhere
fails_as "'./nowhere' does not exist" --standalone ./nowhere
fails_as "'nowhere' does not exist" --standalone origin nowhere
fails_as "'nowhere' does not exist" nowhere
fails_as 'is it a directory?' ../said
for option in --standalone --shared
do
	check "$option origin, outside a repository" sh -c "mkdir -p none &&
		cd none && ! git lfs-multipart install $option origin 2>../said"
	check "$option origin: it says that this is none" grep \
		"'origin' is neither a directory nor a URL, and no remote" said
done
fails_as 'leads to no http, https or ssh server' --standalone file:///x.git
fails_as "'ftp://host/x' leads to no http, https or ssh server" \
	--standalone ftp://me:secret@host/x
fails_as "'https://' leads to no http, https or ssh server" \
	--standalone https://
git -C r config --unset lfs.url
fails_as 'leads to no http, https or ssh server' --standalone origin
echo '[lfs' >r/.lfsconfig
fails_as 'cannot read .lfsconfig' --shared https://h.example/x
rm r/.lfsconfig
check 'nothing was written' nothing -C r config --local
mkdir r/.lfsconfig.lock
fails_as "cannot write 'lfs.pushurl' to .lfsconfig" --shared https://h.example/x
rmdir r/.lfsconfig.lock
git -C r config lfs.url https://lfs.example/x
check 'a remote that lfs.url overrides' sh -c '
	cd r && git remote add up https://up.example/x &&
	git lfs-multipart install --shared up 2>../said'
check 'is said' grep 'lfs.url is set' said
check 'no path and no work tree' sh -c '
	cd r.git && ! git lfs-multipart install --shared https://h.example/x \
		2>../said'
check 'is said' grep 'no work tree' said
check 'and nothing was written' fails git -C r.git config --local \
	--get-regexp '^lfs\.'
finish
