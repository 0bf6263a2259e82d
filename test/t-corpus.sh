#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: no input that once broke a parser, or was worth keeping, breaks it now.

. "$(dirname "$0")/lib.sh"

for source in "$LIB"/fuzz/*.c
do
	name=$(basename "$source" .c)
	test "$name" != replay || continue
	check "the corpus of $name" \
		"$BUILD/test/fuzz/$name" "$LIB/fuzz/$name.corpus"/*
done

finish
