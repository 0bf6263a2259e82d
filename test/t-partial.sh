#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: in a partial clone `fork` finds what it would find in a whole one, and
# what it needs to see for that comes in one fetch, not in one for each blob.
. "${0%/*}/lib.sh"

NPOINTERS=30

# clone NAME FILTER: a partial clone of `whole` that counts what it asks for.
clone () {
	{
		git clone -q --bare --filter="$2" "file://$TEST_TMP/whole" "$1" &&
		git -C "$1" config remote.origin.uploadpack \
			"$TEST_TMP/upload-pack"
	} || die "clone $1"
	: >fetches
}

# find REPO OPTION...: what it finds is in `found`, sorted.
find_pointers () {
	(cd "$1" && shift && exec "$BUILD/test/tool/history" "$@") |
		sort >found
	test -s found
}

fetches () {
	wc -l <fetches
}

# How many objects the clone does not have.
absent () {
	git -C "$1" rev-list --objects --all --missing=print | grep -c '^?'
}

cat >upload-pack <<END
#!/bin/sh
echo >>"$TEST_TMP/fetches"
exec git-upload-pack "\$@"
END
chmod +x upload-pack
git init -q whole
git -C whole config uploadpack.allowFilter true
mkdir whole/a whole/b
for i in $(seq $NPOINTERS)
do
	head -c 20000 /dev/urandom >whole/plain
	dir=a
	test "$i" -gt 10 || dir=b
	printf 'version https://git-lfs.github.com/spec/v1\n%s%064d\nsize %d\n' \
		'oid sha256:' "$i" "$i" >whole/$dir/data.bin
	git -C whole add . && git -C whole commit -q -m "$i"
done
find_pointers whole && mv found all
check 'all are found in a whole clone' equal "$(wc -l <all)" $NPOINTERS
find_pointers whole -I b && mv found b
check 'some by their path' equal "$(wc -l <b)" 10

clone none blob:none
check 'a clone without blobs' find_pointers none
check 'a clone without blobs: all is found' cmp all found
check 'a clone without blobs: one fetch' equal "$(fetches)" 1
check 'again' find_pointers none
check 'again: nothing is fetched' equal "$(fetches)" 1

clone paths blob:none
check 'some paths' find_pointers paths -I b
check 'some paths: all is found' cmp b found
check 'some paths: one fetch' equal "$(fetches)" 1
check 'some paths: what is elsewhere stays there' \
	equal "$(absent paths)" $((2 * NPOINTERS - 10))

# All that is absent has 10 kB or more, but nobody can tell: the config names the
# filter of the clone, and a fetch since then may have had another.
clone limit blob:limit=10k
check 'a clone without large blobs' find_pointers limit
check 'a clone without large blobs: all is found' cmp all found
check 'a clone without large blobs: one fetch' equal "$(fetches)" 1
check 'again' find_pointers limit
check 'again: nothing is fetched' equal "$(fetches)" 1
clone chosen blob:limit=10k
check 'a clone without large blobs, some paths' find_pointers chosen -I b
check 'a clone without large blobs, some paths: all is found' cmp b found
check 'a clone without large blobs, some paths: nothing is fetched' \
	equal "$(fetches)" 0

# Or of 100 bytes, which a pointer may be.
clone small blob:limit=100
check 'a clone without small blobs' find_pointers small
check 'a clone without small blobs: all is found' cmp all found
check 'a clone without small blobs: one fetch' equal "$(fetches)" 1

# One for all trees, one for all blobs.
clone trees tree:0
check 'a clone without trees' find_pointers trees
check 'a clone without trees: all is found' cmp all found
check 'a clone without trees: two fetches' equal "$(fetches)" 2
clone branches tree:0
check 'a clone without trees, some paths' find_pointers branches -I b
check 'a clone without trees, some paths: all is found' cmp b found
check 'a clone without trees, some paths: two fetches' equal "$(fetches)" 2

# One's own, which nobody has promised.
clone lost blob:limit=10k
blob=$(echo text | git -C lost hash-object -w --stdin)
tree=$(printf '100644 blob %s\ttext\n' "$blob" | git -C lost mktree)
git -C lost update-ref refs/heads/lost \
	"$(git -C lost commit-tree -m lost "$tree")"
check 'a blob of our own' find_pointers lost
rm -f "lost/objects/$(echo "$blob" | sed 's,..,&/,')"
check 'it is lost' fails find_pointers lost

# Such fetches, of a new commit.
clone mixed blob:limit=10k
clone cut blob:none
printf 'version https://git-lfs.github.com/spec/v1\n%s%064d\nsize %d\n' \
	'oid sha256:' 99 99 >whole/late.bin
git -C whole add . && git -C whole commit -q -m late
{
	git -C mixed fetch -q --filter=blob:none origin main:main &&
		git -C cut fetch -q --filter=tree:0 origin main:main
} || die 'fetch'
: >fetches
find_pointers whole && mv found all
check 'a fetch without small blobs' find_pointers mixed
check 'a fetch without small blobs: all is found' cmp all found
check 'a fetch without small blobs: one fetch' equal "$(fetches)" 1
: >fetches
check 'a fetch without trees' find_pointers cut
check 'a fetch without trees: all is found' cmp all found
check 'a fetch without trees: two fetches' equal "$(fetches)" 2

clone orphan blob:none
mv whole gone
check 'what is absent cannot be had' fails find_pointers orphan
check 'what is absent cannot be had: it is tried once' equal "$(fetches)" 1
finish
