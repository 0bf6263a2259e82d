/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lfs/base/json.h"
#include "lfs/mode/mode.h"
#include "lfs/net/url.h"

/* The input: eight bytes of a size, and an action or actions as JSON. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void check_url(const char *url)
{
	struct err err = ERR_INIT;

	if (url_check(url, &err))
		abort();
}

/* No name or value of a header may end its line. */
static void check_headers(const struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++)
		if (!*headers->list[i].name ||
		    strpbrk(headers->list[i].name, "\r\n: ") ||
		    strpbrk(headers->list[i].value, "\r\n"))
			abort();
}

/* It goes somewhere, or is there already. */
static void check_part(const struct plan *plan, const struct part *part)
{
	check_headers(&part->headers);
	if (part->href)
		check_url(part->href);
	else if (!plan->action.href && !part->is_stored)
		abort();
	if (plan->direction == DOWNLOAD && (part->href || part->is_stored))
		abort();
}

/* The parts are the object, each byte once and in order. */
static void check_plan(const struct plan *plan, uint64_t size)
{
	uint64_t off = 0;

	if (plan->action.href)
		check_url(plan->action.href);
	check_headers(&plan->action.headers);
	if (!plan->mode || plan->nparts > PLAN_PARTS_MAX)
		abort();
	for (size_t i = 0; i < plan->nparts; i++) {
		const struct part *part = &plan->parts[i];

		if (part->off != off || part->number != i + 1 ||
		    part->size > size - off || (size && !part->size))
			abort();
		check_part(plan, part);
		off += part->size;
	}
	if (off != size)
		abort();
}

static void check(json_t *action, uint64_t size, enum direction direction)
{
	const struct plan_request request = {
		.direction = direction,
		.oid = oid,
		.size = size,
		.action = action,
		.part_size = size / 1000 + 1,
	};
	struct err err = ERR_INIT;
	struct plan *plan = mode_plan(&request, &err);

	if (!plan != !!err.kind || (!plan && err.kind != ERR_PROTOCOL))
		abort();
	if (plan)
		check_plan(plan, size);
	plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	uint64_t object_size;
	json_t *action;

	if (size < 8)
		return 0;
	json_setup();
	memcpy(&object_size, data, 8);
	object_size &= INT64_MAX;
	action = json_parse((const char *)data + 8, size - 8, &err);
	if (action) {
		check(action, object_size, UPLOAD);
		check(action, object_size, DOWNLOAD);
		check(action, object_size % 100, UPLOAD);
	}
	json_decref(action);
	return 0;
}
