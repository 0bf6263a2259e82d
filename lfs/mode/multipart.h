/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_MULTIPART_H
#define LFS_MODE_MULTIPART_H

#include <stdbool.h>

#include "lfs/mode/plan.h"

/*
 * The `multipart` of Hugging Face, CSGHub and KohakuHub (lfs/wire.md,
 * Dialects).
 *
 * The members of the action's `header` are not headers of HTTP: `chunk_size` is
 * the size of a part in decimal, and a member whose name is a number is the
 * presigned URL of that part.  The parts are PUT without any header of ours; then
 * a POST to `href` gives the part numbers and their ETags.
 */

/* Does the action have that shape? */
bool multipart_is(const json_t *action);

/*
 * Fill in mode and parts of `plan`, whose action has been parsed.  ERR_PROTOCOL
 * if the numbers are not exactly 1 to ceil(size / chunk_size), or a URL is bad.
 */
int multipart_plan(struct plan *plan, struct err *err);

#endif
