#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: after a power loss no object has its size and wrong bytes.  git-lfs
# looks at sizes only: such a file would reach the work tree, and a commit.
#
# The same holds for the files that `pull` places.
#
# Two ways to see it: the order of the agent's system calls (always), and the
# image of a disk, copied while it is in use (root only; if it cannot be mounted,
# those points are marked as skipped).
# Mounts go with the last process that sees them.
if test ! "${ALONE-}" && unshare -m true 2>/dev/null
then
	ALONE=1 exec unshare -m sh "$0"
fi
. "$(dirname "$0")/lib.sh"

MIB=1048576
PROGRAM=$AGENT	# not under strace
use_standalone
lfs_config lfsmultipart.connections 4
lfs_config lfs.concurrenttransfers 4
start_server --dialect basic
new_repo r
add_file r large.bin $((24 * MIB)) 1
add_file r one.bin $((6 * MIB)) 2
for number in 1 2 3 4 5 6 7 8
do
	make_file r/small$number.bin $((number * 300000)) $((10 + number))
done
git -C r add . && git -C r commit -q -m small
git -C r push -q origin main || die push

# The agent under strace.  The leak checker of a sanitizer cannot be traced.
cat >traced <<END
#!/bin/sh
ASAN_OPTIONS=\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0 \
LSAN_OPTIONS=detect_leaks=0 exec strace -f -s 200 -o '$TEST_TMP/trace' \
	-e trace=fdatasync,sync_file_range,write \$STRACE_MORE '$AGENT' "\$@"
END
chmod +x traced
git init -q c
git -C c config lfs.url "$(lfs_url r)"
git -C c remote add origin "$(lfs_url r)"
FILES=c/.git/lfs/multipart

# fetch OUT FILE: by a traced agent
fetch () {
	size=$(wc -c <"$2")
	(cd c && AGENT=$TEST_TMP/traced &&
		export AGENT && drive "../$1" download "$(oid_of "../$2")" \
			"$size")
}

right () {
	said_complete "$1" &&
		cmp "$2" "$(said "$1" complete)"
}

syncs () {
	grep -c 'fdatasync(\|fdatasync resumed' trace
}

# comes_first CALL: its last one has succeeded before git-lfs is told.
comes_first () {
	synced=$(grep -n "$1.* = 0\$" trace | tail -n 1 | cut -d : -f 1)
	told=$(grep -n '^[0-9]* *write(1, .*complete' trace | cut -d : -f 1)
	echo "synced in line $synced, told in line $told"
	test "$synced" && test "$synced" -lt "$told"
}

check 'in parts' fetch out r/large.bin
check 'in parts: it is right' right out r/large.bin
check 'in parts: it is on the disk before git-lfs knows of it' \
	comes_first fdatasync
git -C c config lfsmultipart.partSize 8m
check 'in one large part' fetch out r/one.bin
check 'in one large part: it is right' right out r/one.bin
check 'in one large part: it is on the disk first' comes_first fdatasync
git -C c config --unset lfsmultipart.partSize
for number in 1 8
do
	check "small, $number" fetch out r/small$number.bin
	check "small, $number: it is right" right out r/small$number.bin
	check "small, $number: no flush is paid for" equal 0 "$(syncs)"
	check "small, $number: it was written before git-lfs knows of it" \
		comes_first sync_file_range
	check "small, $number: that was waited for" grep WAIT_AFTER trace
done

# A whole file of another agent may never have reached the disk.
server_reset
check 'what was not taken' fetch out r/small8.bin
check 'what was not taken does not come again' \
	equal 0 "$(server_count requests.get)"
check 'what was not taken: it is on the disk now' comes_first fdatasync

