/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_ENGINE_H
#define LFS_TRANSFER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/source.h"

/*
 * The means to move the objects of one context: the pool of connections, the
 * budget that they are taken from, how fast they are, and which are too slow to
 * keep.
 *
 * Main thread only, but for what the pool's jobs do.
 */

struct budget;
struct context;
struct engine;
struct object;
struct part;
struct source_memory;
struct transfer;

/*
 * `context` is borrowed; `nagents`: processes like this one, by git-lfs's word.
 * Returns NULL if there is no libcurl.
 */
struct engine *engine_new(struct context *context, unsigned nagents,
			  struct err *err);

/* Both move objects in this process, see budget_join(); before either does. */
void engine_join(struct engine *engine, const struct engine *other);

/* Its parts, all borrowed. */
struct context *engine_context(const struct engine *engine);
struct pool *engine_pool(const struct engine *engine);
struct budget *engine_budget(const struct engine *engine);
struct source_memory *engine_sources(struct engine *engine);

/*
 * Keep open, and so locked, a file that git-lfs was handed, until the next
 * one: it asks for another object only when it has taken the one before.
 * `fd` is owned from now on; -1: none.
 */
void engine_keep_file(struct engine *engine, int fd);

/*
 * `bytes` of one object moved in `ms`.  If that tells how fast a connection is,
 * the next object is cut by it.
 */
void engine_note_rate(struct engine *engine, uint64_t bytes, uint64_t ms);

/* plan_part_size() for an object of `size` bytes. */
uint64_t engine_part_size(const struct engine *engine, uint64_t size);

/* An object moves: take part in the budget, until budget_release(). */
void engine_hold_budget(struct engine *engine);

/*
 * Use as many connections as are our share now, but not fewer than `least`.  To
 * be called often; it looks ten times a second.
 */
void engine_heed_budget(struct engine *engine, unsigned least);

/* How often, and for how long, a request is tried. */
struct retry_policy engine_retry_policy(const struct engine *engine);

/* Another pool with the same retries; the caller frees it before the engine. */
struct pool *engine_new_pool(struct engine *engine, unsigned max_workers);

/*
 * Stop all and free the engine.  False if a worker did not come back within
 * `timeout_ms`: then the process must end without running exit handlers, and
 * the context must stay.  NULL is fine.
 */
bool engine_free(struct engine *engine, int timeout_ms);

/*
 * Finds the connections of an object that are too slow to keep.
 *
 * One that is far slower than its siblings holds up its part, and at the end
 * the object.  It is closed, and another connection asks for what is missing of
 * the part.  That happens below a tenth of the median rate of the object's
 * connections over five seconds, or, when no part is left to hand out, below a
 * quarter over three; at most twice for a part.  A connection without siblings
 * is too slow below 1 KiB a second over the stall time.
 *
 * Only the time in which a body moves counts.  Pure but for a lock: time comes
 * as an argument.
 */

struct pace;

enum pace_verdict {
	PACE_GOOD,
	PACE_SLOWER,	/* than its siblings */
	PACE_SLOW	/* by itself */
};

/* The news of one connection. */
struct pace_news {
	const void *id;	/* of the connection */
	uint64_t now_ms;
	uint64_t moved;	/* bytes of the body of this request, so far */
	uint64_t busy_ms;	/* for which it has moved */
	unsigned closed;	/* connections of its part that were too slow */
	bool is_spared;	/* not to be compared: an upload nearly done */
	bool is_last;	/* no part is left to hand out */
	bool is_over;	/* the body has ended: nothing to judge */
};

struct pace *pace_new(unsigned stall_ms);

/*
 * Note it and judge the connection; from any thread.  After a verdict that is
 * not PACE_GOOD, what was noted of the connection is forgotten.
 */
enum pace_verdict pace_note(struct pace *pace, const struct pace_news *news);

/* NULL is fine. */
void pace_free(struct pace *pace);

/* A part in the pool's hands; without one it is free. */
struct part_job {
	struct job job;	/* first: jobs come back as it */
	struct transfer *transfer;	/* borrowed, as the next three */
	struct object *object;
	struct pace *pace;	/* of all parts of the object */
	struct part *part;
	/* The rest is this module's. */
	const struct http *http;	/* its connection */
	unsigned closed;	/* connections that were too slow for it */
	struct source_route route;	/* of its latest request, if it is a download */
};

/* Have a worker send the part, or receive it. */
void engine_submit(struct engine *engine, struct part_job *part_job);

#endif
