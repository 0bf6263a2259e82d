#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in a storage that several users share, what another one has put where a
# file of ours would be does no harm: nothing is changed through a link, and
# nothing that others own or may write to is trusted.  (Only root can make
# another user's file: elsewhere those points are marked as skipped.)
. "$(dirname "$0")/lib.sh"

# More than what is kept in memory.
PARTS=10
SIZE=$((PARTS * 524288))
use_standalone
lfs_config lfsmultipart.connections 2
lfs_config lfsmultipart.partSize 512k
start_server --dialect hf --chunk-size 524288 --rate 3000000
new_repo r
add_file r a.bin $SIZE
check 'push' git -C r push -q origin main
OID=$(oid_of r/a.bin)
FILES=$TEST_TMP/storage/multipart
OWN=$FILES/unfinished-$(id -u)

# The victim's file, which is not a part of the storage.
VICTIM=$TEST_TMP/victim
victim_is_whole () {
	equal '640 5' "$(stat -c '%a %s' "$VICTIM")" && grep -q mine "$VICTIM"
}

# planted HOW NAME: before a clone into that storage
planted () {
	rm -rf storage c
	mkdir -p "$FILES"
	rm -f "$VICTIM"
	echo mine >"$VICTIM"
	chmod 640 "$VICTIM"
	case $1 in
	link)
		ln -s "$VICTIM" "$FILES/$2"
		;;
	name)
		ln "$VICTIM" "$FILES/$2"
		;;
	esac
}

for how in link name
do
	for name in "$OID.partial" "$OID.journal" connections search pruned
	do
		planted $how "$name"
		what="a second $how: $(echo "$name" | sed 's/.*\.//')"
		check "$what: a clone" clone_repo r c \
			-c lfs.storage="$TEST_TMP/storage" \
			-c core.sharedRepository=group
		check "$what: has the bytes" cmp r/a.bin c/a.bin
		check "$what: the file is as it was" victim_is_whole
	done
done

# Files that an earlier run left, and that others may have changed since.

drive_a () {
	case $1 in
	up)
		set -- "$2" upload ../r/a.bin
		;;
	down)
		set -- "$2" download "$OID" $SIZE
		;;
	esac
	# shellcheck disable=SC2086
	(cd c && drive ../out $1 "$2" "$3" ${4+"$4"})
}

# left TO: a transfer stopped half way
left () {
	rm -rf storage "$ROOT/up/objects"
	git -C c config lfs.url "$(lfs_url "$1")"
	drive_a "$1" "--stop KILL --at $((5 * 524288))"
	server_reset
	test "$(said out stopped)"
}

# moved TO N: the next run ends well and moves at least N parts
moved () {
	drive_a "$1" ''
	test "$(said out complete)" || return
	bytes=$(($(server_count bytes_in.part) + $(server_count bytes_out.get)))
	at_most $(($2 * 524288)) "$bytes" && at_most "$bytes" "$SIZE"
}

git -C c config core.sharedRepository group
git -C c config lfs.storage "$TEST_TMP/storage"
git init -q --bare down.git
mkdir -p "$ROOT/down"
cp -R "$ROOT/r/objects" "$ROOT/down"
for to in up down
do
	check "$to: stopped" left $to
	check "$to: is resumed" moved $to 1
	check "$to: and not sent again" at_most "$bytes" $((SIZE - 524288))
	check "$to: stopped" left $to
	chmod 770 "$OWN"
	check "$to: what others could write to is not trusted" moved $to $PARTS
	check "$to: stopped" left $to
	if test "$(id -u)" = 0
	then
		chown 65534 "$OWN/$OID"*
		check "$to: nor what others own" moved $to $PARTS
	else
		skip "$to: nor what others own" 'not root'
		drive_a $to ''
	fi
	test $to = down || check 'the upload is there' server_has up r/a.bin
done

# Other members can give any name to a file of the victim's in the shared folder,
# and the bytes of an object are whatever its pusher chose.  So no file there is
# trusted, though the victim owns it and nobody else may write to it.

