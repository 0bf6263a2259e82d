/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/net/http.h"
#include "lfs/net/link.h"
#include "lfs/net/url.h"

enum { LIFE_MAX_S = 365 * 24 * 3600 };	/* of a link */

/* Only a hint, so never an error.  Go's zero time, in the year 1, means none. */
static int64_t parse_expires(const json_t *tree)
{
	const char *at = json_string_value(json_object_get(tree, "expires_at"));
	json_int_t in = json_integer_value(json_object_get(tree, "expires_in"));
	int64_t when;

	if (at && !rfc3339_parse(at, &when) && when > 0)
		return when;
	return in > 0 && in <= LIFE_MAX_S ? clock_unix() + in : 0;
}

int action_parse(struct action *action, const json_t *tree, const char *href,
		 struct err *err)
{
	*action = (struct action){ 0 };
	if (!json_is_object(tree))
		return err_set(err, ERR_PROTOCOL, "'action' is %s",
			       tree ? "not an object" : "missing");
	action->href = json_get_string(tree, "href", err);
	if (!action->href)
		return err_wrap(err, "action");
	if (href)
		action->href = action->own_href = xstrdup(href);
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

int headers_add_tree(struct headers *headers, json_t *tree, struct err *err)
{
	const char *name;
	json_t *value;

	if (tree && !json_is_object(tree) && !json_is_null(tree))
		return err_set(err, ERR_PROTOCOL, "'header' is not an object");
	json_object_foreach (tree, name, value) {
		/* Go reads null as an empty string. */
		const char *text = json_is_null(value) ?
					   "" :
					   json_string_value(value);

		if (!text)
			return err_set(err, ERR_PROTOCOL,
				       "'header': '%.40s' is not a string",
				       name);
		if (headers_add(headers, name, text, err))
			return err_wrap(err, "'header'");
	}
	return 0;
}

int action_headers(struct action *action, struct err *err)
{
	if (headers_add_tree(&action->headers, action->header, err))
		return err_wrap(err, "action");
	return 0;
}

void action_release(struct action *action)
{
	headers_release(&action->headers);
	free(action->own_href);
	*action = (struct action){ 0 };
}

enum {
	PARTS_EACH = 4,	/* for a connection, so that none is idle for long */
	PART_S_MIN = 1,	/* so that a round trip is little of it */
	PART_S_MAX = 8,	/* so that the last part does not hold up the end */
	SMALL_PART_SIZE_MIN = 1 << 20,	/* worth a round trip */
	PART_SIZE_MIN = 8 << 20,
	PART_SIZE_MAX = 64 << 20
};

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t clamp(uint64_t n, uint64_t least, uint64_t most)
{
	return n < least ? least : lesser(n, most);
}

/* Parts must be so large that there are at most PLAN_PARTS_MAX. */
static uint64_t at_least(uint64_t part_size, uint64_t size)
{
	return clamp(part_size, size / PLAN_PARTS_MAX + 1, UINT64_MAX);
}

uint64_t plan_part_size(uint64_t size, unsigned connections, unsigned each,
			uint64_t rate, uint64_t wanted)
{
	uint64_t least = PART_SIZE_MIN, most = PART_SIZE_MAX;

	if (wanted)
		return at_least(wanted, size);
	if (rate) {
		rate = lesser(rate, PART_SIZE_MAX);
		most = clamp(rate * PART_S_MAX, least, most);
		least = clamp(lesser(rate * PART_S_MIN, size / connections),
			      least, most);
	}
	if (each)
		least = clamp(size / each + 1, SMALL_PART_SIZE_MIN, least);
	return at_least(clamp(size / connections / PARTS_EACH, least, most),
			size);
}

struct plan *plan_new(const struct plan_request *request)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));

	plan->direction = request->direction;
	plan->tree = json_incref(request->action);
	plan->oid = request->oid;
	plan->size = request->size;
	plan->answer_ms = request->answer_ms;
	plan->finish_ms = request->finish_ms;
	return plan;
}

int plan_cut(struct plan *plan, uint64_t part_size, struct err *err)
{
	uint64_t n = plan->size / part_size + (plan->size % part_size != 0);

	if (n > PLAN_PARTS_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "parts of %" PRIu64 " bytes would be %" PRIu64
			       ", over the limit of %d",
			       part_size, n, PLAN_PARTS_MAX);
	free(plan->parts);
	plan->parts = xcalloc((size_t)n, sizeof(*plan->parts));
	plan->nparts = (size_t)n;
	plan->part_size = part_size;
	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];

		part->number = (unsigned)i + 1;
		part->off = i * part_size;
		part->size = lesser(plan->size - part->off, part_size);
	}
	return 0;
}

void plan_cut_one(struct plan *plan)
{
	free(plan->parts);
	plan->parts = xcalloc(1, sizeof(*plan->parts));
	plan->parts[0].number = 1;
	plan->parts[0].size = plan->size;
	plan->nparts = 1;
}

uint64_t plan_finished(const struct plan *plan)
{
	uint64_t finished = 0;

	for (size_t i = 0; i < plan->nparts; i++)
		if (plan->parts[i].finished)
			finished += plan->parts[i].size;
	return finished;
}

size_t plan_part_at(const struct plan *plan, uint64_t off)
{
	size_t low = 0, high = plan->nparts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct part *part = &plan->parts[middle];

		if (part->off + part->size <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void plan_renew(struct plan *plan, struct plan *fresh)
{
	struct action action = plan->action;
	json_t *tree = plan->tree;

	plan->action = fresh->action;
	plan->tree = fresh->tree;
	fresh->action = action;
	fresh->tree = tree;
	plan_free(fresh);
}

/* The first of three times, of which the last two may be unknown. */
static int64_t soonest(int64_t when, const char *href, int64_t expires)
{
	int64_t link = href ? link_expires_at(href) : INT64_MAX;

	if (expires && expires < when)
		when = expires;
	return link < when ? link : when;
}

int64_t plan_expires_at(const struct plan *plan)
{
	const struct part *first = plan->parts, *last = first + plan->nparts;
	int64_t when = soonest(INT64_MAX, plan->action.href,
			       plan->action.expires);

	if (first == last)
		return when;
	when = soonest(when, first->href, first->expires);
	return soonest(when, last[-1].href, last[-1].expires);
}

int plan_explain_finish(struct http *http, bool is_unknown, struct err *err)
{
	http_name_peer(http, err);
	if (err->kind == ERR_REFUSED && is_unknown)
		err_append(err, "; an earlier try may have completed it: push "
				"again to see");
	else if (err->kind == ERR_PROTOCOL)
		err_append(err, "; push again to see");
	return err_wrap(err, "completing the upload");
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->nparts; i++) {
		free(plan->parts[i].etag);
		headers_release(&plan->parts[i].headers);
	}
	free(plan->parts);
	action_release(&plan->action);
	json_decref(plan->tree);
	free(plan);
}
