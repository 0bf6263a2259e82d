#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `fork --push` pushes what it says and nothing else, carries the objects
# of all that it pushes, and knows beforehand what git would refuse.
. "${0%/*}/lib.sh"

# make_fork NAME [OPTION...]: a clone of up.git, whose objects are at the
# source; its own, NAME.git, is empty and has its objects at the target.
make_fork () {
	name=$1
	shift
	{
		git init -q --bare "$name.git" &&
		GIT_LFS_SKIP_SMUDGE=1 git clone -q -o upstream \
			-c "remote.upstream.lfsurl=$FROM/up.git/info/lfs" \
			"$@" "file://$TEST_TMP/up.git" "$name" &&
		git -C "$name" remote add origin "$TEST_TMP/$name.git" &&
		git -C "$name" config remote.origin.lfsurl "$(lfs_url "$name")"
	} || die "make_fork $name"
}

# In the fork $1; what it says is in `out` and `err`.
run_fork () {
	repo=$1
	shift
	(cd "$repo" && exec timeout 60 "$AGENT" fork "$@") >out 2>err
}

# status_of COMMAND...: fails with its status, for `equal`.
status_of () {
	"$@"
	echo $?
}

# How many objects the target has of a fork.
count_objects () {
	find "$ROOT/$1/objects" -type f | wc -l
}

start_server
FROM=$SERVER
SOURCE_ROOT=$ROOT
new_repo up
for i in 1 2 3 4
do
	add_file up data.bin $((i * 1000)) "$i"
done
git -C up push -q origin main || die 'push'
start_server

# Git pushes the history as it is, whatever stands in for it here.
make_fork replaced
git -C replaced replace --graft HEAD
check 'a history cut by git replace' run_fork replaced --push main
check 'a history cut by git replace: what is pushed has its objects' \
	equal "$(count_objects replaced)" 4
make_fork grafted
git -C grafted rev-parse HEAD >grafted/.git/info/grafts
check 'a history cut by a grafts file' run_fork grafted --push main
check 'a history cut by a grafts file: what is pushed has its objects' \
	equal "$(count_objects grafted)" 4
check 'a history cut by a grafts file: all of it is pushed' \
	equal "$(git -C grafted.git rev-list --count main)" 5
check 'git says nothing of grafts' fails grep -i deprecated err

# All that upstream has, and nothing of what is only here.
refs_of () {
	git -C "$1.git" for-each-ref --format='%(refname) %(objectname)' \
		refs/heads refs/tags
}
git -C up branch a/b main~2
git -C up tag -a -m one v1 main~1
git -C up checkout -q --detach
add_file up data.bin 5000 5
git -C up tag hidden
git -C up checkout -q -b dev main~1
add_file up data.bin 6000 6
git -C up push -q origin dev a/b v1 hidden || die 'push'

# make_mine NAME: a fork that has a branch and a tag of its own.
make_mine () {
	make_fork "$@"
	git -C "$1" branch mine
	git -C "$1" tag mine
}
make_mine all --single-branch --no-tags
check 'all' run_fork all --all --push
check 'all: what upstream has, and nothing else' \
	equal "$(refs_of all)" "$(refs_of up)"
check 'all: with the objects of each' equal "$(count_objects all)" 6
check 'all: no ref is made here' \
	equal "$(git -C all for-each-ref | grep -c hidden)" 0
check 'all, again' run_fork all --all --push --json
check 'all, again: nothing is left' grep -q '"not_pushed":\[\]' out

# A push takes no branch back, whatever this clone last saw of it.
git -C up branch older main~1
git -C up push -q origin older
make_fork back
git -C back fetch -q upstream
git -C up push -q origin main:older
check 'a branch that has moved on' run_fork back --all --push
check 'a branch that has moved on: here, too' \
	equal "$(git -C back rev-parse upstream/older)" \
	"$(git -C up rev-parse main)"
git -C back update-ref refs/remotes/upstream/older upstream/main~2
check 'a push that would take a branch back' \
	equal "$(status_of run_fork back --push upstream/older --json)" 1
check 'it would take a branch back: that is left as it is' \
	equal "$(git -C back.git rev-parse older)" "$(git -C up rev-parse main)"
