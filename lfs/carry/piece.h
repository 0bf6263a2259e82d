/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_PIECE_H
#define LFS_CARRY_PIECE_H

#include <stddef.h>
#include <stdint.h>

#include "lfs/mode/plan.h"

/*
 * The ranges in which an object is fetched from the source: the parts of the
 * target's plan, large ones cut into pieces of about the same size.
 */

/*
 * A good size of pieces, in bytes, for `connections` side by side, where
 * `max` bytes may be on the way: two pieces fit in it.
 */
uint64_t piece_size(uint64_t size, unsigned connections, uint64_t max);

/* Give `fetch` the parts that fit those of `send`, none over `piece` bytes. */
void piece_cut(struct plan *fetch, const struct plan *send, uint64_t piece);

/*
 * Count as fetched the bytes that nobody needs: those in parts that were sent
 * and before `hashed`, the position of the hash.
 */
void piece_skip(struct plan *fetch, const struct plan *send, uint64_t hashed);

/*
 * How much of the object must be in the spool at a time, in bytes: two of the
 * target's parts, or of the pieces if it is sent in one PUT.
 */
uint64_t piece_least(const struct plan *send, uint64_t piece);

/* The first part of the plan, which is in file order, that ends behind `off`. */
size_t piece_part_at(const struct plan *plan, uint64_t off);

#endif
