#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a download that is spoilt in any way gives the right bytes after all,
# or a clear error; never a wrong file.
. "$(dirname "$0")/lib.sh"

use_agent both
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.stallTimeout 1
lfs_config lfsmultipart.retries 2
start_server --chunk-size 4000000 --pick-download
new_repo r
lfs_config lfsmultipart.partSize 1m
add_file r a.bin 5M
git -C r push -q origin main || die 'push'
repo=r
round=0

fetch () {
	round=$((round + 1))
	server_nofaults
	server_faults "$@"
	server_reset
	git clone -q -c lfs.url="$(lfs_url "$repo")" "$TEST_TMP/$repo.git" "c$round" \
		>fetch.out 2>&1
}

# right WHAT SPEC...: in spite of these faults the clone is equal
right () {
	what=$1
	shift
	check "$what: the clone goes through" fetch "$@"
	check "$what: the bytes are right" same_files "$repo" "c$round"
	rm -rf "c$round"
}

# wrong WHAT SAYS SPEC...: these faults fail the clone, with a word on it
wrong () {
	what=$1
	says=$2
	shift 2
	check "$what: the clone fails" fails fetch "$@"
	check "$what: it says why" grep -E -e "$says" fetch.out
	check "$what: no object is in the store" equal '' \
		"$(find "c$round"/.git/lfs/objects -type f -size +1k)"
	rm -rf "c$round"
}

right 'sound' 'delay=10,on=get'
right 'ranges ignored' 'range=ignored,times=0'
right 'a range ignored once' 'range=ignored'
right 'less than was asked' 'range=part,times=3'
right 'chunked, ranges ignored' 'range=ignored,times=0' 'chunked,times=0'
right 'chunked' 'chunked,times=0'
right 'ends short' 'short=1000,times=2'
right 'ends short by one byte' 'short,times=1'
right 'reset' 'reset,on=get,after=100000' 'reset,on=get'
right 'cut off at every try, but further on' 'reset,on=get,times=0,after=200000'
right 'closed' 'close,on=get,after=1' 'close,on=get,after=500000'
right 'stalls' 'stall,on=get,after=70000'
right 'busy' 'status=503,on=get,times=3' 'status=429,on=get,retry-after=1'
right 'no HTTP' 'garbage,on=get'
right 'full' 'crowd=2,on=get,times=0' 'delay=1500,on=get,times=0'

# Another version at first, of the same size: an ETag that changes is a doubt,
# and the hash decides.

right 'another version at first' \
	'etag=other,on=get,times=2' 'flip,times=2,after=5'
check 'git-lfs did not have to ask twice' equal 1 \
	"$(server_count requests.batch)"
check 'it was noticed by If-Range' at_most 1 "$(server_count if_range)"
check 'and all was fetched again' at_most 9000000 \
	"$(server_count bytes_out.get)"
right 'a page of a proxy at first' 'page,on=get'
right 'ETags that differ for the same bytes' 'etag=other,on=get,times=2'
check 'nothing is fetched again' at_most "$(server_count bytes_out.get)" \
	9000000
right 'a weak ETag' 'etag=weak,on=get,times=0'
check 'is not used' equal 0 "$(server_count if_range)"
right 'no ETag' 'etag=missing,on=get,times=0'

# Gitea and Forgejo, with storage of their own, say the size of the rest, and
# have 32 bits for where it begins; lfs-test-server sends up to the end.
right 'the size of the rest' 'range=rest,times=0'
check 'no byte comes twice' equal 5242880 "$(server_count bytes_out.get)"
right 'up to the end' 'range=toend,times=0'
right 'never from beyond 3 MB' 'range=clip,times=0'
check 'as a whole, then' at_most "$(server_count bytes_out.get)" 12000000

# If ranges lead nowhere, the agent asks for the whole.
right 'a wrong Content-Range' 'range=wrong,times=0'
right 'no Content-Range' 'range=nolength,times=0'
right 'a range that is refused' 'range=unsat,times=0'
right 'a range that is not implemented' 'status=501,on=get,times=3'
for status in 400 405 412 422
do
	right "a range that is refused by $status" "range=$status,times=0"
	check "$status: the whole is asked for once" equal 2 \
		"$(server_count requests.get)"
