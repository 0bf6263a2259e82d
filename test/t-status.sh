#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `status` shows what a killed transfer has left, `prune` removes it but
# not what is being moved, and what is old goes by itself.
. "$(dirname "$0")/lib.sh"

# The agents by way of a script that notes their process ids.
cat >noted <<END
#!/bin/sh
echo \$\$ >>'$TEST_TMP/pids'
exec '$AGENT' "\$@"
END
chmod +x noted
use_agent both
lfs_config lfs.customtransfer.multipart.path "$TEST_TMP/noted"
lfs_config lfs.concurrenttransfers 1
lfs_config lfsmultipart.connections 2
lfs_config lfsmultipart.partSize 1m
start_server --chunk-size 200000 --rate 400000 --pick-download
new_repo r
MULTIPART=$TEST_TMP/r/.git/lfs/multipart

# json COMMAND EXPRESSION: of its output, called j
json () {
	(cd r && git lfs-multipart "$1" --json) >json.out || return 1
	/usr/bin/python3 -c 'if True:
		import json, sys
		j = json.load(open("json.out"))
		print(eval(sys.argv[1]))' "$2"
}

first () {
	json status "j['unfinished'][0]$1"
}

status_is () {
	(cd r && git lfs-multipart status) >said || return 1
	cat said
	grep "$1" said
}

prune () {
	(cd r && git lfs-multipart prune "$@") >said
	status=$?
	cat said
	return $status
}

# Run git-lfs in the background until something of an object is done.
begin () {
	: >pids
	(cd r && exec git-lfs "$@") >lfs.out 2>&1 &
	pid=$!
	until test "$(json status \
		"sum(i['done'] for i in j['unfinished'])")" -gt 0
	do
		kill -0 "$pid" || return 1
	done
}

kill_agents () {
	while read -r each
	do
		kill -9 "$each"
	done <pids
	wait "$pid" 2>/dev/null
	:
}

check 'at first there is nothing' status_is '^There is no unfinished transfer'
check 'nor as JSON' equal '[]' "$(json status "j['unfinished']")"
check 'that names the place' equal "$MULTIPART" "$(json status "j['storage']")"
check 'nor anything to remove' equal 'There was nothing to remove.' "$(prune)"

