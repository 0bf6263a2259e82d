/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/mode.h"

#include "lfs/mode/basic.h"
#include "lfs/mode/multipart.h"
#include "lfs/mode/parts.h"

const json_t *mode_action(const json_t *actions, enum direction direction)
{
	if (direction == DOWNLOAD)
		return json_object_get(actions, "download");
	return parts_is(actions) ? actions : json_object_get(actions, "upload");
}

bool mode_is_plain(const json_t *actions, enum direction direction)
{
	const json_t *action = mode_action(actions, direction);

	return action && action != actions &&
	       (direction == DOWNLOAD || !multipart_is(action));
}

static int make(struct plan *plan, const struct plan_request *request,
		struct err *err)
{
	bool is_upload = request->direction == UPLOAD;

	if (is_upload && parts_is(request->action)) {
		plan->actions = request->action;
		return parts_plan(plan, err);
	}
	if (action_parse(&plan->action, request->action, err))
		return -1;
	action_replace_href(&plan->action, request->href);
	if (is_upload && multipart_is(request->action))
		return multipart_plan(plan, err);
	return basic_plan(plan, request, err);
}

struct plan *mode_plan(const struct plan_request *request, struct err *err)
{
	struct plan *plan = plan_new(request);

	if (!make(plan, request, err))
		return plan;
	plan_free(plan);
	return NULL;
}
