#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: whatever git-lfs takes for a pointer in a history, `fork` does, too.
# git-lfs itself says what the right answers are.
. "${0%/*}/lib.sh"

# The same question about each tenth file, whose number its oid is made of.  One
# of size 0 has nothing that could be carried.
check_files () {
	for file in many/plain-*0
	do
		git lfs pointer --check --file "$file" >out 2>&1
		is_pointer=$?
		grep -aqE '^size [+-]?0+([^0-9]|$)' "$file" && is_pointer=1
		printf %s "${file##*-}" >number
		grep -q "^$(oid_of number) " ours
		equal "$file $?" "$file $is_pointer" || return 1
	done
}

git init -q many
/usr/bin/python3 "$LIB/pointers.py" make many || die 'make'
git -C many add . && git -C many commit -q -m many
(cd many && git lfs ls-files --debug) >theirs
(cd many && "$BUILD/test/tool/history" HEAD) >ours
check 'what git-lfs finds is found' \
	/usr/bin/python3 "$LIB/pointers.py" compare many theirs ours
check 'git lfs pointer --check takes the same files' check_files

# git-lfs does not look at the mode.
git init -q link
ln -s "$(cat many/plain-1)" link/name
git -C link add . && git -C link commit -q -m link
oid=$(cd link && git lfs ls-files -l | cut -d ' ' -f 1)
check 'a link to what is a pointer' test -n "$oid"
check 'it is found' equal "$(cd link && "$BUILD/test/tool/history")" "$oid 1"
check 'by its path, too' \
	equal "$(cd link && "$BUILD/test/tool/history" -I name)" "$oid 1"
finish
