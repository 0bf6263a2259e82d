/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_SCHEDULER_H
#define LFS_CARRY_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/carry/queue.h"
#include "lfs/transfer/engine.h"

/*
 * Moves entries, several at a time and in their order: asks the servers about
 * those that come next, begins with them as the spool has room, and tries again
 * as attempts.h decides.
 *
 *	scheduler_put() --> waiting --> ready --> moving --> over
 *	                      ^                     |
 *	                      +----- try again -----+
 *
 * Main thread only.
 */

struct scheduler;
struct spool;
struct survey;

struct scheduler_options {
	struct engine *engines[2];	/* borrowed, as all; by direction: queue.h */
	struct survey *survey;
	struct spool *spool;	/* NULL: nothing is moved */
	unsigned jobs;	/* entries that may move at a time: at most connections */
	struct stop stop;
	void (*report)(void *ctx);	/* ten times a second at most; or NULL */
	void *ctx;
};

struct scheduler *scheduler_new(const struct scheduler_options *options);

/* An entry to be moved; borrowed until the scheduler is freed. */
void scheduler_put(struct scheduler *scheduler, struct entry *entry);

/* Only ask about all of them: then each is ready, or over. */
int scheduler_ask(struct scheduler *scheduler, struct err *err);

/*
 * Move them.  0 once each is over, whatever became of it; -1 if a server does
 * not answer at all, or we were stopped.
 */
int scheduler_run(struct scheduler *scheduler, struct err *err);

/*
 * For the survey's `stop`: are we to stop?  While a server is asked, this keeps
 * going what is moving.
 */
bool scheduler_look(struct scheduler *scheduler);

/* Bytes sent so far. */
uint64_t scheduler_sent(const struct scheduler *scheduler);

/*
 * Free it.  False, with nothing freed, if a worker did not come back in time.
 * NULL is fine.
 */
bool scheduler_free(struct scheduler *scheduler);

#endif
