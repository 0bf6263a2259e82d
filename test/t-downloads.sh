#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `install --standalone` takes over the downloads of the remotes that are
# meant, whatever names their LFS server; `uninstall` brings back what was there;
# and what an earlier set-up costs is said.
. "$(dirname "$0")/lib.sh"

H=https://h.example
N=0
# made KEY VALUE...: a repository rN with these keys, and what it had
made () {
	N=$((N + 1))
	R=r$N
	git init -q "$R"
	while test $# -gt 0
	do
		git -C "$R" config "$1" "$2"
		shift 2
	done
	urls >before
}

# The keys that name servers.
urls () {
	git -C "$R" config --local --get-regexp \
		'^(remote\..*url|lfs\.(push)?url)(before)?$' | sort
}

# installs WHAT ARGUMENT...: `install --standalone` in that repository
installs () {
	what=$1
	shift
	check "$what: install" sh -c "cd $R && git lfs-multipart install \
		--standalone $* >../said 2>&1"
}

# has KEY VALUE...: just these keys were added or changed
has () {
	{
		while test $# -gt 0
		do
			echo "$1 $2"
			shift 2
		done
	} | sort >wanted
	urls | comm -13 before - >added
	check "$what: the keys" cmp wanted added
}

# gone ARGUMENT...: `uninstall` brings back what there was
gone () {
	check "$what: uninstall" sh -c "cd $R && git lfs-multipart uninstall $* \
		>../said"
	urls >after
	check "$what: is as before" cmp before after
	check "$what: without a rule" sh -c "test '$*' || ! git -C $R config \
		--local --get-regexp 'standalonetransferagent|customtransfer'"
}

made remote.origin.url $H/me/r remote.up.url $H/up/r.git
installs 'a remote' origin
has remote.origin.lfspushurl $H/me/r.git/info/lfs \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs
check 'who moves what is said' shows said \
	'^origin: this program downloads, git-lfs uploads\.$'
check 'the cure for locks is said' shows said \
	"git -c remote.origin.lfsurl=$H/me/r.git/info/lfs lfs locks"
check 'that prune lies is said once' equal 1 "$(grep -c 'verifies nothing' said)"
check 'there is one rule' equal 'lfs.lfs-multipart::.standalonetransferagent' \
	"$(git -C "$R" config --name-only --get-regexp standalonetransferagent)"
check 'uploads can be of the transfer multipart' equal upload \
	"$(git -C "$R" config lfs.customtransfer.multipart.direction)"
installs 'again' origin
check 'again: it is so already' grep '^Already set up' said
has remote.origin.lfspushurl $H/me/r.git/info/lfs \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs
git -C "$R" remote set-url origin $H/me/new
installs 'another URL of the remote' origin
check 'another URL of the remote: is found' equal \
	lfs-multipart::$H/me/new.git/info/lfs \
	"$(git -C "$R" config remote.origin.lfsurl)"
git -C "$R" remote set-url origin $H/me/r
gone

what='uninstall of one'
installs "$what" origin
installs "$what" up
check "$what: uninstall" sh -c "cd $R && git lfs-multipart uninstall \
	--standalone up"
has remote.origin.lfspushurl $H/me/r.git/info/lfs \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs
gone --standalone $H/me

what='the default remote'
installs "$what"
has remote.origin.lfspushurl $H/me/r.git/info/lfs \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs
gone

what='a URL'
installs "$what" $H/up
has remote.up.lfspushurl $H/up/r.git/info/lfs \
	remote.up.lfsurl lfs-multipart::$H/up/r.git/info/lfs
gone
what='the rule of all'
installs "$what" origin
gone --standalone lfs-multipart::
what='a new name'
installs "$what" origin
check 'a new name: rename' git -C "$R" remote rename origin other
check 'a new name: status' sh -c "cd $R && git lfs-multipart status |
	grep '^other: this program downloads, git-lfs uploads'"
git -C "$R" remote rename other origin
gone --standalone origin
what='a URL of two'
installs "$what" $H
has remote.origin.lfspushurl $H/me/r.git/info/lfs \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs \
	remote.up.lfspushurl $H/up/r.git/info/lfs \
	remote.up.lfsurl lfs-multipart::$H/up/r.git/info/lfs
gone
check 'a URL of none' sh -c "cd $R && ! git lfs-multipart install \
	--standalone https://other.example 2>../said"
check 'a URL of none: is said' grep \
	"no remote here leads to 'https://other.example'; name a remote, or" said

made remote.origin.url $H/me/r remote.origin.pushurl git@p.example:me/r
installs 'another server for uploads' origin
has remote.origin.lfspushurl git@p.example:me/r \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs
gone

