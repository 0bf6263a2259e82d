/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MOVE_H
#define AGENT_MOVE_H

#include "agent/message.h"
#include "agent/mover.h"

/*
 * Move the object of an upload or download message, from git-lfs's request to
 * its `complete` with progress on the way, and answer, whatever comes of it.
 * -1 if we are to stop instead: git-lfs is gone, or a signal came.
 */
int move_object(struct mover *mover, const struct message *message);

#endif
