/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_TREEPATH_H
#define LFS_GIT_TREEPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/wait.h"

/*
 * The path that an LFS object has in git, for messages: people know their
 * files by name, and git-lfs speaks of objects by their hash.
 *
 * Looks for the blob of the object's pointer in the trees of HEAD and
 * FETCH_HEAD, then in the history of all refs, newest first.  An object whose
 * pointer is not written as git-lfs writes it today is not found.
 */

struct treepath_search {
	const char *oid;
	uint64_t size;	/* of the object, in bytes */
	unsigned most_ms;	/* that git may take for all of it */
	struct stop stop;
};

/*
 * The first path found, in the repository of the current directory, as bytes
 * from the top of the work tree; the caller's.  NULL: none, or no time.
 */
char *treepath_find(const struct treepath_search *search);

#endif
