/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_CARRIER_H
#define LFS_CARRY_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/stop.h"
#include "lfs/carry/item.h"
#include "lfs/carry/spool.h"
#include "lfs/transfer/engine.h"

/*
 * Moves items, several at a time and in their order: asks the servers about
 * those that come next, begins with them as the spool has room, and takes up
 * again what can be.
 *
 *	carrier_put() --> waiting --> ready --> moving --> over
 *	                     ^                    |
 *	                     +---- once more -----+
 *
 * Main thread only.
 */

struct carrier;
struct inquiry;

struct carrier_options {
	struct engine *source;	/* borrowed, as all of these */
	struct engine *target;
	struct inquiry *inquiry;
	struct spool *spool;	/* NULL: nothing is moved */
	unsigned jobs;	/* items that may be moving, at most as connections */
	struct stop stop;
	void (*report)(void *ctx);	/* ten times a second at most; or NULL */
	void *ctx;
};

struct carrier *carrier_new(const struct carrier_options *options);

/* An item to be moved; borrowed until the carrier is freed. */
void carrier_put(struct carrier *carrier, struct item *item);

/* Only ask about all of them: they are ready, or over. */
int carrier_ask(struct carrier *carrier, struct err *err);

/*
 * Move them.  0 once each is over, whatever became of it; -1 if a server does
 * not answer at all, or we were stopped.
 */
int carrier_run(struct carrier *carrier, struct err *err);

/*
 * For the inquiry's `stop`: while a server is asked, what is moving goes
 * on.  Are we to stop?
 */
bool carrier_look(struct carrier *carrier);

/* Bytes sent so far. */
uint64_t carrier_sent(const struct carrier *carrier);

/*
 * Free it.  False, with nothing freed, if a worker did not come back in time.
 * NULL is fine.
 */
bool carrier_free(struct carrier *carrier);

#endif