git -C r config lfs.url "http://me:secret@${SERVER#*://}/r.git/info/lfs"
add_file r a.bin 6M
oid=$(oid_of r/a.bin)
short=$(echo "$oid" | cut -c 1-12)
check 'an upload is under way' begin push origin main
check 'status says so' status_is "^$short  upload .* of 6.0 MiB .* moving  $MULTIPART/$oid-.*upload$"
check 'in use' equal True "$(first "['in_use']")"
prune >pruned
check 'prune keeps it' grep "^kept upload of $short.*at work on it" pruned
check 'and removes nothing' grep 'nothing to remove' pruned
kill_agents
check 'killed, it is stopped' status_is "^$short  upload .* stopped "
check 'columns are below their titles' sh -c "awk '
	NR == 1 { at = index(\$0, \"STATE\") }
	NR == 2 { exit substr(\$0, at, 7) != \"stopped\" }' said"
check 'the object as JSON' equal "$oid upload 6291456 False" \
	"$(json status "'{oid} {direction} {size} {in_use}'.format(
		**j['unfinished'][0])")"
check 'whole parts are done' equal 0 "$(first "['done'] % 200000")"
check 'some, not all' sh -c "test $(first "['done']") -gt 0 -a \
	$(first "['done']") -lt 6291456"
check 'as many as the server has' sh -c "test $(first "['done'] // 200000") -le \
	$(server_count requests.part)"
check 'percent' equal True "$(first "['percent'] == \
	j['unfinished'][0]['done'] * 100 // 6291456")"
check 'where to' equal "$(lfs_url r)" "$(first "['server']")"
check 'no secret is shown' fails grep -i signature json.out
check 'nor is the password in the URL' fails grep -e secret -e me: json.out
check 'which no journal keeps' fails grep -q -a -r 'me:secret' "$MULTIPART"
check 'touched just now' at_most "$(first "['age']")" 60
check 'it is not removed before its time' equal 'There was nothing to remove.' \
	"$(prune --older-than 1)"
check 'prune' equal 1 "$(json prune "len(j['removed'])")"
check 'removes it' fails test -e "$MULTIPART/$oid"-*
check 'status is empty' status_is '^There is no unfinished transfer'
check 'the push is right nevertheless' git -C r push -q origin main
check 'all of it' server_has r r/a.bin
check 'a completed upload is no unfinished one' status_is '^There is no '
server_reset

rm -rf r/.git/lfs/objects
check 'a download is under way' begin fetch origin main
check 'status says so' status_is "^$short  download .* moving  $MULTIPART/$oid.partial$"
prune >pruned
check 'prune keeps it' grep "^kept download of $short" pruned
check 'its files are there' test -e "$MULTIPART/$oid.partial" -a \
	-e "$MULTIPART/$oid.journal"
kill_agents
check 'killed, it is stopped' status_is "^$short  download .* stopped "
done_before=$(first "['done']")
server_reset
check 'some is done' test "$done_before" -gt 0
check 'the next fetch goes on' git -C r lfs fetch origin main
check 'with what status had said' at_most \
	"$(server_count bytes_out.get)" $((6291456 - done_before + 100000))
check 'nothing is left' status_is '^There is no unfinished transfer'

rm -rf r/.git/lfs/objects
check 'another download is under way' begin fetch origin main
kill_agents
disk=$(du -k -c "$MULTIPART/$oid".* | tail -n 1 | cut -f 1)
check 'a copy for later' cp -r "$MULTIPART" copy
check 'prune as JSON' json prune "j['freed']"
check 'says how much that freed' equal $((disk * 1024)) \
	"$(/usr/bin/python3 -c 'import json
print(json.load(open("json.out"))["freed"])')"
check 'both files are gone' sh -c "! ls '$MULTIPART' | grep ${oid}[.]"

restore () {
	rm -rf "$MULTIPART"
	cp -r copy "$MULTIPART"
}

aged () {
	restore
	touch -d "$1" "$MULTIPART/$oid".*
}

restore
prune >pruned
check 'prune as text' grep "^removed download of $short, 6.* MiB$" pruned
check 'says how much, too' grep '^Freed 6.* MiB' pruned
aged '3 days ago'
check 'an age' status_is ' 3 days  stopped '
check 'as JSON' equal 3 "$(first "['age'] // 86400")"
prune --older-than 4
check 'younger than was asked for stays' status_is 'stopped'
prune --older-than 2
check 'older does not' status_is '^There is no '

# The object came in another way, as from another user of a shared storage.
restore
object=r/.git/lfs/objects/$(echo "$oid" | sed 's|\(..\)\(..\).*|\1/\2|')/$oid
mkdir -p "${object%/*}"
cp r/a.bin "$object"
check 'the object is there: what is unfinished is unneeded' status_is \
	"^$short  download .* unneeded "
check 'it says what to do' grep -q 'objects that are here.*prune. removes' said
check 'it is so in JSON' equal unneeded "$(first "['state']")"
echo shorter >"$object"
check 'a file of another size is not the object' status_is ' stopped '
check 'and it says nothing' fails grep -q prune said
rm "$object"

restore
head -c 100 /dev/urandom >"$MULTIPART/$oid.journal"
check 'a journal that cannot be read' status_is "download  *-  *- .* damaged "
check 'has no numbers' equal False "$(first '.keys() >= {"size"}')"
check 'and is removed with its file' equal 1 "$(json prune "len(j['removed'])")"
check 'both' sh -c "! ls '$MULTIPART' | grep ${oid}[.]"

# Files that git-lfs was given and did not take.
restore
rm "$MULTIPART/$oid".*
truncate -s 6M "$MULTIPART/$oid.AbC123"
check 'a download that was not taken' status_is \
	"^$short  download *6.0 MiB of 6.0 MiB  100 .* finished  .*AbC123$"
prune >pruned
check 'is removed' grep "^removed download of $short" pruned

# Files that belong to no transfer must be a day old.
login=$MULTIPART/credential-$(id -u)
mkdir -p "$login"
touch "$MULTIPART/$oid.partial.AbC123" "$MULTIPART/$oid.partial" \
	"$login/lock" "$login/failed" "$login/of-a-later-version"
touch "$MULTIPART/$oid.other-file" "$MULTIPART/notes"
check 'what an agent did alone is a transfer' status_is \
	"^$short  download *0 B of 0 B .* stopped .*partial.AbC123$"
check 'and goes' equal 1 "$(json prune "len(j['removed'])")"
check 'new ones are no transfers' status_is '^There is no unfinished transfer'
check 'nor are they removed' equal 'There was nothing to remove.' "$(prune)"
touch -d '2 days ago' "$login"/* "$login" "$MULTIPART"/*
check 'prune does not fail' prune --older-than 0
mv "$CHECK_OUT" pruned
check 'old ones are' equal 3 "$(grep -c '^removed' pruned)"
check 'the upload that was completed' grep \
	"^removed completed upload of $short" pruned
check 'a file without a journal' grep "^removed stray file of $short" pruned
check 'it' sh -c "! ls '$MULTIPART' | grep '$oid.p'"
check 'a login that nobody uses' fails test -e "$login"
check 'what is not ours stays' test -e "$MULTIPART/notes" -a \
	-e "$MULTIPART/$oid.other-file"

# By itself, once a day.
add_file r b.bin 10K 1
fetch_again () {
	rm -rf r/.git/lfs/objects/*/*/"$(oid_of r/b.bin)"
	git -C r lfs fetch origin main
}

git -C r push -q origin main
rm -rf r/.git/lfs/objects
aged '31 days ago'
rm -f "$MULTIPART/pruned"
# a.bin stays away, as its transfer would resume otherwise.
lfs_config lfs.fetchexclude a.bin
check 'a fetch of something else' fetch_again
check 'removes what is a month old' sh -c "! ls '$MULTIPART' | grep ${oid}[.]"
stamp=$MULTIPART/pruned
check 'and notes when' test -e "$stamp"
cp copy/"$oid".* "$MULTIPART/" && touch -d '31 days ago' "$MULTIPART/$oid".*
check 'another fetch the same day' fetch_again
check 'does not look' test -e "$MULTIPART/$oid.partial"
touch -d '2 days ago' "$stamp"
touch -d '29 days ago' "$MULTIPART/$oid".*
check 'a day later' fetch_again
check 'what is less than a month old stays' test -e "$MULTIPART/$oid.partial"
check 'the note is new' test -n "$(find "$stamp" -mmin -60)"
touch -d '2 days ago' "$stamp"
lfs_config lfsmultipart.pruneAfter 0
touch -d '1000 days ago' "$MULTIPART/$oid".*
check 'with pruneAfter 0' fetch_again
check 'it stays' test -e "$MULTIPART/$oid.partial"
lfs_config lfsmultipart.pruneAfter 20
check 'with another number' fetch_again
check 'it goes' fails test -e "$MULTIPART/$oid.partial"

wrong () {
	check "wrong: $*" sh -c "cd r && git lfs-multipart $* >../said 2>&1
		test \$? -eq 129 && grep usage: ../said"
}
wrong status --loud
wrong status -xy
check 'the first letter is named' grep -q "unknown option '-x'" said
wrong status here
wrong prune --older-than
wrong prune --older-than -1
wrong prune --older-than 1d
wrong prune all
mkdir plain
check 'outside of a repository' sh -c '
	cd plain && git lfs-multipart status 2>../said; test $? -eq 1'
check 'it is said' grep 'not a git repository' said
finish
