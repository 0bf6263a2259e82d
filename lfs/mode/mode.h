/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_MODE_H
#define LFS_MODE_MODE_H

#include "lfs/mode/plan.h"

/*
 * What mode_plan() wants to see of the `actions` that a server gave for an
 * object: one of them, or the whole where the parts are actions of their own.
 * NULL: there is nothing to move.
 */
json_t *mode_action(json_t *actions, enum direction direction);

/*
 * Is the object moved by one action that is a request, `basic`?  Then its
 * headers are HTTP's, and what the user's configuration adds to them belongs
 * there; links of parts carry all that they need.
 */
bool mode_is_plain(json_t *actions, enum direction direction);

/*
 * From an action to the plan of its mode, which is recognised by the action's
 * shape and not by a name (lfs/wire.md, Dialects): in one conversation, Hugging
 * Face sends large objects in parts and small ones whole, both as `multipart`.
 *
 * Returns a new plan, or NULL: ERR_PROTOCOL, naming the member that is wrong.
 */
struct plan *mode_plan(const struct plan_request *request, struct err *err);

#endif
