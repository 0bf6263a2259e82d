#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a download that does not fit is refused before its first byte, with
# the sizes, and leaves nothing behind.
#
# Two ways to be short of room: a limit on the size of files (always), and a
# small tmpfs in a mount namespace of its own (where one may be made; if not,
# those points are marked as skipped).
. "$(dirname "$0")/lib.sh"

cat >"$TEST_TMP/limited" <<END
#!/bin/sh
ulimit -f 8000
exec '$AGENT' "\$@"
END
chmod +x limited
use_agent both
lfs_config lfsmultipart.retries 1
lfs_config lfsmultipart.offlineTimeout 2
start_server --chunk-size 4000000 --pick-download
new_repo r
add_file r a.bin 20M
git -C r push -q origin main || die push

nothing_left () {
	equal '' "$(find "$1/.git/lfs/multipart" -type f -size +0)"
}

lfs_config lfs.customtransfer.multipart.path "$TEST_TMP/limited"
server_reset
clone_repo r c >clone.out 2>&1
check 'a file that may not be so large fails the clone' fails test -e c/a.bin
check 'it says why' grep -i 'too large\|size' clone.out
check 'it is no EOF' fails grep 'EOF' clone.out
check 'not a byte was fetched' equal "$(server_count requests.get)" 0
check 'nothing is left' nothing_left c
lfs_config lfs.customtransfer.multipart.path "$AGENT"

mkdir disk
if unshare -rm sh -c 'mount -t tmpfs -o size=1m tmpfs disk' 2>unshare.err
then
	server_reset
	check 'a full disk fails the clone' fails unshare -rm sh -c "
		mount -t tmpfs -o size=9m tmpfs disk && cd disk &&
		git clone -q -c lfs.url='$(lfs_url r)' '$TEST_TMP/r.git' c \
			>../full.out 2>&1
		status=\$?
		find c/.git/lfs/multipart -type f -size +0 >../left
		exit \$status"
	check 'it says why' grep -i 'space' full.out
	check 'with the size' grep '20971520\|20 MiB\|20\.0 MiB\|20 MB' full.out
	check 'not a byte was fetched' equal "$(server_count requests.get)" 0
	check 'nothing is left' equal '' "$(cat left)"
else
	for lost in "fails" "says why" "size" "fetched" "left"
	do
		points=$((points + 1))
		echo "ok $points - full disk: $lost # SKIP $(cat unshare.err)"
	done
fi
finish