# The disk says no: the bytes that it has are not known.
STRACE_MORE='-e inject=fdatasync:error=EIO'
export STRACE_MORE
rm -f "$FILES"/*.??????
check 'a disk that fails' fetch out r/large.bin
check 'the object fails' grep '^error .*Input/output error' out
check 'git-lfs gets no file' equal '' "$(said out complete)"
check 'what may be wrong is not kept' equal '' \
	"$(find "$FILES" -name "$(oid_of r/large.bin)*")"
STRACE_MORE='-e inject=sync_file_range:error=EIO'
check 'a disk that fails, small' fetch out r/small8.bin
check 'a disk that fails, small: the object fails' \
	grep '^error .*Input/output error' out
check 'a disk that fails, small: nothing is kept' equal '' \
	"$(find "$FILES" -name "$(oid_of r/small8.bin)*")"
STRACE_MORE=

git -C c config lfsmultipart.fsync false
check 'without fsync' fetch out r/large.bin
check 'without fsync: it is right' right out r/large.bin
check 'without fsync: nothing is synced' equal 0 "$(syncs)"
check 'without fsync: a small one' fetch out r/small8.bin
check 'without fsync: that is right' right out r/small8.bin
check 'without fsync: nor is it waited for' fails grep sync_file_range trace

# On an overlay, as in containers, sync_file_range() succeeds and does nothing.
git -C c config --unset lfsmultipart.fsync
mkdir lower upper work over
: >mount.err
if test "${ALONE-}" && mount -t overlay overlay \
	-o "lowerdir=lower,upperdir=upper,workdir=work" over 2>mount.err
then
	git -C c config lfs.storage "$TEST_TMP/over"
	check 'on an overlay, small' fetch out r/small7.bin
	check 'on an overlay, small: it is right' right out r/small7.bin
	check 'on an overlay, small: it is on the disk first' \
		comes_first fdatasync
	git -C c config --unset lfs.storage
else
	for what in small right first
	do
		skip "on an overlay: $what" "no overlay: $(cat mount.err)"
	done
fi

# A disk whose power goes.  Its journal is written each second, not every five.

mkdir disk after

# look FILE PATH: PATH has the size of FILE; has it its bytes?
look () {
	test -f "$2" && test "$(wc -c <"$1")" -eq "$(wc -c <"$2")" || return
	if cmp "$2" "$1"
	then
		echo "$2" >>whole
	else
		echo "$2" >>wrong
	fi
}

# crash: mount the image as it is now, and write to `whole` and to `wrong` which
# files of r its stores and work trees have with their bytes, or with their size
# only.
crash () {
	cp --sparse=always image copy && mount -o loop copy after || return 1
	: >whole
	: >wrong
	for file in r/*.bin
	do
		oid=$(oid_of "$file")
		for there in after/?
		do
			store=$there/.git/lfs/objects
			look "$file" "$(find "$store" -name "$oid")"
			look "$file" "$there/${file#r/}"
		done
	done 2>/dev/null
	umount after
	cat wrong
	test ! -s wrong
}

# crash_until PATTERN N: the power goes again and again, until the file system has
# brought N such files to the disk by itself
crash_until () {
	until test "$(grep -c "$1" whole)" -ge "$2"
	do
		crash || return
	done
}

truncate -s 200M image
mkfs.ext4 -q image
if mount -o loop,commit=1 image disk 2>mount.err
then
	trap 'umount disk; stop_servers' EXIT
	GIT_LFS_SKIP_SMUDGE=1 clone_repo r disk/c
	sync -f disk
	check 'a fetch' git -C disk/c lfs fetch origin main
	check 'all are in the store' equal 10 \
		"$(find disk/c/.git/lfs/objects -type f | wc -l)"
	check 'power loss at once: no object is wrong' crash
	check 'power loss later, once those of parts are there: none is wrong' \
		crash_until "$(oid_of r/large.bin)" 1
	for option in store no-store
	do
		clone=disk/$(echo $option | cut -c 1)
		GIT_LFS_SKIP_SMUDGE=1 clone_repo r "$clone"
		sync -f disk
		(cd "$clone" && exec "$PROGRAM" pull -q "--$option") >out 2>&1 &
		pull=$!
		check "power loss while a pull --$option runs" crash
		check "a pull --$option" wait $pull
		check "power loss after a pull --$option: no file is wrong" \
			crash
		check "its files are there" same_files r "$clone"
	done
	check 'power loss later: no file without a store is wrong' \
		crash_until '^after/n/[^.]' 10
else
	for lost in 'a fetch' 'all' 'at once' 'later' \
		'while a pull runs' 'a pull' 'after a pull' 'its files' \
		'while a pull without a store runs' 'a pull without a store' \
		'after a pull without a store' 'its files' 'later'
	do
		points=$((points + 1))
		echo "ok $points - power loss: $lost # SKIP $(cat mount.err)"
	done
fi
finish
