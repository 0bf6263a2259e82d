/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_INQUIRY_H
#define LFS_CARRY_INQUIRY_H

#include "lfs/base/err.h"
#include "lfs/base/stop.h"
#include "lfs/carry/item.h"
#include "lfs/transfer/engine.h"

/*
 * What the two servers say of objects: first the target, what it lacks, then
 * of that the source, unless the local storage has it.
 *
 * The requests have pools of their own, so they may be made while objects
 * move.  Main thread only; the functions block, and ask `stop` ten times
 * a second meanwhile.
 */

struct inquiry;

struct inquiry_options {
	struct engine *source;	/* borrowed, as both */
	struct engine *target;
	bool is_dry;	/* ask, and have no upload begun */
	struct stop stop;
};

/* ERR_USAGE if one of the two has no LFS server. */
struct inquiry *inquiry_new(const struct inquiry_options *options,
			    struct err *err);

/*
 * Ask about items, at most BATCH_OBJECTS_MAX: those that were answered are
 * ready, or over; the others wait, and are to be asked again.  -1 if a server
 * answers no such request.
 */
int inquiry_ask(struct inquiry *inquiry, struct item *const *items, size_t n,
		struct err *err);

/* A new link of the source for one that is moving: item->source. */
int inquiry_renew(struct inquiry *inquiry, struct item *item, struct err *err);

/*
 * The source refused an item's link with a 401, or the target its upload or
 * verification, `err`: as server_log_in().
 */
int inquiry_log_in(struct inquiry *inquiry, const struct item *item,
		   enum direction direction, struct err *err);

/* False if the process must end without running exit handlers.  NULL is fine. */
bool inquiry_free(struct inquiry *inquiry);

#endif
