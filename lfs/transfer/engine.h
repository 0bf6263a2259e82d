/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_ENGINE_H
#define LFS_TRANSFER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * What moves the objects of one context: the pool of connections, the budget
 * that they are taken from, and how fast they have been.
 *
 * Main thread only, but for what the pool's jobs do.
 */

struct budget;
struct context;
struct engine;
struct pool;
struct source_memory;

/*
 * `context` is borrowed; `nagents`: processes like this one, by git-lfs's word.
 * Returns NULL if there is no libcurl.
 */
struct engine *engine_new(struct context *context, unsigned nagents,
			  struct err *err);

/* Both move objects in this process: budget_join().  Before either does. */
void engine_join(struct engine *engine, const struct engine *other);

/* What it was made of, all borrowed. */
struct context *engine_context(const struct engine *engine);
struct pool *engine_pool(const struct engine *engine);
struct budget *engine_budget(const struct engine *engine);
struct source_memory *engine_sources(const struct engine *engine);

/*
 * Keep open, and so locked, a file that git-lfs was handed, until the next
 * one: it asks for another object only when it has taken the one before.
 * `fd` is owned from now on; -1: none.
 */
void engine_keep_file(struct engine *engine, int fd);

/*
 * `bytes` of one object came, or went, in `ms`.  What says how fast the
 * connections are is used for how the next one is cut.
 */
void engine_note_rate(struct engine *engine, uint64_t bytes, uint64_t ms);

/* plan_part_size() for an object of `size` bytes. */
uint64_t engine_part_size(const struct engine *engine, uint64_t size);

/* An object is on its way: take part in the budget, until budget_release(). */
void engine_hold_budget(struct engine *engine);

/*
 * Use as many connections as fall to us now, but not fewer than `least`; ten
 * times a second is enough.
 */
void engine_heed_budget(struct engine *engine, unsigned least);

/* How often, and for how long, a request is tried. */
struct retry_policy engine_retry_policy(const struct engine *engine);

/* A pool besides the engine's, to be freed before it: retries are the same. */
struct pool *engine_new_pool(struct engine *engine, unsigned max_workers);

/*
 * Stop all and free the engine.  False if a worker did not come back within
 * `timeout_ms`: then the process must end without running exit handlers, and
 * the context must stay.  NULL is fine.
 */
bool engine_free(struct engine *engine, int timeout_ms);

#endif
