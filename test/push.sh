# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# The vocabulary of the scenarios that push one file after another from the
# repository r, besides that of lib.sh.

seed=0

# change BYTES: a new commit with a file of so many, `file`, and a count from
# zero.
change () {
	seed=$((seed + 1))
	file=$seed.bin
	add_file r $file "$1" $seed
	server_reset
}

push () {
	git -C r push origin main >push.out 2>&1
}

# says PATTERN: the last push does.
says () {
	shows push.out "$1"
}

# counts KIND N: so many requests of that kind since the last change.
counts () {
	equal "$(server_count "requests.$1")" "$2"
}
