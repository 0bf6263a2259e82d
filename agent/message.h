/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MESSAGE_H
#define AGENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/input.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/mode/plan.h"

/*
 * The lines that git-lfs and a custom transfer agent exchange (git-lfs's
 * docs/custom-transfers.md; what its code really does: lfs/wire.md, Custom
 * transfers).
 *
 * git-lfs counts answers: each object gets exactly one `complete`, whatever
 * happened.  Otherwise git-lfs takes all later answers for those of the wrong
 * objects.
 */

enum event { EVENT_INIT, EVENT_UPLOAD, EVENT_DOWNLOAD, EVENT_TERMINATE };

/* A line that was read; its strings are borrowed from `tree`. */
struct message {
	enum event event;
	json_t *tree;		/* owned; NULL if the line was not JSON */

	/* init */
	enum direction direction;
	const char *remote;	/* or NULL */
	unsigned nagents;

	/* upload, download */
	const char *oid;	/* "" if the line has none that can be read */
	uint64_t size;
	const char *path;	/* upload: the file to send */
	json_t *action;	/* or NULL: standalone */
};

#define MESSAGE_INIT { .oid = "" }

/*
 * Read one line and check it.  Returns 1; 0 at the end of the input or after a
 * signal; -1 with ERR_PROTOCOL if the line is not a message.  The input is then
 * at the next line, and `oid` is set if the line has one.
 */
int message_read(struct message *message, struct input *input, struct err *err);

/* Free the tree; the struct may be used again. */
void message_release(struct message *message);

/* Each answer is one write() of one line to stdout. */
int message_ready(struct err *err);
int message_not_ready(const struct err *why, struct err *err);
int message_progress(const char *oid, uint64_t so_far, int64_t since,
		     struct err *err);

/* `path` is NULL for an upload. */
int message_complete(const char *oid, const char *path, struct err *err);
int message_failed(const char *oid, const struct err *why, struct err *err);

/*
 * When to report progress, and what: at most every 100 ms, and so that all
 * `since` of an object add up to its size.  `since` is negative after a part had
 * to be sent again.  git-lfs keeps it in a Go int, which may have 32 bits, so a
 * larger step is reported as several (lfs/wire.md, The lines).
 *
 * Pure: the time is an argument.
 */

struct progress {
	uint64_t reported;	/* bytes, so far */
	uint64_t last_ms;
};

struct progress_event {
	uint64_t so_far;
	int64_t since;
};

/*
 * True if there is something to report when `moved` bytes have moved; call it
 * until it returns false.  With `at_once`, `now_ms` does not matter.
 */
bool progress_next(struct progress *progress, uint64_t moved, uint64_t now_ms,
		   bool at_once, struct progress_event *event);

#endif
