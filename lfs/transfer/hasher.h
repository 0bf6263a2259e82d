/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_HASHER_H
#define LFS_TRANSFER_HASHER_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/mode/plan.h"

/*
 * One thread that hashes an object in order, while its parts move.
 *
 * It reads up to `reach`, close after the workers have read or written the same
 * bytes, and so finds them in the page cache: the file is read from disk once.
 * Beside the SHA-256 of the whole it fills in `crc_hashed` of each part: for an
 * upload as it passes the part's end; for a download only if the whole is
 * wrong, before it is done.
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
	/* Up to where it may hash now; any thread, no lock held. */
	uint64_t (*reach)(void *ctx);
	void *ctx;
	struct journal *journal;	/* borrowed: keeps its state; or NULL */
	uint64_t save_every;	/* bytes that may have to be hashed again */
	const struct journal_hash *start;	/* where to start; NULL: at 0 */
};

/* Start the thread.  It wakes `pool` as it advances. */
struct hasher *hasher_new(const struct hasher_source *source, struct pool *pool,
			  struct err *err);

/* `reach` has grown; any thread.  Cheap, but not for every kilobyte. */
void hasher_poke(struct hasher *hasher);

/* Bytes hashed so far; any thread. */
uint64_t hasher_position(const struct hasher *hasher);

/* True when all is hashed, or reading failed; any thread. */
bool hasher_is_done(const struct hasher *hasher);

/* Wait until it is done, at most `timeout_ms`; true if it is.  Any thread. */
bool hasher_wait(struct hasher *hasher, unsigned timeout_ms);

/*
 * When it is done: 0 if the SHA-256 is the plan's oid; -1 with ERR_CORRUPT if
 * not, or with what went wrong in reading.
 */
int hasher_verdict(const struct hasher *hasher, struct err *err);

/* Stop the thread and free it.  NULL is fine. */
void hasher_free(struct hasher *hasher);

#endif
