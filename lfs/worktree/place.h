/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_WORKTREE_PLACE_H
#define LFS_WORKTREE_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/worktree/placed.h"
#include "lfs/worktree/selection.h"

/*
 * Puts the bytes of an object at a path of the work tree: into a temporary file
 * first, which gets the path by a rename, so that it holds the pointer or all of
 * the object.  No link in the path is followed, and nothing but the pointer is
 * replaced.
 */

struct place {
	int top;	/* the top of the work tree, open */
	struct journal *journal;	/* borrowed: notes each file (placed.h) */
	char *temp;	/* owned: the path of the temporary file */
	bool is_beside;	/* the temporary file cannot be renamed into place */
	bool syncs;	/* each file, before it gets its name */
	mode_t umask;
	struct stop stop;
};

/* The file that has the bytes; with `may_move` it is of no further use. */
struct place_source {
	const char *path;
	bool may_move;
};

/*
 * What worktree_place() does for one file.  `placed` is filled, and its path the
 * caller's.
 */
int place_file(struct place *place, const struct wanted_file *file,
	       const struct place_source *source, struct placed_file *placed,
	       struct err *err);

/* The stat of a path below the open folder `top`; -1 if there is none. */
int place_stat(int top, const char *path, struct stat *st);

#endif
