#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `prune --objects` removes what git-lfs would remove, but no object that
# the server lacks or that an index names, and whatever is in doubt it keeps.
# shellcheck disable=SC2154,SC2119,SC2120 # versions() sets oid_N
. "${0%/*}/lib.sh"

prune () {
	(cd "${REPO:-r}" && git lfs-multipart prune --objects "$@") \
		>said 2>err
	status=$?
	cat said err
	return $status
}

path_of () {
	echo "${REPO:-r}/.git/lfs/objects/$(echo "$1" |
		sed 's,^\(..\)\(..\),\1/\2/&,')"
}

is_there () {
	test -f "$(path_of "$1")"
}

# Versions 1 to N of a.bin; `oid_N` is the oid of each.
versions () {
	for i in $(seq "$1")
	do
		add_file r a.bin $((i * 1000)) "$i"
		eval "oid_$i=$(oid_of r/a.bin)"
	done
}

start_server
new_repo r
versions 6
check 'all is pushed' git -C r push -q origin main
cp -R r other

check 'a dry run' prune --dry-run
check 'says what would go' equal \
	"$(grep -c '^would remove object [0-9a-f]\{64\}, ' said)" 5
check 'and how much' shows said '^Would free 1[45].* KiB\.$'
check 'and removes nothing' is_there "$oid_1"

# Nobody but this clone has the second.
rm "$(object_at r "$(path_of "$oid_2")")"
kept () {
	is_there "$1" && shows said "^kept object $1, .*: $2"
}

git -C r lfs-multipart install --standalone origin >/dev/null 2>&1
server_faults size,on=batch
check 'at another size' prune
check 'nothing goes' equal "$(grep -c '^kept .* has it with another size$' said)" 4
server_nofaults
server_reset
make_file r/a.bin 4000 4
git -C r add a.bin
git -C r worktree add -q ../tree HEAD 2>/dev/null
make_file tree/a.bin 5000 5
git -C tree add a.bin
check 'it prunes' prune
check 'what the server has' fails is_there "$oid_1"
check 'the last copy stays' kept "$oid_2" 'the server does not have it'
check 'so does what is staged' is_there "$oid_4"
check 'and what is staged in another work tree' is_there "$oid_5"
check 'and the checkout' is_there "$oid_6"
check 'one request asked about them all' equal "$(server_count requests.batch)" 1
check 'and said how much went' shows said '^Freed 3\.9 KiB\.$'

# This is what it is for.
lost () {
	git -C other lfs-multipart install --standalone origin >/dev/null 2>&1
	git -C other config remote.origin.lfsurl "lfs-multipart::$(lfs_url r)"
	git -C other lfs prune --verify-remote >/dev/null 2>&1
	(REPO=other && ! is_there "$oid_2")
}
check 'where git-lfs verifies nothing' lost

git -C r worktree remove --force ../tree
git -C r reset -q --hard
server_faults status=500,on=batch,times=0
lfs_config lfs.transfer.maxretries 1
check 'an answer that is none fails' fails prune
check 'and keeps all' kept "$oid_4" '.*500'
server_nofaults
check 'then it goes' equal "$(prune >/dev/null; echo $?)" 0
check 'all of it' fails is_there "$oid_4"

# JSON, links, and files of others.
add_files r 120
git -C r rm -q '[0-9]*.bin' && git -C r commit -q -m rm &&
	git -C r push -q origin main
first=$(echo r/.git/lfs/objects/*/*/* | tr ' ' '\n' |
	grep -v -e "$oid_2" -e "$oid_6" | head -n 2)
linked=$(echo "$first" | sed -n 1p)
theirs=$(echo "$first" | sed -n 2p)
mv "$linked" moved && ln -s "$TEST_TMP/moved" "$linked"
server_reset
if test "$(id -u)" -eq 0
then
	chown 12345 "$theirs"
else
	rm "$theirs" && mkdir "$theirs"
fi
check 'with many' prune --json
check 'two requests' equal "$(server_count requests.batch)" 2
json () {
	/usr/bin/python3 -c 'if True:
		import json, sys
		j = json.load(open("said"))
		print(eval(sys.argv[1]))' "$1"
}
check 'as JSON' json "all(len(o['oid']) == 64 for o in j['removed'])"
check 'sums are right' equal \
	"$(json "sum(o['size'] for o in j['removed']) == j['freed'] > 0")" True
check 'a link is not followed' test -L "$linked"
check 'nor what it leads to' test -f moved
check 'what is not ours stays' test -e "$theirs"
check 'each has its reason' equal \
	"$(json "all(o['error'] for o in j['kept'])")" True
rm -rf "$linked" "$theirs"

add_file r b.bin 3000 77
oid_b=$(oid_of r/b.bin)
git -C r push -q origin main
git -C r rm -q b.bin && git -C r commit -q -m rm
check 'another object' is_there "$oid_b"

# What git-lfs prints in a form that nobody knows.
mkdir bin
cat >bin/git-lfs <<END
#!/bin/sh
printf 'prune: 3 local objects, 1 retained, done.\n'
printf 'prune: 2 files would be pruned (3 KB)\n'
printf ' * $oid_b (3 KB)\n * <${oid_6}> (6 KB), done.\n'
END
chmod +x bin/git-lfs
odd () {
	fails env PATH="$TEST_TMP/bin:$PATH" git -C r lfs-multipart \
		prune --objects >said 2>err && shows err "cannot be read: .*<$oid_6>"
}
check 'an entry of another form is named' odd
check 'and kept' is_there "$oid_6"
check 'though others go' fails is_there "$oid_b"
sed -i 's/: 2 files/: 4 files/' bin/git-lfs
odd_count () {
	fails env PATH="$TEST_TMP/bin:$PATH" git -C r lfs-multipart \
		prune --objects >said 2>err || return 1
	printf '#!/bin/sh\nexit 3\n' >bin/git-lfs
	fails env PATH="$TEST_TMP/bin:$PATH" git -C r lfs-multipart \
		prune --objects >said 2>err &&
		shows err 'cannot list what git-lfs would remove'
}
check 'a list that is cut, or none, is an error' odd_count
usage () {
	(cd r && git lfs-multipart prune --dry-run 2>../err)
	equal $? 129 && shows err '^.*--dry-run is for --objects'
}
check '--dry-run is for --objects' usage

finish
