/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MOVE_H
#define AGENT_MOVE_H

#include <stdbool.h>

#include "agent/input.h"
#include "agent/message.h"

/*
 * The agent moves one object after the other.  They share the configuration, the
 * connections and the login, which are made when the first object needs them.
 */

struct mover;

/*
 * For the objects that follow the message `init`.  `input` is borrowed, and
 * watched while an object moves.
 */
struct mover *mover_new(struct input *input, const struct message *init);

/*
 * Move the object of an upload or download message of the same direction as
 * `init`, from git-lfs's request to its `complete` with progress on the way,
 * and answer, whatever comes of it.  -1 if the agent is to stop instead:
 * git-lfs is gone, or a signal came.
 */
int mover_move(struct mover *mover, const struct message *message);

/*
 * Stop all and free it.  False if the process must end without running exit
 * handlers, as a thread did not come back in time.  NULL is fine.
 */
bool mover_free(struct mover *mover);

#endif
