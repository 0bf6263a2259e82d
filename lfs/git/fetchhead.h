/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_FETCHHEAD_H
#define LFS_GIT_FETCHHEAD_H

#include <stddef.h>

/*
 * Where the last fetch was from, by git's own note of it: in a repository
 * without a remote, as after `git fetch URL`, nothing else tells.  git-lfs
 * looks there from 3.5 on.
 */

/*
 * The URL in the first line of a FETCH_HEAD (git's Documentation, fetch.txt;
 * builtin/fetch.c), without user and `.git` as git writes it; NULL if there is
 * none.  The result is the caller's.
 */
char *fetchhead_parse(const char *text, size_t len);

/*
 * That of the repository that the current directory is in, or NULL.  Asks git
 * where the file is, with one child process.
 */
char *fetchhead_url(void);

#endif
