/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/action.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/net/headers.h"
#include "lfs/net/url.h"

enum { LIFE_MAX_S = 365 * 24 * 3600 };	/* of a link */

/* Never an error: it is only a hint.  Go's zero, in the year 1, is no time. */
static int64_t parse_expires(const json_t *tree)
{
	const char *at = json_string_value(json_object_get(tree, "expires_at"));
	json_int_t in = json_integer_value(json_object_get(tree, "expires_in"));
	int64_t when;

	if (at && !rfc3339_parse(at, &when) && when > 0)
		return when;
	return in > 0 && in <= LIFE_MAX_S ? clock_unix() + in : 0;
}

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
	action->expires = parse_expires(tree);
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

void action_replace_href(struct action *action, const char *href)
{
	if (href)
		action->href = action->own_href = xstrdup(href);
}

void action_replace_headers(struct action *action,
			    const struct headers *headers)
{
	struct err impossible = ERR_INIT;

	if (!headers)
		return;
	headers_add_all(&action->own_headers, headers, &impossible);
	free(action->headers);
	action->nheaders = headers->n;
	action->headers = xcalloc(headers->n, sizeof(*action->headers));
	for (size_t i = 0; i < headers->n; i++)
		action->headers[i] = action->own_headers.list[i];
}

void action_release(struct action *action)
{
	free(action->headers);
	free(action->own_href);
	headers_release(&action->own_headers);
	*action = (struct action){ 0 };
}
