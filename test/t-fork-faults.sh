#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `fork` ends well where it can, says what is wrong where it cannot, and carries
# everything else: pointers that lie, servers that are away for a while, runs
# that are interrupted again and again.
. "${0%/*}/lib.sh"
. "${0%/*}/fork.sh"

start_server
FROM=$SERVER
FROM_CONTROL=$CONTROL
new_repo a
for i in 1 2 3
do
	make_file "a/$i.bin" $((i * 1000000)) "$i"
done
git -C a add . && git -C a commit -q -m 'objects'
sha256sum a/*.bin | sed 's,^\(..\)\(..\),\1/\2/\1\2,' >objects
git -C a push -q origin main || die 'push'

# plant PATH OID SIZE: such a pointer in the history of a; then publish it.
publish () {
	git -C a commit -q -m 'odd pointers' &&
		git -C a push -q --no-verify origin main
}
plant () {
	printf 'version https://git-lfs.github.com/spec/v1\n%s\n%s\n' \
		"oid sha256:$2" "size $3" >pointer
	blob=$(git -C a hash-object -w --stdin <pointer) &&
		git -C a update-index --add --cacheinfo "100644,$blob,$1"
}

# Pointers to nothing, as older migration tools wrote them.
{
	plant empty.bin "$(oid_of /dev/null)" 0 &&
		plant other.bin "$(oid_of a/1.bin | tr 0-9a-f 1-9a-f0)" 0 &&
		publish
} || die 'plant'
to
make_fork empty
check 'pointers to nothing' run_fork empty --json
check 'pointers to nothing: nothing is missing' \
	grep -q '"total":{"objects":3,.*"complete":true' out
check 'pointers to nothing: the others are carried' has_all empty

# Pointers that lie.
large=$(echo large | sha256sum | cut -c 1-64)
largest=$(echo largest | sha256sum | cut -c 1-64)
{
	plant large.bin "$large" 999999999999999999 &&
		plant largest.bin "$largest" 9223372036854775807 &&
		publish
} || die 'plant'
for dialect in hf basic
do
	to --dialect $dialect
	make_fork "lies-$dialect"
	check "$dialect: pointers that lie" \
		equal "$(status_of run_fork "lies-$dialect")" 1
	check "$dialect: pointers that lie: the others are carried" \
		grep -q '^moved  *3 objects, 5.7 MiB$' out
	check "$dialect: pointers that lie: all are there" \
		has_all "lies-$dialect"
	check "$dialect: pointers that lie: they are named" \
		equal "$(grep -c "^  \($large\|$largest\) .*the pointer" out)" 2
	check "$dialect: pointers that lie: no server is asked" \
		equal "$(server_log batch | wc -l)" 1
done
finish
