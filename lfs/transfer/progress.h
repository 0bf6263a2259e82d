/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_PROGRESS_H
#define LFS_TRANSFER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When to report progress, and what: at most every 100 ms, in integers, and so
 * that all `since` of an object add up to its size.  `since` is negative after
 * a part had to be sent again.  git-lfs keeps it in a Go int, which may have 32
 * bits, so that a larger step is reported in several (lfs/wire.md, The lines).
 *
 * Pure: the time is an argument.
 */

struct progress {
	uint64_t reported;	/* bytes, so far */
	uint64_t last_ms;
};

struct progress_event {
	uint64_t so_far;
	int64_t since;
};

/*
 * True if there is something to report of `moved` bytes; to be called again
 * until it returns false.  `now_ms` is not looked at if `at_once`.
 */
bool progress_next(struct progress *progress, uint64_t moved, uint64_t now_ms,
		   bool at_once, struct progress_event *event);

#endif
