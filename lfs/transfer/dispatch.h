/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_DISPATCH_H
#define LFS_TRANSFER_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/object.h"

/*
 * What of a transfer is in the pool's hands: its parts, handed out in file
 * order, the first ones first, and the steps of its mode that are no part.
 *
 * Main thread only, but for what the jobs themselves do.
 */

struct pace;
struct settings;
struct transfer;

/* A free slot has no part. */
struct slot {
	struct job job;	/* first: jobs come back as it */
	struct dispatch *dispatch;
	struct part *part;
	unsigned closed;	/* connections that were too slow for it */
};

struct dispatch {
	struct transfer *transfer;	/* borrowed, as are the next two */
	struct object *object;
	struct pool *pool;
	struct pace *pace;	/* owned */
	struct slot *slots;	/* owned */
	size_t nslots;
	struct slot step;
	int (*run_step)(struct plan *plan, struct http *http, struct err *err);
	size_t next;	/* the part to hand out next */
	bool is_tried_once;	/* each part; by default as often as it takes */
	unsigned outstanding;	/* jobs that are not back */
};

/*
 * There are twice as many slots as connections, so that a worker that is done
 * with a part finds the next one waiting.
 */
void dispatch_init(struct dispatch *dispatch, struct transfer *transfer,
		   struct object *object, struct pool *pool,
		   const struct settings *settings);

/* Hand out all parts that can go now. */
void dispatch_parts(struct dispatch *dispatch);

/*
 * Have a worker take a step of the mode; of a download, whose modes have none,
 * download_sync().
 */
void dispatch_step(struct dispatch *dispatch,
		   int (*step)(struct plan *plan, struct http *http,
			       struct err *err));

/* The next part to go out, or NULL; those of an earlier run are passed. */
struct part *dispatch_next(struct dispatch *dispatch);

/* Begin again with the first part that is missing. */
void dispatch_rewind(struct dispatch *dispatch);

/*
 * A job came back from the pool: it is free again.  Returns the part that it
 * was, NULL for a step.
 */
struct part *dispatch_take_back(struct job *job);

/* Whose job is it? */
struct transfer *dispatch_owner(const struct job *job);

void dispatch_release(struct dispatch *dispatch);

#endif