made remote.origin.url ssh://git@h.example:22/me/r
installs 'ssh' ssh://git@h.example:22/me/r
has remote.origin.lfspushurl ssh://git@h.example:22/me/r \
	remote.origin.lfsurl lfs-multipart::ssh://git@h.example:22/me/r
gone
made remote.origin.url git@h.example:me/r
installs 'host:path' origin
has remote.origin.lfspushurl git@h.example:me/r \
	remote.origin.lfsurl lfs-multipart::git@h.example:me/r
check 'host:path: the user is shown' grep \
	'lfsurl = lfs-multipart::git@h.example:me/r$' said
gone

git config --global --unset lfs.locksverify
L=lfs.$H/me/r.git
made remote.origin.url git@h.example:me/r $L/info/lfs.locksverify true
installs 'locks by ssh' origin
check 'locks by ssh: git-lfs still checks them' equal true \
	"$(git -C "$R" config lfs.$H/me/r.locksverify)"
gone
check 'locks by ssh: the copy is gone' fails git -C "$R" config \
	lfs.$H/me/r.locksverify
made remote.origin.url git@h.example:me/r.git $L/info/lfs.locksverify false
installs 'locks by ssh, .git' origin
check 'locks by ssh, .git: is copied' equal false \
	"$(git -C "$R" config $L.locksverify)"
git -C "$R" config $L.locksverify true
installs 'locks by ssh, .git' origin
gone
check 'locks by ssh, .git: what a person has changed stays' equal true \
	"$(git -C "$R" config $L.locksverify)"
made remote.origin.url git@h.example:me/r lfs.$H.locksverify true
installs 'locks of all' origin
check 'locks of all: need no copy' fails git -C "$R" config \
	lfs.$H/me/r.locksverify
gone

made remote.origin.url mine:me/r url.$H/.insteadOf mine: \
	url.git@h.example:.pushInsteadOf mine:
installs 'an alias' origin
has remote.origin.lfspushurl mine:me/r \
	remote.origin.lfsurl lfs-multipart::mine:me/r.git/info/lfs
check 'an alias: git-lfs and the agent go where they went' sh -c "
	cd $R && '$BUILD/test/tool/endpoint' download | grep '^$H/me/r.git/info/lfs'"
gone

made remote.origin.url /nowhere remote.origin.lfsurl $H/own \
	remote.origin.lfspushurl $H/push
installs 'keys of before' origin
has remote.origin.lfsurlbefore $H/own remote.origin.lfspushurlbefore $H/push \
	remote.origin.lfsurl lfs-multipart::$H/own
installs 'keys of before' origin
has remote.origin.lfsurlbefore $H/own remote.origin.lfspushurlbefore $H/push \
	remote.origin.lfsurl lfs-multipart::$H/own
gone
made remote.origin.url /nowhere \
	remote.origin.lfsurl lfs-multipart::$H/own
what='by hand'
check "$what: uninstall" sh -c "cd $R && git lfs-multipart uninstall"
has remote.origin.lfsurl $H/own

made remote.origin.url $H/me/r lfs.url $H/all remote.up.url $H/up
installs 'lfs.url' origin
has lfs.url lfs-multipart::$H/all lfs.pushurl $H/all lfs.urlbefore $H/all
check 'lfs.url: is said' grep '^All remotes: this program downloads' said
gone
made remote.origin.url $H/me/r lfs.url $H/all lfs.pushurl $H/push
installs 'lfs.pushurl' $H/all
has lfs.url lfs-multipart::$H/all lfs.urlbefore $H/all \
	lfs.pushurlbefore $H/push
gone --standalone $H/all
made remote.origin.url $H/me/r
git config -f $R/.lfsconfig lfs.url $H/file
installs '.lfsconfig' origin
has lfs.url lfs-multipart::$H/file lfs.pushurl $H/file
gone
git config -f $R/.lfsconfig lfs.url lfs-multipart::$H/file
installs 'an older .lfsconfig' origin
has lfs.url lfs-multipart::$H/file lfs.pushurl $H/file
gone
git config -f $R/.lfsconfig lfs.pushurl $H/file
installs '.lfsconfig with both' origin
has
check '.lfsconfig with both: status' sh -c "cd $R &&
	git lfs-multipart status >../said"
check '.lfsconfig with both: is right' sh -c "
	grep '^All remotes: this program downloads, git-lfs uploads' said &&
	! grep '^But' said"

# What an earlier version wrote leaves uploads to this program, too.
cost='a push checks no locks of others'
made remote.origin.url $H/me/r \
	lfs.$H/me/r.git/info/lfs.standalonetransferagent lfs-multipart
installs 'an old rule' origin
check 'an old rule: is removed' grep \
	"^removed lfs.$H/me/r.git/info/lfs.standalonetransferagent" said
