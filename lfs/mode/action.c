/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/action.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/field.h"
#include "lfs/net/url.h"

int action_parse(struct action *action, const json_t *tree, struct err *err)
{
	*action = (struct action){ 0 };
	if (!json_is_object(tree))
		return err_set(err, ERR_PROTOCOL, "'action' is %s",
			       tree ? "not an object" : "missing");
	action->href = json_get_string(tree, "href", err);
	if (!action->href)
		return err_wrap(err, "action");
	if (url_check(action->href, err))
		return err_wrap(err, "action: 'href'");
	action->header = json_object_get(tree, "header");
	if (json_is_null(action->header))
		action->header = NULL;
	if (action->header && !json_is_object(action->header))
		return err_set(err, ERR_PROTOCOL,
			       "action: 'header' is not an object");
	return 0;
}

int action_headers(struct action *action, struct err *err)
{
	const char *name;
	json_t *value;
	size_t n = action->header ? json_object_size(action->header) : 0;

	if (n > ACTION_HEADERS_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "action: 'header' has over %d members",
			       ACTION_HEADERS_MAX);
	action->headers = xcalloc(n, sizeof(*action->headers));
	json_object_foreach ((json_t *)action->header, name, value) {
		const char *text = json_string_value(value);

		/* As Go reads it. */
		if (json_is_null(value))
			text = "";
		if (!field_is_name(name) || !text || !field_is_value(text))
			return err_set(err, ERR_PROTOCOL,
				       "action: 'header' has a bad member "
				       "'%.40s'",
				       name);
		action->headers[action->nheaders].name = name;
		action->headers[action->nheaders++].value = text;
	}
	return 0;
}

void action_release(struct action *action)
{
	free(action->headers);
	*action = (struct action){ 0 };
}
