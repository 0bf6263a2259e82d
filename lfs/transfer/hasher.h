/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_HASHER_H
#define LFS_TRANSFER_HASHER_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/mode/plan.h"

/*
 * One thread that hashes an object's file in order, while its parts move.
 *
 * It reads up to `reach`, behind the bytes that the workers have read (or
 * written), and so finds them in the page cache: the file is read from disk
 * once.  Beside the SHA-256 of the whole it fills in `crc_hashed` of each part:
 * of an upload on the way, finished when hasher_position() has passed the
 * part's end; of a download only if that is wrong, before it says so.
 */

struct hasher;
struct journal;
struct journal_hash;
struct pool;

struct hasher_source {
	struct plan *plan;	/* borrowed */
	/* Exactly `n` of the object's bytes at `off`. */
	int (*read)(void *ctx, void *data, size_t n, uint64_t off,
		    struct err *err);
	/* How far the file may be hashed now; any thread, no lock held. */
	uint64_t (*reach)(void *ctx);
	void *ctx;
	struct journal *journal;	/* borrowed: keeps its state; or NULL */
	uint64_t save_every;	/* bytes; what may have to be hashed again */
	const struct journal_hash *start;	/* go on from there; or NULL */
};

/* Start the thread.  It wakes `pool` as it gets on. */
struct hasher *hasher_new(const struct hasher_source *source, struct pool *pool,
			  struct err *err);

/* `reach` has grown; any thread.  Cheap, but not for every kilobyte. */
void hasher_poke(struct hasher *hasher);

/* Bytes hashed so far; any thread. */
uint64_t hasher_position(const struct hasher *hasher);

/* True when all is hashed, or reading failed; any thread. */
bool hasher_is_done(const struct hasher *hasher);

/*
 * Wait until it is done, at most `timeout_ms`; any thread.  Returns whether
 * it is.
 */
bool hasher_wait(struct hasher *hasher, unsigned timeout_ms);

/*
 * When it is done: 0 if the SHA-256 is the plan's oid; -1 with ERR_CORRUPT if
 * not, or with what went wrong in reading.
 */
int hasher_verdict(const struct hasher *hasher, struct err *err);

/* Stop the thread and free it.  NULL is fine. */
void hasher_free(struct hasher *hasher);

#endif
