/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_WORKTREE_GITINDEX_H
#define LFS_WORKTREE_GITINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lfs/base/err.h"

/*
 * The file that is git's index (git's Documentation, gitformat-index), versions 2
 * to 4, with SHA-1 or SHA-256: the stat data of entries, by which git knows that a
 * file is what the entry says.
 *
 * Only stat data is changed, so the file keeps its size, and each extension stays
 * true.  What we do not know, such as a split index, is left to git.
 */

enum {
	GITINDEX_MAX = 1 << 30	/* bytes of an index that we read */
};

/* A file that is in its place, and whose entry still has an older file's data. */
struct gitindex_file {
	const char *path;	/* borrowed */
	const char *blob;	/* borrowed: the hex id that its entry has */
	struct stat st;
	bool is_told;	/* set if the entry has this stat now */
};

struct gitindex {
	unsigned char *data;	/* owned: all of the file */
	size_t size;
	size_t hash_size;	/* 20 or 32 */
	int64_t mtime;	/* of the file, in seconds */
	mode_t mode;	/* of the file */
	/*
	 * Git 2.43 and later: a file of 4 GiB, or a multiple, does not look empty.
	 */
	bool marks_4gib;
};

/*
 * Write the stat data of these files, which are in the order of their paths, to
 * their entries.  An entry that has another blob, is in conflict or has a flag such
 * as skip-worktree is left alone, and its file not told.
 *
 * Other entries that git would look at again, since their file may have changed in
 * the second in which the index was written, are marked so that it still does when
 * the index is younger.
 *
 * ERR_PROTOCOL if it is not such an index or has something that we do not know;
 * the data is of no use then.
 */
int gitindex_patch(struct gitindex *index, struct gitindex_file *files,
		   size_t n, struct err *err);

/*
 * Read the index at `path`, as for gitindex_patch().  ERR_PROTOCOL if it is larger
 * than GITINDEX_MAX, or a link.
 */
int gitindex_load(struct gitindex *index, const char *path, struct err *err);

void gitindex_release(struct gitindex *index);

#endif
