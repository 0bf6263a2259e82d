/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MOVE_H
#define AGENT_MOVE_H

#include <stdbool.h>

#include "agent/input.h"
#include "agent/message.h"

/*
 * Objects, one after the other: from git-lfs's request to its `complete`, with
 * progress on the way.  What they share (config, connections, the login) is
 * made when the first one needs it.
 */

struct mover;

struct mover_options {
	struct input *input;	/* borrowed: watched while an object moves */
	const char *remote;	/* by git-lfs's word; copied; or NULL */
	bool is_upload;
	unsigned nagents;	/* processes like this one */
};

struct mover *mover_new(const struct mover_options *options);

/*
 * Move the object of an upload or download message and answer, whatever
 * comes of it.  -1 if we are to stop instead: git-lfs is gone, or a signal
 * came.
 */
int mover_move(struct mover *mover, const struct message *message);

/*
 * Stop all and free it.  False if the process must end without running exit
 * handlers, as a thread did not come back in time.  NULL is fine.
 */
bool mover_free(struct mover *mover);

#endif
