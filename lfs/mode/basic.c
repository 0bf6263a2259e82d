/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/basic.h"

#include "lfs/base/mem.h"

static const struct mode basic_upload = {
	.name = "basic upload",
	.part_is_final = true,
};

static const struct mode basic_download = {
	.name = "basic download",
};

/* One PUT, though the object be empty. */
static int one_part(struct plan *plan)
{
	plan->parts = xcalloc(1, sizeof(*plan->parts));
	plan->parts[0].number = 1;
	plan->parts[0].size = plan->size;
	plan->nparts = 1;
	return 0;
}

int basic_plan(struct plan *plan, const struct plan_request *request,
	       struct err *err)
{
	if (action_headers(&plan->action, err))
		return -1;
	action_replace_headers(&plan->action, request->headers);
	if (plan->direction == UPLOAD) {
		plan->mode = &basic_upload;
		return one_part(plan);
	}
	plan->mode = &basic_download;
	return plan_cut(plan, request->part_size, err);
}