done
right 'wrong, and cut off' 'range=wrong,times=0' 'reset,times=1,after=3000000'

# A bit that plain http let through: all is fetched once more, and only what
# comes otherwise is written; then only that comes again.

cat >traced <<END
#!/bin/sh
ASAN_OPTIONS=\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0 \
LSAN_OPTIONS=detect_leaks=0 exec strace -f -o '$TEST_TMP/trace' \
	-e trace=pwrite64 '$AGENT' "\$@"
END
chmod +x traced
lfs_config lfs.customtransfer.multipart.path "$TEST_TMP/traced"
right 'a bit flipped' 'flip,after=5'
check 'a bit flipped: git-lfs did not have to ask twice' equal 1 \
	"$(server_count requests.batch)"
check 'a bit flipped: all came twice' equal 10485760 \
	"$(server_count bytes_out.get)"
check 'a bit flipped: and was written once, but for where it was' \
	at_most "$(sed -n 's/.*pwrite64(.* = //p; s/.*pwrite64 resumed.* = //p' \
		trace | awk '{ n += $1 } END { print n }')" 6000000
lfs_config lfs.customtransfer.multipart.path "$AGENT"
# With one connection the parts come in order: the first and the third are spoilt.
lfs_config lfsmultipart.connections 1
right 'a bit flipped the second time, too' 'flip,after=5' 'flip,skip=7,after=9'
check 'a bit flipped the second time, too: two parts came three times' \
	equal 12582912 "$(server_count bytes_out.get)"
git config --global --unset lfsmultipart.connections
right 'a bit flipped, and ranges ignored' 'range=ignored,times=0' \
	'flip,after=3000000'
# shellcheck disable=SC2046
wrong 'a bit flipped each time' 'other bytes each time' \
	$(seq -f 'flip,from=0,after=%g' 20)
wrong 'the server has other bytes' 'the same bytes came twice' \
	'flip,times=0,after=5'
check 'the server has other bytes: it is named' \
	grep "${SERVER#*://} has other bytes" fetch.out
wrong 'another size' 'size|bytes|Content-Range' 'size,times=0'
wrong 'not there' '404' 'status=404,on=get,times=0'
wrong 'whatever is asked for' '422' 'status=422,on=get,times=0'
# The user runs git-lfs again after a failure.
check 'whatever is asked for: a range, and the whole' equal \
	$((2 * $(server_count requests.batch))) "$(server_count requests.get)"
wrong 'a range from the midst' '422' 'status=422,on=get,skip=3,times=0'
wrong 'forbidden' '403' 'status=403,on=get,times=0'
wrong 'broken for good' '500' 'status=500,on=get,times=0'

right 'compressed, each range' 'gzip,times=0'
right 'compressed, the whole' 'gzip,times=0' 'range=ignored,times=0'
right 'compressed, and half of each range' 'gzip,times=0' 'range=part,times=0'
right 'compressed once' 'gzip'
check 'all was asked for as it is' equal "$(server_count requests.get)" \
	"$(server_header accept-encoding get)"

# The agent asks for all parts of a small object before it knows whether the
# server heeds ranges; for the next object it knows.

lfs_config lfs.concurrenttransfers 1
repo=small
new_repo small
add_file small a.bin 3M 3
add_file small b.bin 3M 4
git -C small push -q origin main || die 'push'
right 'small' 'delay=10,on=get'
check 'small: a request for each part' equal 6 "$(server_count requests.get)"
right 'small, ranges ignored' 'range=ignored,times=0'
check 'the second is asked for once' equal 4 "$(server_count requests.get)"
right 'small, a range ignored once' 'range=ignored'
right 'small, less than was asked' 'range=part,times=3'
right 'small, refused' 'range=400,times=0'
right 'small, ends short' 'range=ignored,times=0' 'short=1000,times=2'
right 'small, a bit flipped' 'flip,after=5'
right 'small, another version at first' \
	'etag=other,on=get,times=2' 'flip,times=2,after=5'
finish