check 'it would take a branch back: it says so' grep -q \
	"'refs/heads/older' cannot be pushed to origin: the remote is ahead, this push would take the branch back; nothing needs to be pushed, as origin has all of these commits and more (fork without --push carries objects that it may lack, --force takes the branch back)" err
check 'it would take a branch back: in JSON' grep -q \
	'"not_pushed":\[{"ref":"refs/heads/older","error":"the remote is ahead' out
check 'it takes a branch back by force' \
	run_fork back --push --force upstream/older
check 'it takes a branch back by force: that is older' \
	equal "$(git -C back.git rev-parse older)" \
	"$(git -C up rev-parse main~2)"
git -C up push -q origin :older
git -C up branch -q -D older

# The target has another dev, and another v1.
other () {
	git -C "$1.git" update-ref refs/heads/dev "$(git -C up rev-parse hidden)"
	git -C "$1.git" update-ref refs/tags/v1 "$(git -C up rev-parse a/b)"
}
make_mine other
git -C other push -q --no-verify origin upstream/main:refs/heads/main \
	upstream/main:refs/heads/gone
git -C up push -q --no-verify "$TEST_TMP/other.git" hidden~0:refs/heads/x
git -C other.git update-ref -d refs/heads/x
git -C other.git update-ref -d refs/heads/gone
other other
before=$(refs_of other | grep -e dev -e v1)
check 'the target has two of them otherwise' \
	equal "$(status_of run_fork other --all --push)" 1
check 'they are left as they were' \
	equal "$(refs_of other | grep -e dev -e v1)" "$before"
check 'the others are pushed' equal "$(refs_of other | grep -v -e dev -e v1)" \
	"$(refs_of up | grep -v -e dev -e v1)"
check 'how many are pushed, and then how many are not' equal \
	"$(sed -n 's/^\(.*pushed\)  *\([0-9]* [a-z ]*\).*/\1 \2/p' out)" \
	"pushed $(refs_of up | grep -c -v -e dev -e v1) branches and tags
not pushed 2 branches and tags "
check 'they are listed with why: a branch' grep -q \
	'^  refs/heads/dev  the remote has other commits (non-fast-forward)$' out
check 'they are listed with why: a tag' grep -q \
	'^  refs/tags/v1  the remote has another one (already exists)$' out
check 'that is known beforehand' grep -q "'refs/tags/v1' is not pushed" err
check 'what only they need is not carried' equal "$(count_objects other)" 5
check 'in JSON' equal "$(status_of run_fork other --all --push --json)" 1
check 'in JSON: they are listed' \
	grep -q '"not_pushed":\[{"ref":"refs/heads/dev","error":"the remote has' out

# By force, but only over what has been seen.
check 'by force, over what was not seen' \
	equal "$(status_of run_fork other --all --push --force)" 1
check 'by force, over what was not seen: that is left' \
	grep -q '^  refs/heads/dev  the remote has changed since the last fetch' out
check 'by force: a tag is another' equal "$(refs_of other | grep v1)" \
	"$(refs_of up | grep v1)"
git -C other fetch -q origin
check 'by force' run_fork other --all --push --force
check 'by force: all is as upstream has it' \
	equal "$(refs_of other)" "$(refs_of up)"

# Nothing moves for a push that cannot be.
make_mine none
git -C up push -q --no-verify "$TEST_TMP/none.git" hidden~0:refs/heads/main
git -C none.git update-ref refs/heads/dev main
git -C none.git update-ref refs/heads/a/b main
git -C none.git update-ref refs/tags/v1 main
git -C none.git update-ref refs/tags/hidden main~4
check 'all of them are other at the target' \
	equal "$(status_of run_fork none --all --push)" 1
check 'all of them: it says so' grep -q -e '--force overwrites them' err
check 'all of them: nothing moves' fails test -e "$ROOT/none/objects"

check 'a lease that does not hold' \
	equal "$(status_of run_fork none --push upstream/main)" 1
check 'a lease that does not hold: it says so' \
	grep -q 'the remote has changed since the last fetch (stale info)' err
check 'a lease that does not hold: nothing moves' \
	fails test -e "$ROOT/none/objects"
