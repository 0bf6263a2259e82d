/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_REMOTE_LOCALPATH_H
#define LFS_REMOTE_LOCALPATH_H

#include <stdbool.h>

/* Paths of repositories on this machine, as git-lfs makes file URLs of them. */

bool localpath_exists(const char *path);

/*
 * The file URL of a repository: of its .git if it has one.  Without escapes,
 * as git-lfs writes it.  Of a path that is not there just the path, absolute.
 * The caller's.
 */
char *localpath_to_url(const char *path);

/* An absolute path without ".", "..", and double slashes; the caller's. */
char *localpath_clean(const char *path);

#endif
