# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# The vocabulary of the scenarios of `fork`, besides that of lib.sh.  The
# scenario sets FROM, the URL of the server with the objects, and FROM_CONTROL.

# to [OPTION...]: a target server; one without options serves all who want such
# a one.  `from` goes back to the source.
to () {
	if test $# -eq 0 && test -n "$PLAIN_TO"
	then
		TO=$PLAIN_TO ROOT=$PLAIN_ROOT CONTROL=$PLAIN_CONTROL
		server_nofaults
		server_reset
		return
	fi
	start_server --chunk-size $((2 << 20)) "$@"
	TO=$SERVER
	test $# -gt 0 ||
		PLAIN_TO=$TO PLAIN_ROOT=$ROOT PLAIN_CONTROL=$CONTROL
}
PLAIN_TO=
from () {
	CONTROL=$FROM_CONTROL
}

# make_fork NAME: a clone of the history of a, whose objects are at the source;
# those of NAME shall be at the last target.
make_fork () {
	{
		git init -q --bare "$1.git" &&
		GIT_LFS_SKIP_SMUDGE=1 git clone -q -o upstream \
			-c "remote.upstream.lfsurl=$FROM/a.git/info/lfs" \
			a.git "$1" &&
		git -C "$1" remote add origin "$TEST_TMP/$1.git" &&
		git -C "$1" config remote.origin.lfsurl "$TO/$1.git/info/lfs"
	} || die "make_fork $1"
}

# In the fork $1; what it says is in `out` and `err`.
run_fork () {
	repo=$1
	shift
	(cd "$repo" && exec timeout 300 "$AGENT" fork --quiet "$@") >out 2>err
}

# The target has the objects of the file `objects`.
has_all () {
	while read -r object file
	do
		cmp "$ROOT/$1/objects/$object" "$file" || return 1
	done <objects
}

# has_none: no server has any.
has_none () {
	equal "$(find "$ROOT" -type f -path '*/objects/*' -size +15k)" ''
}

# Bytes that have left the source.
fetched () {
	from
	server_count bytes_out | sed "s/.*'get': \([0-9]*\).*/\1/"
}