git -C none fetch -q origin
check 'a lease that holds' run_fork none --push upstream/dev
check 'a lease that holds: it is pushed over what was there' \
	equal "$(git -C none.git rev-parse dev)" "$(git -C up rev-parse dev)"

make_fork mirror
git -C mirror config remote.origin.mirror true
check 'a mirror' equal "$(status_of run_fork mirror --push upstream/main)" 1
check 'a mirror: it says so' grep -q 'cannot push to origin: .*--mirror' err
check 'a mirror: nothing moves' fails test -e "$ROOT/mirror/objects"

make_fork nowhere
rm -r nowhere.git
check 'no such target' equal "$(status_of run_fork nowhere --push main)" 1
check 'no such target: it says so, in lines that can be told apart' grep -q \
	'cannot push to origin: fatal: .* repository; fatal: [^;]*repository$' err

make_fork remotes
git -C remotes remote remove upstream
check 'no remote upstream' \
	equal "$(status_of run_fork remotes --all --push)" 1
check 'no remote upstream: what to do' \
	grep -q "there is no remote 'upstream'; name one with --from" err
check 'no remote upstream, only an LFS server' \
	equal "$(status_of run_fork remotes --all --push \
		--from-lfs "$FROM/up.git/info/lfs")" 1
check 'no remote upstream, only an LFS server: what to do' \
	grep -q "branches and tags of 'upstream': .*; --from names" err
git -C remotes remote remove origin
check 'no remote origin' equal "$(status_of run_fork remotes --push main \
	--from-lfs "$FROM/up.git/info/lfs")" 1
check 'no remote origin: what to do' \
	grep -q "there is no remote 'origin'; name one with --to" err

make_fork detached
git -C detached checkout -q --detach
check 'a detached HEAD' equal "$(status_of run_fork detached --push)" 1
check 'a detached HEAD: what to do' grep -q \
	"HEAD is detached and not a branch: name one, such as upstream/main" err

make_fork shallow --depth 2 --no-single-branch
check 'a shallow clone' equal "$(status_of run_fork shallow --push main)" 1
check 'a shallow clone: it says so' grep -q 'it is shallow' err
check 'a shallow clone: nothing moves' fails test -e "$ROOT/shallow/objects"
git -C up push -q --no-verify "$TEST_TMP/shallow.git" main~1:refs/heads/main
git -C shallow fetch -q --depth 2 origin main
git -C shallow fetch -q origin
check 'a shallow clone, cut off where the target goes on' \
	run_fork shallow --push main

# A push sends large blobs, too: what a partial clone lacks comes in one fetch.
cat >upload-pack <<EOF
#!/bin/sh
echo >>"$TEST_TMP/fetches"
exec git-upload-pack "\$@"
EOF
chmod +x upload-pack
git -C up.git config uploadpack.allowFilter true
git -C up checkout -q main
for i in 1 2 3
do
	head -c 20000 /dev/urandom >up/plain
	git -C up add plain && git -C up commit -q -m "plain $i"
done
git -C up push -q --no-verify origin main
make_fork partial -n --filter=blob:limit=10k
git -C partial config remote.upstream.uploadpack "$TEST_TMP/upload-pack"
check 'a partial clone' run_fork partial --push upstream/main
check 'a partial clone: one fetch' equal "$(wc -l <fetches)" 1
check 'a partial clone: all is pushed' git -C partial.git rev-list --objects main

# Not all that it lacks is as large as the filter in its config says.
make_fork mixed -n --filter=blob:limit=1m
add_file up data.bin 7000 7
git -C up push -q origin main || die 'push'
git -C mixed fetch -q --filter=blob:none upstream
check 'a partial clone by two filters' run_fork mixed --push upstream/main
check 'a partial clone by two filters: what is pushed has its objects' \
	equal "$(count_objects mixed)" 5

