/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/mode.h"

#include "lfs/mode/multipart.h"
#include "lfs/mode/parts.h"

json_t *mode_action(json_t *actions, enum direction direction)
{
	if (direction == DOWNLOAD)
		return json_object_get(actions, "download");
	return parts_is(actions) ? actions : json_object_get(actions, "upload");
}

bool mode_is_plain(json_t *actions, enum direction direction)
{
	const json_t *action = mode_action(actions, direction);

	return action && action != actions &&
	       (direction == DOWNLOAD || !multipart_is(action));
}

/*
 * The `basic` transfer (git-lfs's docs/api/basic-transfers.md): an upload is
 * one PUT of the whole object to `href`, a download is a GET of it, which we
 * ask for in ranges.  Both carry the action's headers.
 */
static const struct mode basic_upload = {
	.name = "basic upload",
	.part_is_final = true,
};

static const struct mode basic_download = {
	.name = "basic download",
};

static int basic_plan(struct plan *plan, const struct plan_request *request,
		      struct err *err)
{
	if (request->headers ? headers_add_all(&plan->action.headers,
					       request->headers, err) :
			       action_headers(&plan->action, err))
		return -1;
	if (plan->direction == UPLOAD) {
		plan->mode = &basic_upload;
		plan_cut_one(plan);
		return 0;
	}
	plan->mode = &basic_download;
	return plan_cut(plan, request->part_size, err);
}

static int fill_plan(struct plan *plan, const struct plan_request *request,
		     struct err *err)
{
	bool is_upload = request->direction == UPLOAD;

	if (is_upload && parts_is(request->action))
		return parts_plan(plan, err);
	if (action_parse(&plan->action, request->action, request->href, err))
		return -1;
	if (is_upload && multipart_is(request->action))
		return multipart_plan(plan, err);
	return basic_plan(plan, request, err);
}

struct plan *mode_plan(const struct plan_request *request, struct err *err)
{
	struct plan *plan = plan_new(request);

	if (!fill_plan(plan, request, err))
		return plan;
	plan_free(plan);
	return NULL;
}
