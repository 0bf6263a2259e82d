/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_BASIC_H
#define LFS_MODE_BASIC_H

#include "lfs/mode/plan.h"

/*
 * The `basic` transfer (git-lfs's docs/api/basic-transfers.md): an upload is
 * one PUT of the whole object to `href`, a download is a GET of it, which we
 * ask for in ranges.  Both carry the action's headers.
 */

/* Fill in mode and parts of `plan`, whose action is parsed. */
int basic_plan(struct plan *plan, const struct plan_request *request,
	       struct err *err);

#endif