# git's messages reach the person, but not the JSON.
make_fork said
mkdir said/hooks
cat >said/hooks/pre-push <<'EOF'
#!/bin/sh
echo 'a hook says this'
exec git lfs pre-push "$@"
EOF
cat >said.git/hooks/pre-receive <<'EOF'
#!/bin/sh
echo 'main is protected'
exit 1
EOF
chmod +x said/hooks/pre-push said.git/hooks/pre-receive
git -C said config core.hooksPath hooks
git -C said.git config core.hooksPath hooks
check 'a push that the server refuses' \
	equal "$(status_of run_fork said --push --json --quiet main)" 1
check 'what a hook says is seen' grep -q '^a hook says this$' err
check 'what the server says is seen' grep -q 'main is protected' err
check 'the reason is the true one' grep -q \
	'the objects are there, but origin did not take the push' err
check 'the JSON is alone' grep -q '^{.*"pushed":false.*}$' out
check 'the JSON is alone: one line' equal "$(wc -l <out)" 1
check 'what the server refused is listed with why' grep -q \
	'"not_pushed":\[{"ref":"refs/heads/main","error":"the remote refuses it (pre-receive hook declined)"}\]' out
rm said.git/hooks/pre-receive
cat >said.git/hooks/update <<'EOF'
#!/bin/sh
test "$1" != refs/heads/dev
EOF
chmod +x said.git/hooks/update
check 'a push that the server refuses in part' \
	equal "$(status_of run_fork said --push main upstream/dev)" 1
check 'in part: the other one is pushed' \
	equal "$(git -C said.git for-each-ref --format='%(refname)')" \
	refs/heads/main
check 'in part: the one refused is listed with why' equal \
	"$(sed -n '/^not pushed/,$p' out | tr -s ' \n' ' ')" \
	'not pushed 1 branch or tag: refs/heads/dev the remote refuses it (hook declined) '
check 'in part: what a hook says is seen' grep -q '^a hook says this$' err
printf '#!/bin/sh\nexit 1\n' >said/hooks/pre-push
check 'a push that a hook here refuses' equal \
	"$(status_of run_fork said --push --json main upstream/dev v1)" 1
check 'a hook here: each that is not there is listed' equal \
	"$(grep -o '"ref":"[^"]*"' out | tr '\n' ' ')" \
	'"ref":"refs/heads/dev" "ref":"refs/tags/v1" '

# Nothing is pushed if an object is missing.
lost=$(git -C up show main~1:data.bin | sed -n 's/^oid sha256://p')
lost=$(find "$SOURCE_ROOT" -name "$lost" -type f)
mv "$lost" lost
make_fork lacking
check 'an object is missing' \
	equal "$(status_of run_fork lacking --push --json main upstream/dev)" 1
mv lost "$lost"
check 'an object is missing: nothing is pushed, and all is listed' equal \
	"$(grep -o '"ref":"[^"]*","error":"not pushed, as ' out | wc -l)" 2

# A remote with a slash in its name.
make_fork slash
git -C slash remote rename upstream up/stream >/dev/null
check 'a remote up/stream' run_fork slash --from up/stream --push up/stream/dev
check 'a remote up/stream: the branch is dev' \
	equal "$(git -C slash.git for-each-ref --format='%(refname)')" \
	refs/heads/dev

# In standalone mode git-lfs's hook asks no server which objects it has.
for how in agent url
do
	make_fork "alone-$how"
	case $how in
	agent) git -C "alone-$how" config \
		"lfs.$SERVER.standalonetransferagent" lfs-multipart;;
	url) git -C "alone-$how" config remote.origin.lfsurl \
		"lfs-multipart::$(lfs_url "alone-$how")";;
	esac
	git -C "alone-$how" config lfs.lfs-multipart::.standalonetransferagent \
		lfs-multipart
	git -C "alone-$how" config lfs.customtransfer.lfs-multipart.path "$AGENT"
	git -C "alone-$how" config lfs.customtransfer.lfs-multipart.args agent
	check "standalone, $how: it is pushed" \
		run_fork "alone-$how" --push upstream/main
	check "standalone, $how: all is there" equal \
		"$(count_objects "alone-$how")" \
		"$(git -C up log -p main | grep '^+oid' | sort -u | wc -l)"
	check "standalone, $how: and the branch" equal \
		"$(git -C "alone-$how.git" rev-parse main)" \
		"$(git -C up rev-parse main)"
done
finish
