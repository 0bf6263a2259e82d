/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/action.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
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

/* RFC 9110, 5.6.2: what a field's name may consist of. */
static bool is_name(const char *name)
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && !name[strspn(name, token)];
}

/* A line break would smuggle in another header. */
static bool is_value(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' && *value != '\t')
			return false;
	return true;
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

		if (!is_name(name) || !text || !is_value(text))
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
