/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_PATTERNS_H
#define LFS_GIT_PATTERNS_H

/*
 * The patterns of `git lfs fetch --include` and `--exclude`, and of the keys
 * lfs.fetchinclude and lfs.fetchexclude, as pathspecs of git: so git itself
 * matches them, in an index as in a history.
 *
 * A list of patterns is separated by commas, with blanks around each.  Without a
 * slash inside, a pattern is the name of files and folders at any depth;
 * otherwise, or with a slash before it, it stands for one place from the top of
 * the work tree.  A folder stands for all that is in it.
 *
 *	*.bin	any file of such a name
 *	a/b	the file or folder at that place
 */

/*
 * The pathspecs for `include`, then those for `exclude`; each may be NULL, and a
 * blank one is the same as none.  Ends with NULL; the caller frees all of it with
 * patterns_free().
 *
 * They are for commands that take no pathspecs as all paths, and for `git
 * ls-files` where `:(top)` stands before an exclude alone.  git-lfs folds letters
 * where core.ignorecase is set, as `git --icase-pathspecs` does for ASCII.
 *
 * git-lfs itself matches malformed patterns in ways that nobody means: a `[`
 * without its `]` ends the pattern, and a range may descend.  Those are not
 * copied.
 */
char **patterns_to_pathspecs(const char *include, const char *exclude);

/* NULL is fine. */
void patterns_free(char **pathspecs);

#endif
