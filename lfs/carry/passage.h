/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_PASSAGE_H
#define LFS_CARRY_PASSAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/wait.h"
#include "lfs/carry/spool.h"
#include "lfs/transfer/object.h"

/*
 * The way of one object's bytes from its download to its upload: what is read
 * and written in place of a file.  A block of the lane is granted before the
 * piece goes out that fills it, and dropped when it was hashed and sent.
 *
 * Main thread only, but for what the two objects' jobs and hasher do by way of
 * `fill` and `drain`.
 */

struct passage {
	struct object_io fill;	/* of the download */
	struct object_io drain;	/* of the upload */
	uint64_t size;
	uint64_t piece;	/* bytes that are fetched at a time, at the most */
	bool is_short;	/* the object fits into the lane */
	struct lane *lane;	/* owned */
	struct bell *data;	/* borrowed; rings when bytes or blocks come */
	struct bell *news;	/* and this one when a block was filled or sent */
	struct object *source;	/* borrowed, as the other; or NULL */
	struct object *target;

	pthread_mutex_t mutex;	/* guards `source` for other threads */
	_Atomic(uint64_t) granted;	/* what may be written ends there */
	_Atomic(size_t) dropped;	/* blocks below this one are gone */
};

void passage_init(struct passage *passage, uint64_t size, struct bell *data,
		  struct bell *news);

/* The bytes come from this object from now on; or from none. */
void passage_from(struct passage *passage, struct object *source);

/* Give blocks to a source without ranges, which sends the whole in one go. */
void passage_feed(struct passage *passage);

/* Give back the blocks that were hashed and sent. */
void passage_drop(struct passage *passage);

void passage_release(struct passage *passage);

#endif