# renamed NAME...: those files of the victim's get these names there
renamed () {
	for name
	do
		find "$FILES" -name "$name" >found
		mv "$(cat found)" renamed && mv renamed "$FILES/$name" || return
	done
}

# An upload that another member has begun for the victim, at another server.
check 'renamed: stopped' left up
home=$SERVER home_control=$CONTROL home_root=$ROOT
start_server --dialect hf
journal=$(find "$FILES" -name "$OID-*.upload")
check 'renamed: an upload to another server' journal links "$journal" \
	"${home%/}" "${SERVER%/}"
check 'renamed: is planted' renamed "$(basename "$journal")"
other=$CONTROL SERVER=$home CONTROL=$home_control ROOT=$home_root
check 'renamed: all of it is sent' moved up $PARTS
check 'renamed: and nothing to the other server' \
	equal '' "$(ask "$other" lines)"

# A download whose journal vouches for bytes that are others'.
check 'renamed: stopped' left down
printf 'changed' | dd of="$(find "$FILES" -name "$OID.partial")" conv=notrunc \
	2>/dev/null
check 'renamed: a download is planted' renamed "$OID.partial" "$OID.journal"
check 'renamed: all of it is fetched' moved down $PARTS
check 'renamed: and is right' cmp r/a.bin "$(said out complete)"
rm -f "$(said out complete)"

# An earlier version had its files there: they are no use, but litter.
check 'renamed: status does not list it' sh -c "
	cd c && '$AGENT' status | grep 'There is no unfinished'"
check 'renamed: it is kept for a day' sh -c "cd c && '$AGENT' prune"
check 'renamed: is kept' test -e "$FILES/$OID.partial"
touch -d '2 days ago' "$FILES/$OID".*
check 'renamed: and pruned' sh -c "cd c && '$AGENT' prune"
check 'renamed: nothing is left' fails ls "$FILES/$OID".*

# Only the user who left a file may resume or remove it.
check 'stopped' left down
if test "$(id -u)" = 0
then
	chown 65534 "$OWN/$OID".*
	check 'status does not list it' sh -c "
		cd c && '$AGENT' status | grep 'There is no unfinished'"
	check 'prune does not fail' sh -c "cd c && '$AGENT' prune"
	check 'and leaves it' test -e "$OWN/$OID.partial" -a \
		-e "$OWN/$OID.journal"
else
	skip 'status does not list it' 'not root'
	skip 'prune leaves it' 'not root'
fi

# A file that git-lfs takes from a folder of one user still has the storage's
# group.
if test "$(id -u)" = 0
then
	rm -rf storage c
	mkdir -p "$FILES"
	chgrp 65533 "$FILES"
	chmod 2770 "$FILES"
	check 'a clone' clone_repo r c -c lfs.storage="$TEST_TMP/storage" \
		-c core.sharedRepository=group
	check 'the object has the group of the storage' equal '65533 660' \
		"$(stat -c '%g %a' storage/objects/*/*/"$OID")"
else
	skip 'the object has the group of the storage' 'not root'
fi

# A folder that others may write to, or own, is not the place for what agents
# tell each other.
start_server --dialect basic --presigned-here
lfs_config lfs.concurrenttransfers 1
new_repo few
add_files few 4
git -C few push -q origin main
TOLD=$FILES/credential-$(id -u)

# kept HOW...: a command on the folder, before a clone
kept () {
	rm -rf storage few-clone
	mkdir -p "$TOLD"
	echo planted >"$TOLD/answers"
	chmod 600 "$TOLD/answers"
	"$@" "$TOLD"
	clone_repo few few-clone -c lfs.storage="$TEST_TMP/storage" &&
		same_files few few-clone && grep -q planted "$TOLD/answers" &&
		equal answers "$(ls "$TOLD")"
}
check 'a folder that others may write to is left alone' kept chmod 777
if test "$(id -u)" = 0
then
	check 'as is that of another user' kept chown 65534
else
	skip 'as is that of another user' 'not root'
fi
finish
