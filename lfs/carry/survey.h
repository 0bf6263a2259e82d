/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_SURVEY_H
#define LFS_CARRY_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/carry/queue.h"
#include "lfs/transfer/engine.h"

/*
 * Asks both servers about objects: first the target, which says what it lacks,
 * then the source about those, unless the local storage has them.  Without a
 * target, for objects that are to come here, only the source is asked.
 *
 * The requests have pools of their own, so they may be made while objects
 * move.  Main thread only; the functions block, and ask `stop` ten times
 * a second meanwhile.
 */

struct survey;

struct survey_options {
	/* Borrowed; by direction: queue.h.  That of a target may be NULL. */
	struct engine *engines[2];
	bool is_dry;	/* ask, and have no upload begun */
	struct stop stop;
};

/* ERR_USAGE if one of the two has no LFS server. */
struct survey *survey_new(const struct survey_options *options,
			  struct err *err);

/*
 * Ask about entries, at most BATCH_OBJECTS_MAX: those that were answered are
 * ready, or over; the others wait, and are to be asked again.  -1 if a server
 * answers no such request.
 */
int survey_ask(struct survey *survey, struct entry *const *entries, size_t n,
	       struct err *err);

/* From any thread: have a function that waits for an answer ask `stop` now. */
void survey_wake(struct survey *survey);

/* Get a new link of the source for an entry that is moving. */
int survey_renew(struct survey *survey, struct entry *entry, struct err *err);

/*
 * The source refused an entry's link with a 401, or the target its upload or
 * verification, `err`: as server_log_in().
 */
int survey_log_in(struct survey *survey, const struct entry *entry,
		  enum direction direction, struct err *err);

/* False if the process must end without exit handlers.  NULL is fine. */
bool survey_free(struct survey *survey);

#endif
