#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the manual's table on downloads-only standalone mode, row by row, with
# the real git-lfs: what works as without us, what does not, and the cure.
. "$(dirname "$0")/lib.sh"

GIT_LFS_MULTIPART_LOG=$TEST_TMP/log
GIT_LFS_MULTIPART_TRACE=info
export GIT_LFS_MULTIPART_LOG GIT_LFS_MULTIPART_TRACE TEST_TMP
lfs_config lfs.locksverify true
start_server --dialect basic --locks 200

# ssh: git's programs, and where the LFS server is.
mkdir bin
cat >bin/ssh <<'END'
#!/bin/sh
for last
do
	:
done
case $last in
git-lfs-authenticate*) echo "{\"href\": \"$LFS_HREF\"}" ;;
git-lfs-transfer*) exit 127 ;;
*) exec sh -c "$last" ;;
esac
END
chmod +x bin/ssh
GIT_SSH=$TEST_TMP/bin/ssh
export GIT_SSH LFS_HREF

# other COMMAND...: git as another user
other () {
	git -c http.extraHeader='X-User: other' "$@"
}

# by_us N: how many objects this program has moved
by_us () {
	touch log
	equal "$1" "$(grep -c "$2 of" log)"
}

# rows NAME KEY URL: all rows for the remote origin of the repository NAME, where
# KEY is the config key of downloads and URL the plain one
rows () {
	repo=$1
	key=$2
	url=$3
	cure="$key=$url"
	add_files "$repo" 20
	rm -f log
	server_reset

	check "$repo: push" git -C "$repo" push -q origin main
	check "$repo: push is by git-lfs" by_us 0 upload
	check "$repo: push asks for all objects at once" \
		equal 1 "$(server_count requests.batch)"
	check "$repo: push asks for the locks of others" \
		test "$(server_count requests.locks)" -ge 1

	rm -rf "$repo"/.git/lfs/objects "$repo"/*.bin
	check "$repo: fetch" git -C "$repo" lfs fetch origin main
	check "$repo: fetch is by this program" by_us 20 download
	check "$repo: pull" git -C "$repo" lfs pull
	check "$repo: pull has the bytes" server_has "$repo" "$repo/3.bin"

	rm -rf "$repo"/.git/lfs/objects "$repo"/*.bin
	check "$repo: our own pull" sh -c "cd $repo && git lfs-multipart pull"
	check "$repo: our own pull has the bytes" \
		server_has "$repo" "$repo/3.bin"

	oid=$(oid_of "$repo/5.bin")
	rm -rf "$repo/.git/lfs/objects/$(echo "$oid" | cut -c 1-2)"
	check "$repo: push of an object that only the server has" \
		git -C "$repo" lfs push --all origin

	check "$repo: lock" git -C "$repo" lfs lock 1.bin
	check "$repo: locks --verify" sh -c "
		git -C $repo lfs locks --verify | grep '1.bin.*me'"
	git -C "$repo" lfs locks >out 2>&1
	check "$repo: locks does not know the URL" \
		grep 'missing protocol: "lfs-multipart::' out
	check "$repo: the cure" sh -c "
		git -C $repo -c '$cure' lfs locks | grep 1.bin"
	check "$repo: unlock does not know the URL" sh -c "
		! git -C $repo lfs unlock 1.bin >out 2>&1 &&
		grep 'missing protocol: \"lfs-multipart::' out"
	check "$repo: unlock with the cure" \
		git -C "$repo" -c "$cure" lfs unlock 1.bin
	git -C "$repo" lfs lock 2.bin >out
	check "$repo: unlock --id" sh -c "
		id=\$(git -C $repo -c '$cure' lfs locks --json |
			sed 's/.*\"id\":\"\([0-9]*\)\".*/\1/') &&
		git -C $repo lfs unlock --id \$id"

	check "$repo: another locks a file" other -C "$repo" lfs lock 4.bin
	make_file "$repo/4.bin" 1000 77
	git -C "$repo" commit -q -a -m 'change it'
	check "$repo: a push of it fails" fails git -C "$repo" push -q origin main
	other -C "$repo" -c "$cure" lfs unlock 4.bin >out
	check "$repo: but not after that" git -C "$repo" push -q origin main

	lost=$(oid_of "$repo/6.bin")
	rm "$(object_at "$repo" "$repo/6.bin")"
	git -C "$repo" rm -q 6.bin
	git -C "$repo" commit -q -m 'one file fewer'
	git -C "$repo" push -q origin main
	set -- -c lfs.fetchrecentrefsdays=0 -c lfs.pruneoffsetdays=0
	git -C "$repo" "$@" lfs prune --dry-run --verify-remote >out 2>&1
	check "$repo: prune --verify-remote takes a lost object for stored" \
		shows out ' 2 verified with remote'
	git -C "$repo" "$@" -c "$cure" lfs prune --dry-run --verify-remote \
		>out 2>&1
	check "$repo: prune with the cure misses it" \
		shows out '^These objects to be pruned are missing on remote'

	check "$repo: prune --objects" sh -c "
		cd $repo && git $* lfs-multipart prune --objects >../out"
	check "$repo: prune --objects keeps a lost object" shows out "$lost"
	check "$repo: prune --objects has kept it" \
		test -e "$repo/.git/lfs/objects/$(echo "$lost" |
			sed 's,\(..\)\(..\),\1/\2/&,')"

	check "$repo: dedup" same "$repo" lfs dedup --test
	check "$repo: fsck" same "$repo" lfs fsck
	check "$repo: status" same "$repo" lfs status
	check "$repo: migrate info" same "$repo" lfs migrate info --everything
	echo text >"$repo/a.txt"
	git -C "$repo" add a.txt && git -C "$repo" commit -q -m text
	check "$repo: migrate import" git -C "$repo" lfs migrate import --yes \
		--everything --include '*.txt'
	check "$repo: migrate import: makes a pointer" sh -c "
		git -C $repo cat-file blob HEAD:a.txt | grep '^oid '"
	check "$repo: env" sh -c "git -C $repo lfs env >out &&
		grep -F 'lfs-multipart::$url' out"

	rm -rf "$repo/.git/lfs/objects" log
	check "$repo: migrate export" git -C "$repo" lfs migrate export --yes \
		--everything --include 7.bin
	check "$repo: migrate export has the bytes" sh -c "
		git -C $repo cat-file blob HEAD:7.bin >out &&
		cmp out '$(object_at "$repo" "$repo/7.bin")'"
	check "$repo: which came by this program" by_us 1 download
}