check 'an old rule: so it costs nothing' fails grep "$cost" said
gone
git -C "$R" config lfs.$H/me/r.git/info/lfs.standalonetransferagent lfs-multipart
installs 'an old rule of the default remote'
check 'an old rule of the default remote: is removed' grep ^removed.*me/r said
made remote.origin.url $H/me/r lfs.$H.standalonetransferagent lfs-multipart
installs 'a wider old rule' origin
check 'a wider old rule: what it costs is said' shows said \
	"warning: lfs.$H.standalonetransferagent is .* uploads go .* $cost"
check 'a wider old rule: how it ends is said' shows said \
	".git config --unset lfs.$H.standalonetransferagent., with"
installs 'a wider old rule that is named' $H
check 'a wider old rule: is removed then' fails grep "$cost" said

made remote.origin.url https://me:secret@h.example/r
installs 'a password' origin
check 'a password: is not shown' fails grep -e secret -e me: said
check 'a password: is kept' equal \
	lfs-multipart::https://me:secret@h.example/r.git/info/lfs \
	"$(git -C "$R" config remote.origin.lfsurl)"

# What status says.
told () {
	(cd "$R" && git lfs-multipart status "$@") >said
}
made remote.origin.url $H/me/r remote.up.url $H/up
check 'status of neither' told
check 'status of neither: says nothing of it' equal 1 "$(grep -c . said)"
installs status origin
check 'status' told
check 'status: who moves what' grep \
	'^origin: this program downloads, git-lfs uploads\.$' said
check 'status: the cure' grep \
	"git -c remote.origin.lfsurl=$H/me/r.git/info/lfs lfs locks$" said
check 'status: only that' equal 3 "$(grep -c . said)"
git -C "$R" remote set-url origin $H/me/new
check 'status after another URL' told
check 'status after another URL: says so' shows said \
	'^But not from the server .* install --standalone origin. follows it'
git -C "$R" remote set-url origin $H/me/r
git -C "$R" config --unset lfs.lfs-multipart::.standalonetransferagent
check 'status without the rule' told
check 'status without the rule: says so' shows said \
	'^But git-lfs does not know .* --global --standalone lfs-multipart::'
installs 'status again' origin
check 'status --json' told --json
echo '[{"remote":"origin","downloads":"lfs-multipart","uploads":"git-lfs",'\
'"key":"remote.origin.lfsurl","url":"'$H'/me/r.git/info/lfs"},'\
'{"remote":"up","downloads":"git-lfs","uploads":"git-lfs"}]}' >wanted
check 'status --json: has the remotes' equal "$(cat wanted)" \
	"$(sed 's/.*"remotes"://' said)"
git -C "$R" config "lfs.$H/up.standalonetransferagent" lfs-multipart
check 'status of an older set-up' told
check 'status of an older set-up: what it costs' shows said \
	"^So $cost.*; .git lfs-multipart install --standalone up. leaves uploads"
check 'status of an older set-up: has both directions' grep \
	'^up: this program downloads and uploads\.$' said

git -C "$R" config --unset "lfs.$H/up.standalonetransferagent"
lfs_config lfs.standalonetransferagent lfs-multipart
check 'status of an older set-up for all' told
check 'status of an older set-up for all: how it ends' shows said \
	"^So $cost.*; .git config --unset lfs.standalonetransferagent., with --g"
check 'plain install over that' sh -c "cd $R &&
	git lfs-multipart install >../said && grep '^So $cost' ../said"

git config --global --unset lfs.standalonetransferagent

# Both directions.
made remote.origin.url $H/me/r
installs '--uploads' --uploads origin
has
check '--uploads: what it costs is said' grep "$cost" said
check '--uploads: it is asked for' fails grep 'can be had in a clone' said
installs 'from both to one' origin
has remote.origin.lfspushurl $H/me/r.git/info/lfs \
	remote.origin.lfsurl lfs-multipart::$H/me/r.git/info/lfs
check 'from both to one: costs nothing' fails grep "$cost" said
installs 'from one to both' --uploads origin
has
check 'from one to both: costs' grep "$cost" said
gone
check '--global' sh -c 'git lfs-multipart install --global --standalone >said'
check '--global: is both directions' grep "$cost" said
check '--global: the alternative is said' grep 'can be had in a clone' said
git lfs-multipart uninstall --global >/dev/null
check '--uploads alone' sh -c "cd $R && git lfs-multipart install --uploads
	test \$? -eq 129"

# The Hub prefers another agent.
lfs_config lfs.customtransfer.xet.path git-xet
installs 'git-xet' origin
check 'git-xet: is said' grep \
	"lfs.customtransfer.xet.path is 'git-xet' in .*; Hugging Face prefers" \
	said
check 'git-xet: plain install' sh -c "cd $R && git lfs-multipart install 2>&1 |
	grep 'Hugging Face prefers'"
finish
