#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `fork` that is killed goes on where it stopped: some of the kills of
# `make torture`.
. "${0%/*}/lib.sh"

check 'killed and run again, all arrives and nothing finished goes again' \
	env TMPDIR="$TEST_TMP" TORTURE_KILLS=3 \
	"$LIB/torture/run" "$BUILD" forks
check 'two of them with one dialect, one with another' equal 2 \
	"$(grep -c ' [12] kills, .*; [12] right' "$CHECK_OUT")"
finish
