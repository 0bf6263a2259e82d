/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_PIPELINE_H
#define LFS_CARRY_PIPELINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/mode/plan.h"
#include "lfs/transfer/object.h"

/*
 * The bytes that are between two servers: one unlinked file of bounded size, in
 * blocks that are used again and again.
 *
 * Each object has a lane, which maps the object's blocks to those of the file
 * that it holds just now.  A lane is opened only if the blocks that it needs at
 * least can be kept for it; the others go to the lane that asks first.  So every
 * open lane can always proceed, whatever the others do.
 *
 * The main thread opens, grants, drops and closes; any thread may read and write
 * what is granted.
 */

enum {
	SPOOL_BLOCK = 1 << 20,	/* bytes */
	SPOOL_BLOCKS_MAX = 1 << 20,	/* of a spool: 1 TiB */
	SPOOL_WHOLE_MAX = 1 << 26	/* of an object: 64 TiB; S3 takes less */
};

struct spool;
struct lane;

/*
 * Make one in the directory `dir`, of 1 to SPOOL_BLOCKS_MAX blocks.  It leaves some
 * of the `max` bytes to the journals of what is on its way.
 */
struct spool *spool_new(const char *dir, uint64_t max, struct err *err);

/* The least `max`, in bytes, that makes a spool of so many blocks. */
uint64_t spool_max(size_t nblocks);

/* How many blocks it has. */
size_t spool_blocks(const struct spool *spool);

/* How many are free and not kept for a lane. */
size_t spool_room(const struct spool *spool);

/* The most bytes that were held at a time. */
uint64_t spool_peak(const struct spool *spool);

/* The lanes must be closed.  NULL is fine. */
void spool_free(struct spool *spool);

/* How many blocks so many bytes touch at most, wherever they begin. */
size_t spool_count(uint64_t bytes);

/*
 * The lane of an object of `size` bytes that needs `least` blocks at a time.
 * NULL if they cannot be kept for it now.
 */
struct lane *lane_open(struct spool *spool, uint64_t size, size_t least);

/*
 * Have blocks for the bytes from `from` to `to`, of which some may be there.
 * False, with nothing changed, if there are not enough now.
 */
bool lane_grant(struct lane *lane, uint64_t from, uint64_t to);

/* The object's block `i` is no longer needed; it need not be there. */
void lane_drop(struct lane *lane, size_t i);

/* Only bytes of granted blocks. */
int lane_write(struct lane *lane, const void *data, size_t n, uint64_t off,
	       struct err *err);
int lane_read(struct lane *lane, void *data, size_t n, uint64_t off,
	      struct err *err);

/* NULL is fine. */
void lane_close(struct lane *lane);

/*
 * The way of one object's bytes from its download to its upload: what both read
 * and write in place of a file.  The blocks of a range are granted before it is
 * fetched, and dropped when they have been hashed and sent.
 *
 *	pipeline_init(&pipeline, spool, size, connections, news);
 *	pipeline_open(&pipeline, upload's plan, &needed, &err);
 *	fetch_plan_make(download's plan, ...);
 *	start both with `drain` and `fill`, and set `upload` and `download`
 *	pipeline_turn(&pipeline), again and again
 *
 * Main thread only, but for what the jobs and the hasher of the two do through
 * `fill` and `drain`.
 */

struct pipeline {
	struct object_io fill;	/* of the download */
	struct object_io drain;	/* of the upload */
	uint64_t size;
	uint64_t range_size;	/* bytes of a range, at most */
	bool is_short;	/* the object fits into the lane */
	struct spool *spool;	/* borrowed */
	struct lane *lane;	/* owned */
	struct bell *data;	/* owned; rings when bytes or blocks come */
	struct bell *news;	/* borrowed; rings when a block was filled or sent */
	pthread_mutex_t mutex;	/* of object_reach(): the main thread or the hasher */
	_Atomic(struct object *) download;	/* borrowed; NULL: not yet */
	struct object *upload;	/* borrowed */
	_Atomic(uint64_t) granted;	/* what may be written ends there */
	_Atomic(size_t) dropped;	/* blocks below this one are gone */
};

/* For an object that is fetched over so many connections. */
void pipeline_init(struct pipeline *pipeline, struct spool *spool,
		   uint64_t size, unsigned connections, struct bell *news);

/*
 * Have as much of the spool as an upload by the plan `send` needs: that number
 * of blocks goes into `*needed`.  ERR_BUSY if it has no room now, ERR_USAGE if
 * it is too small.
 */
int pipeline_open(struct pipeline *pipeline, const struct plan *send,
		  size_t *needed, struct err *err);

/*
 * Give back the blocks that were hashed and sent, and give some to a server
 * that heeds no ranges and so sends all of the object at once.
 */
void pipeline_turn(struct pipeline *pipeline);

void pipeline_release(struct pipeline *pipeline);

/*
 * A good size for the ranges of an object, in bytes, over `connections` side by
 * side, where `max` bytes may be on the way: two ranges fit in it.
 */
uint64_t fetch_range_size(uint64_t size, unsigned connections, uint64_t max);

/*
 * Cut `fetch` into ranges: the parts of `send`, or about equal shares of those
 * that are larger than `range_size`.  Bytes that are not needed count as
 * fetched: those in parts that were sent, as far as they were `hashed`.
 */
void fetch_plan_make(struct plan *fetch, const struct plan *send,
		     uint64_t range_size, uint64_t hashed);

/*
 * How much of the object must be in the spool at a time, in bytes: two parts of
 * `send`, or two ranges if it is sent in one PUT.
 */
uint64_t fetch_least(const struct plan *send, uint64_t range_size);

#endif
