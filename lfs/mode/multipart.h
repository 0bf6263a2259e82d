/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_MULTIPART_H
#define LFS_MODE_MULTIPART_H

#include <stdbool.h>

#include "lfs/mode/plan.h"

/*
 * The `multipart` of Hugging Face, CSGHub and KohakuHub (lfs/wire.md,
 * Dialects).
 *
 * The action's `header` is not one of HTTP: `chunk_size` is the size of a part
 * in decimal, and each member whose name is a number holds the presigned URL of
 * that part.  The parts are PUT as they are, without any header of ours; `href`
 * then takes a POST of the part numbers and their ETags.
 */

/* True if the action has that shape. */
bool multipart_is(const json_t *action);

/*
 * Fill in mode and parts of `plan`, whose action is parsed.  ERR_PROTOCOL if
 * the numbers are not exactly 1 to ceil(size / chunk_size), or a URL is none.
 */
int multipart_plan(struct plan *plan, struct err *err);

#endif
