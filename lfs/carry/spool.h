/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_SPOOL_H
#define LFS_CARRY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"

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

/* How many an object of so many bytes has; over SPOOL_WHOLE_MAX is not possible. */
size_t spool_whole(uint64_t size);

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

#endif
