/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_UNTAKEN_H
#define LFS_TRANSFER_UNTAKEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Downloads that are whole and were handed to git-lfs: <oid>.XXXXXX.
 *
 * git-lfs checks such a file and moves it to its objects.  Until then the
 * agent keeps it locked; so one that nobody has locked is one that git-lfs,
 * killed at that moment, will never take.
 */

/* Is that what `rest` says, the name without its oid? */
bool untaken_is_name(const char *rest);

/*
 * Open <stem>.XXXXXX of that size in `dir`, if there is one, and lock it.  Returns a
 * descriptor to read and write, with its path, the caller's, or -1.  The bytes
 * are to be checked.
 */
int untaken_open(const char *dir, const char *stem, uint64_t size, char **path);

/*
 * Remove the files <stem>.XXXXXX in `dir` that nobody has locked: the process
 * that made one locked it, and has died.
 */
void untaken_remove(const char *dir, const char *stem);

#endif
