/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_MODE_H
#define LFS_MODE_MODE_H

#include "lfs/mode/plan.h"

/*
 * The part of `actions`, as a server gave them for an object, that mode_plan()
 * takes: one action, or all of them where the parts are actions of their own.
 * Borrowed; NULL: there is nothing to move.
 */
json_t *mode_action(json_t *actions, enum direction direction);

/*
 * Is the object moved by one action that is a request, `basic`?  Only then are
 * its headers HTTP's, and may get a login and what the user's configuration adds;
 * links of parts carry all that they need.
 */
bool mode_is_plain(json_t *actions, enum direction direction);

/*
 * Make the plan of an action.  Its mode is recognised by the action's shape and
 * not by a name (lfs/wire.md, Dialects):
 *
 *	`parts` beside init and commit		parts.h, giftless
 *	`chunk_size` and numbers in `header`	multipart.h, Hugging Face
 *	neither					`basic`: one request of the whole
 *
 * In one conversation, Hugging Face has large objects sent in parts and small
 * ones whole, both by the name `multipart`.
 *
 * Returns a new plan, or NULL with ERR_PROTOCOL, naming the member that is wrong.
 */
struct plan *mode_plan(const struct plan_request *request, struct err *err);

#endif
