/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_PACE_H
#define LFS_TRANSFER_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which connection of an object is too slow to keep.
 *
 * One that is far slower than its siblings holds up its part, and at the end
 * the object: it is closed, and what is missing of the part is asked for again
 * by another connection.  That is at less than a tenth of the median rate of
 * the object's connections over five seconds, or, once no part is left to hand
 * out, at less than a quarter over three; twice for a part at the most.  A
 * connection without siblings is too slow at less than 1 KiB a second over the
 * stall time.
 *
 * Only the time counts in which a body moves.  Pure, but for a lock: time comes
 * as an argument.
 */

struct pace;

enum pace_verdict {
	PACE_GOOD,
	PACE_SLOWER,	/* than its siblings */
	PACE_SLOW	/* by itself */
};

/* What one connection has to say. */
struct pace_news {
	const void *id;	/* of the connection */
	uint64_t now_ms;
	uint64_t moved;	/* bytes of the body of this request, so far */
	uint64_t busy_ms;	/* for which it has moved */
	unsigned closed;	/* how often its part was taken from one */
	bool is_spared;	/* not to be compared: an upload nearly done */
	bool is_last;	/* no part is left to hand out */
	bool is_over;	/* the body has ended: only to be noted */
};

struct pace *pace_new(unsigned stall_ms);

/*
 * Note it and judge it.  From any thread.  After a verdict that is not good the
 * connection begins anew.
 */
enum pace_verdict pace_note(struct pace *pace, const struct pace_news *news);

/* NULL is fine. */
void pace_free(struct pace *pace);

#endif
