# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# The vocabulary of the scenarios of `pull`, `fetch` and `clone`, besides that of
# lib.sh.  They run git's filter through a wrapper that notes each start: no bytes
# may go through it.
#
#	pointers NAME DIR [OPTION...]	a clone of NAME with pointers as files
#	run_pull DIR WORD...	`pull` in DIR; what it says is in `out` and `err`
#	run_fetch DIR WORD...	the same for `fetch`
#	agrees NAME DIR		git and git-lfs find all in order in DIR, which has
#				the bytes of NAME, and no filter has run
#	settle DIR		forget the filters that have run so far, and make the files
#				of DIR older than git's index, which then trusts it
#	lfs_state DIR		one line for each LFS file: '*' or '-', and the path

FILTERS=$TEST_TMP/filters
cat >"$TEST_TMP/filter" <<END || exit 1
#!/bin/sh
echo "\$*" >>"$FILTERS"
exec git-lfs "\$@"
END
chmod +x "$TEST_TMP/filter"
git config --global filter.lfs.clean "$TEST_TMP/filter clean -- %f"
git config --global filter.lfs.process "$TEST_TMP/filter filter-process"

settle () {
	git -C "$1" ls-files -z | (cd "$1" && xargs -0 touch -c -h -d '1 hour ago')
	git -C "$1" update-index -q --refresh
	: >"$FILTERS"
}

pointers () {
	GIT_LFS_SKIP_SMUDGE=1 clone_repo "$@" || die "pointers $*"
	settle "$2"
}

# run_in DIR WORD...: the agent there.
run_in () {
	dir=$1
	shift
	(cd "$dir" && exec timeout 300 "$AGENT" "$@") >out 2>err
}

run_pull () {
	dir=$1
	shift
	run_in "$dir" pull --quiet "$@"
}

run_fetch () {
	dir=$1
	shift
	run_in "$dir" fetch --quiet "$@"
}

lfs_state () {
	git -C "$1" lfs ls-files | cut -d ' ' -f 2-
}

# Twice, as the first one may change the index.
is_clean () {
	equal "$(git -C "$1" status --porcelain)" '' &&
	equal "$(git -C "$1" status --porcelain)" '' &&
	equal "$(cat "$FILTERS")" ''
}

agrees () {
	is_clean "$2" &&
	same_files "$1" "$2" &&
	git -C "$2" lfs fsck &&
	equal "$(lfs_state "$2" | grep '^-')" '' &&
	equal "$(git -C "$2" lfs status --porcelain)" ''
}
