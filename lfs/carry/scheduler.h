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

struct finished;
struct scheduler;
struct spool;
struct survey;

struct scheduler_options {
	/*
	 * Borrowed, as all; by direction: queue.h.  Without the second, entries
	 * are moved to a file of the local storage.
	 */
	struct engine *engines[2];
	struct survey *survey;
	struct spool *spool;	/* of moves to a server; NULL: nothing is moved */
	unsigned jobs;	/* entries that may move at a time: at most connections */
	struct stop stop;
	void (*report)(void *ctx);	/* ten times a second at most; or NULL */
	/*
	 * Without a target: an entry has moved to this file.  And is there room
	 * for more of them?  Otherwise none is begun.
	 */
	void (*take)(void *ctx, struct entry *entry, struct finished *finished);
	bool (*has_room)(void *ctx);
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

/* Bytes moved so far by this run, also of entries that are not over. */
uint64_t scheduler_moved(const struct scheduler *scheduler);

/* Bytes moved of the entries that are moving, also by an earlier run. */
uint64_t scheduler_moving(const struct scheduler *scheduler);

/*
 * Free it.  False, with nothing freed, if a worker did not come back in time.
 * NULL is fine.
 */
bool scheduler_free(struct scheduler *scheduler);

#endif
