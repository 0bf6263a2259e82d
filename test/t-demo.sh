#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the first command of the README shows what it promises, if of a small
# file, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"

mkdir tmp
export TMPDIR="$TEST_TMP/tmp"

demo () {
	DEMO_SIZE=$1 "$LIB/demo" "$BUILD" >demo.out 2>demo.err || {
		cat demo.out demo.err
		return 1
	}
}

says () {
	grep -qx "$1" demo.out || {
		cat demo.out demo.err
		return 1
	}
}

check 'a demo of 80 MiB' demo 80M
check 'it tells what the server saw' says \
	'  parts: 5, connections at once: [2-5], completions: 1'
check 'and how much memory that took' says \
	'peak memory of an agent: [1-9][0-9.]* MiB'
check 'and that the bytes are the same' says \
	"the clone's file is the same, byte for byte"
check 'nothing is left' equal '' "$(ls tmp)"
check 'a size that is none' fails demo 6X
check 'is named' grep -q "DEMO_SIZE is '6X'" demo.err
check 'more than the disk has' fails demo 900000G
check 'is said before anything is done' grep -q 'are free; *set TMPDIR' demo.err
finish