# same REPO COMMAND...: the same output with the plain URL
same () {
	repo=$1
	shift
	git -C "$repo" "$@" >out 2>&1
	git -C "$repo" -c "$cure" "$@" >plain 2>&1
	cat out
	cmp out plain
}

new_repo r
git -C r config --unset lfs.url
git -C r config remote.origin.lfsurl "$(lfs_url r)"
check 'a remote: install' sh -c 'cd r &&
	git lfs-multipart install --standalone origin'
rows r remote.origin.lfsurl "$(lfs_url r)"

new_repo a
check 'lfs.url: install' sh -c 'cd a &&
	git lfs-multipart install --standalone origin'
rows a lfs.url "$(lfs_url a)"

new_repo s
git -C s config --unset lfs.url
git -C s remote set-url origin "git@localhost:$TEST_TMP/s.git"
LFS_HREF=$(lfs_url s)
check 'ssh: install' sh -c 'cd s &&
	git lfs-multipart install --standalone origin'
rows s remote.origin.lfsurl "git@localhost:$TEST_TMP/s.git"

# .lfsconfig with both keys, for those who clone.
new_repo c
git -C c config --unset lfs.url
check '.lfsconfig: install' sh -c "cd c &&
	git lfs-multipart install --shared '$(lfs_url c)' >out &&
	grep 'A clone without this program can push, but not fetch' out &&
	git add .lfsconfig && git commit -q -m shared"
rows c lfs.url "$(lfs_url c)"
check '.lfsconfig: another clone' sh -c '
	git lfs-multipart install --global --standalone lfs-multipart:: &&
	rm -f log && git clone c.git c2 >out 2>&1 && cmp c/3.bin c2/3.bin'
check '.lfsconfig: is by this program' by_us 19 download
check '.lfsconfig: git-lfs does not warn of it' fails grep -i unsafe out

# What --uploads costs.
new_repo u
check '--uploads: install' sh -c 'cd u &&
	git lfs-multipart install --standalone --uploads origin'
add_files u 20
rm -f log
server_reset
check '--uploads: push' git -C u push -q origin main
check '--uploads: push is by this program' by_us 20 upload
check '--uploads: push asks for each object' \
	equal 20 "$(server_count requests.batch)"
check '--uploads: push asks for no locks' \
	equal 0 "$(server_count requests.locks)"
rm -rf u/.git/lfs/objects
check '--uploads: push of objects that only the server has' fails \
	git -C u lfs push --all origin
check '--uploads: after install without it' sh -c 'cd u &&
	git lfs-multipart install --standalone origin'
check '--uploads: it is pushed' git -C u lfs push --all origin

# A server that picks the transfer for uploads in parts.
start_server --dialect hf --chunk-size 100000
new_repo p
check 'multipart: install' sh -c 'cd p &&
	git lfs-multipart install --standalone origin'
add_file p 1.bin 300K
rm -f log
check 'multipart: push' git -C p push -q origin main
check 'multipart: is by this program, which git-lfs has asked' by_us 1 upload
check 'multipart: is in parts' equal 4 "$(server_count requests.part)"
check 'multipart: the bytes are there' server_has p p/1.bin
finish
