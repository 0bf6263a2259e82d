#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in standalone mode push, clone, fetch and pull work with any LFS
# server, whatever it calls its transfers, and no byte is moved twice.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfsmultipart.partSize 256k

# count KIND N: so many requests of that kind
count () {
	check "$dialect: $1: $2" equal "$(server_count "requests.$1")" "$2"
}

# trip DIALECT PARTS PUTS OPTION...: there and back again.  At that rate a part
# takes 65 ms, so that even a busy machine has the next one begun by then.
trip () {
	dialect=$1
	parts=$2
	puts=$3
	shift 3
	start_server --dialect "$dialect" --chunk-size 262144 --rate 4000000 "$@"
	new_repo "$dialect"
	add_file "$dialect" large.bin 3000001
	add_file "$dialect" small.bin 1000
	: >"$dialect/empty.bin"
	git -C "$dialect" add empty.bin
	git -C "$dialect" commit -q -m empty
	check "$dialect: push" git -C "$dialect" push -q origin main
	check "$dialect: the large object is there" \
		server_has "$dialect" "$dialect/large.bin"
	check "$dialect: the small one is" \
		server_has "$dialect" "$dialect/small.bin"
	count part "$parts"
	count put "$puts"
	count verify 2
	check "$dialect: no request was refused" equal \
		"$(server_count refused_puts)" 0
	server_reset
	check "$dialect: push again" git -C "$dialect" push -q origin main

	check "$dialect: clone" clone_repo "$dialect" "$dialect-clone"
	check "$dialect: the files are equal" \
		same_files "$dialect" "$dialect-clone"
	check "$dialect: every byte was fetched once" equal \
		"$(server_count bytes_out.get)" 3001001
	check "$dialect: ranges go side by side" \
		at_most 2 "$(server_count transfers_max)"

	add_file "$dialect" more.bin 700001
	check "$dialect: push one more" git -C "$dialect" push -q origin main
	server_reset
	check "$dialect: pull" git -C "$dialect-clone" pull -q origin main
	check "$dialect: it has come" same_files "$dialect" "$dialect-clone"
	check "$dialect: nothing else has" equal \
		"$(server_count bytes_out.get)" 700001
	check "$dialect: nothing is left of it" equal '' \
		"$(find "$dialect-clone/.git/lfs/multipart" -type f -size +1k \
			! -name notes)"

	rm -r "$dialect-clone/.git/lfs/objects"
	check "$dialect: fetch" git -C "$dialect-clone" lfs fetch origin main
	check "$dialect: the objects are sound" \
		git -C "$dialect-clone" lfs fsck --objects
}

trip basic 0 2
trip hf 12 1 --multipart-threshold 500000
trip csghub 13 0
dialect=presigned
start_server --dialect basic --presigned
new_repo presigned
add_file presigned a.bin 1M
add_file presigned b.bin 1000
check 'links to another host: push' git -C presigned push -q origin main
check 'links to another host: clone' clone_repo presigned presigned-clone
check 'links to another host: equal' same_files presigned presigned-clone
check 'nothing of ours went there' equal "$(server_count leaked_headers)" 0

# A push without an object has nothing to ask.

server_reset
echo text >presigned/text && git -C presigned add text &&
	git -C presigned commit -q -m text
check 'a push without objects' git -C presigned push -q origin main
count batch 0

# A clone that has pushed nothing sends no byte of what the server has.

start_server --dialect hf --chunk-size 262144
new_repo there
add_file there a.bin 1M
add_file there b.bin 2M
check 'push' git -C there push -q origin main
server_reset
git init -q --bare elsewhere.git
check 'push to another remote with the same server' \
	git -C there push -q "$TEST_TMP/elsewhere.git" main
count part 0
count complete 0
count verify 0
check 'both objects were asked for' at_most 2 "$(server_count requests.batch)"

# Many small ones.

start_server --dialect basic
dialect=many
new_repo many
add_files many 120
check 'push of many' git -C many push -q origin main
count put 120
count verify 120
check 'by one connection an agent' at_most \
	"$(server_count connections)" 20
server_reset
check 'clone of many' clone_repo many many-clone
check 'all are equal' same_files many many-clone
check 'by few connections' at_most "$(server_count connections)" 20
count get 120
# t-ahead.sh has more of this.
check 'by few questions' at_most "$(server_count requests.batch)" 10
check 'no partial file is left' equal '' \
	"$(find many-clone/.git/lfs/multipart -type f -size +1k \
		! -name notes)"

# An object that nobody has.

rm -r "$ROOT/many/objects" && rm -r many-clone/.git/lfs/objects
check 'objects that the server lost' eval \
	'fails git -C many-clone lfs fetch origin main 2>fetch.out'
check 'are said to be' grep -q 'the server does not have this object' fetch.out

# A body of chunks, where the action asks for it, and nowhere else

for chunked in 0 2
do
	# shellcheck disable=SC2046
	start_server --dialect basic $(test $chunked = 0 || echo --chunked-put)
	name=put$chunked
	new_repo $name
	add_file $name a.bin 300K
	add_file $name b.bin 1 2
	check "chunked $chunked: push" git -C $name push -q origin main
	check "chunked $chunked: the bytes are there" eval \
		'server_has $name $name/a.bin && server_has $name $name/b.bin'
	check "chunked $chunked: that many in chunks" equal $chunked \
		"$(server_header transfer-encoding put)"
	check "chunked $chunked: the others with a length" equal \
		$((2 - chunked)) "$(server_header content-length put)"
	check "chunked $chunked: all say what they are" equal 2 \
		"$(server_header content-type put)"
done

# A repository without a remote: the last fetch was from there

git init -q fetched
printf "%040d\t\tbranch 'main' of %s\n" 0 "$SERVER/$name" \
	>fetched/.git/FETCH_HEAD
fetch () {
	(cd fetched && drive "$TEST_TMP/fetched.out" download \
		"$(oid_of "../$name/a.bin")" 307200) &&
		cmp "$(said fetched.out complete)" "$name/a.bin"
}
check 'without a remote, the last fetch tells' fetch
rm -r fetched/.git/lfs
git -C fetched remote add other /nowhere
check 'with one it does not' fails fetch
check 'and the message says so' grep -q 'cannot tell the LFS server' fetched.out

# One connection, 24 MB/s: 40 MiB are cut into four by their size, and then into
# two (or three on a slow machine), as a part is worth its round trip only if it
# takes a second.

start_server --dialect basic --rate 24000000
new_repo rate
add_file rate a.bin 40M
add_file rate b.bin 40M 2
git -C rate config lfsmultipart.connections 1
git -C rate config lfsmultipart.partSize auto
git -C rate config lfs.concurrenttransfers 1
check 'the rate: push' git -C rate push -q origin main
rm -r rate/.git/lfs/objects
check 'the rate: fetch' git -C rate lfs fetch origin main
check 'the next object is cut by it' at_most "$(server_count requests.get)" 7
finish
