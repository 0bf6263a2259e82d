/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MOVER_H
#define AGENT_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/input.h"
#include "lfs/base/err.h"
#include "lfs/server/batch.h"

/*
 * What the objects of a process share, one after the other: config,
 * connections, the login.  It is made when the first of them needs it.
 */

enum { MOVER_STOP_MS = 500 };	/* for workers to come back at the end */

struct mover {
	struct input *input;	/* borrowed: watched while an object moves */
	char *remote;	/* owned, as all below; or NULL */
	bool is_upload;
	unsigned nagents;
	uint64_t began_ms;	/* by clock_ms() */
	struct context *context;
	struct engine *engine;
	struct server *server;	/* standalone only */
	struct lookahead *ahead;	/* likewise */
	bool is_kept;	/* what the server says now, it said some time ago */
	uint64_t named_ms;	/* that git took to name files for messages */
	bool left_behind;	/* a worker has a transfer: free nothing */
};

struct mover_options {
	struct input *input;	/* borrowed */
	const char *remote;	/* by git-lfs's word; copied; or NULL */
	bool is_upload;
	unsigned nagents;	/* processes like this one */
};

struct mover *mover_new(const struct mover_options *options);

/* Have the engine; -1 if that fails. */
int mover_need_engine(struct mover *mover, struct err *err);

/*
 * Standalone, with the engine: ask the server about the object, as
 * server_ask().  `anew`: what it has said before is not good enough.
 */
int mover_ask(struct mover *mover, struct batch_object *object, bool anew,
	      struct err *err);

/*
 * Stop all and free it.  False if the process must end without running exit
 * handlers, as a thread did not come back in time.  NULL is fine.
 */
bool mover_free(struct mover *mover);

#endif
