/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/parts.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/mem.h"
#include "lfs/mode/plan.h"
#include "lfs/net/http.h"
#include "lfs/net/status.h"

struct algorithm {
	const char *name;
	unsigned digest;
};

static const struct algorithm algorithms[] = {
	{ "contentMD5", PLAN_CONTENT_MD5 },
	{ "SHA-256", PLAN_DIGEST_SHA256 },
	{ "MD5", PLAN_DIGEST_MD5 },
};

static unsigned find_digest(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strlen(algorithms[i].name) == len &&
		    !strncasecmp(algorithms[i].name, name, len))
			return algorithms[i].digest;
	return 0;
}

/*
 * The weight after an algorithm, in `len` bytes: 1 if it gives none from 0 to 1.
 * A comma or the end follows these bytes, so no number is longer.
 */
static double parse_weight(const char *text, size_t len)
{
	const char *q = memchr(text, '=', len);

	if (!q)
		return 1;
	q += 1 + strspn(q + 1, " \t");
	return *q == '0' ? strtod(q, NULL) : 1;
}

unsigned wantdigest_parse(const char *text)
{
	unsigned digest = 0, header = 0;
	double best = 0;
	size_t len;

	for (; *text; text += len + (text[len] == ',')) {
		size_t name;
		unsigned found;
		double weight;

		text += strspn(text, " \t");
		len = strcspn(text, ",");
		name = strcspn(text, ";, \t");
		found = find_digest(text, name);
		weight = parse_weight(text + name, len - name);
		if (found == PLAN_CONTENT_MD5) {
			header = weight > 0 ? found : 0;
		} else if (found && weight > best) {
			digest = found;
			best = weight;
		}
	}
	return header | digest;
}

static const char *const steps[] = { "init", "commit", "abort" };

/* A member of `parts`, and its range of the object. */
struct given {
	uint64_t off;
	uint64_t size;
	size_t index;	/* in `parts` */
	const json_t *tree;
};

/* One of the requests around the parts. */
struct step {
	struct action action;
	const char *method;	/* borrowed, as the body; NULL: no such step */
	const char *body;
	size_t size;
	bool is_finish;	/* it makes the object */
};

bool parts_is(const json_t *actions)
{
	if (json_object_get(actions, "href"))
		return false;
	/* With nothing left to send, giftless has no `parts` at all. */
	return json_object_get(actions, "parts") ||
	       json_object_get(actions, "commit");
}

/* The member, or NULL if it is missing or null. */
static json_t *get_member(const json_t *tree, const char *name)
{
	json_t *member = json_object_get(tree, name);

	return json_is_null(member) ? NULL : member;
}

/* One of the methods in `allowed`, each between two blanks; "": none. */
static int get_method(const json_t *tree, const char *allowed,
		      const char **method, struct err *err)
{
	const char *text;
	char *word;
	bool is_allowed;

	if (json_get_optional_string(tree, "method", &text, err))
		return -1;
	if (!text)
		return 0;
	word = xstrfmt(" %s ", text);
	is_allowed = *text && !strchr(text, ' ') && strstr(allowed, word);
	free(word);
	if (!is_allowed)
		return err_set(err, ERR_PROTOCOL,
			       "'method' is '%.40s', not one of%s", text,
			       allowed);
	*method = text;
	return 0;
}

static int get_optional_size(const json_t *tree, const char *name,
			     uint64_t *value, struct err *err)
{
	return get_member(tree, name) ? json_get_size(tree, name, value, err) :
					0;
}

static int get_range(const struct plan *plan, struct given *given,
		     struct err *err)
{
	given->off = 0;
	if (get_optional_size(given->tree, "pos", &given->off, err))
		return -1;
	if (given->off > plan->size)
		return err_set(err, ERR_PROTOCOL,
			       "'pos' is %" PRIu64
			       ", but the object has %" PRIu64 " bytes",
			       given->off, plan->size);
	given->size = plan->size - given->off;
	if (get_optional_size(given->tree, "size", &given->size, err))
		return -1;
	if (given->size > plan->size - given->off)
		return err_set(err, ERR_PROTOCOL,
			       "'size' is %" PRIu64 " from %" PRIu64
			       ", but the object has %" PRIu64 " bytes",
			       given->size, given->off, plan->size);
	if (!given->size && plan->size)
		return err_set(err, ERR_PROTOCOL, "'size' is 0");
	return 0;
}

static int given_compare(const void *left, const void *right)
{
	const struct given *a = left, *b = right;

	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int fill_part(struct part *part, const struct given *given,
		     struct err *err)
{
	struct action action;
	const char *wanted;

	part->off = given->off;
	part->size = given->size;
	if (action_parse(&action, given->tree, NULL, err))
		return -1;
	if (action_headers(&action, err)) {
		action_release(&action);
		return -1;
	}
	part->href = action.href;
	part->expires = action.expires;
	part->headers = action.headers;
	if (get_method(given->tree, " PUT POST PATCH ", &part->method, err) ||
	    json_get_optional_string(given->tree, "want_digest", &wanted, err))
		return -1;
	part->digests = wanted ? wantdigest_parse(wanted) : 0;
	return 0;
}

static struct part *add_part(struct plan *plan)
{
	struct part *part = &plan->parts[plan->nparts++];

	part->number = (unsigned)plan->nparts;
	return part;
}

static void add_stored(struct plan *plan, uint64_t off, uint64_t end)
{
	struct part *part;

	if (off == end)
		return;
	part = add_part(plan);
	part->off = off;
	part->size = end - off;
	part->done = part->size;
	part->finished = true;
	part->is_stored = true;
}

/*
 * Make the parts from a list in file order.  The server has the bytes between
 * two parts.  An empty object has no bytes to overlap, but may have one part.
 */
static int fill_parts(struct plan *plan, const struct given *list, size_t n,
		      struct err *err)
{
	uint64_t end = 0;

	plan->parts = xcalloc(2 * n + 1, sizeof(*plan->parts));
	for (size_t i = 0; i < n; i++) {
		if (list[i].off < end || (i && !plan->size))
			return err_set(err, ERR_PROTOCOL,
				       "'parts' %zu and %zu overlap",
				       list[i - 1].index, list[i].index);
		add_stored(plan, end, list[i].off);
		end = list[i].off + list[i].size;
		if (fill_part(add_part(plan), &list[i], err))
			return err_wrap(err, "'parts' %zu", list[i].index);
	}
	add_stored(plan, end, plan->size);
	return 0;
}

static int read_ranges(const struct plan *plan, const json_t *parts,
		       struct given *list, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		list[i].index = i;
		list[i].tree = json_array_get(parts, i);
		if (get_range(plan, &list[i], err))
			return err_wrap(err, "'parts' %zu", i);
	}
	if (n)
		qsort(list, n, sizeof(*list), given_compare);
	return 0;
}

/* `*n` is how many are to be sent. */
static int make_parts(struct plan *plan, size_t *n, struct err *err)
{
	const json_t *parts = get_member(plan->tree, "parts");
	struct given *list;
	int ret;

	if (parts && !json_is_array(parts))
		return err_set(err, ERR_PROTOCOL, "'parts' is not an array");
	*n = json_array_size(parts);
	if (*n > PLAN_PARTS_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "'parts' are %zu, over the limit of %d", *n,
			       PLAN_PARTS_MAX);
	list = xcalloc(*n, sizeof(*list));
	ret = read_ranges(plan, parts, list, *n, err);
	if (!ret)
		ret = fill_parts(plan, list, *n, err);
	free(list);
	return ret;
}

static int parse_step(struct step *step, const struct plan *plan,
		      const char *name, struct err *err)
{
	const json_t *tree = get_member(plan->tree, name),
		     *body = get_member(tree, "body");

	*step = (struct step){ .method = NULL };
	if (!tree)
		return 0;
	if (action_parse(&step->action, tree, NULL, err) ||
	    action_headers(&step->action, err))
		return err_wrap(err, "'%s'", name);
	if (body && !json_is_string(body))
		return err_set(err, ERR_PROTOCOL,
			       "'%s': 'body' is not a string", name);
	step->body = body ? json_string_value(body) : "";
	step->size = json_string_length(body);
	step->is_finish = !strcmp(name, "commit");
	step->method = "POST";
	if (get_method(tree, " POST PUT PATCH DELETE GET ", &step->method, err))
		return err_wrap(err, "'%s'", name);
	return 0;
}

/* A step that cannot be taken must fail now, not after hours. */
static int check_steps(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct step step;
		int ret = parse_step(&step, plan, steps[i], err);

		action_release(&step.action);
		if (ret)
			return -1;
	}
	return 0;
}

static int perform_step(const struct step *step, unsigned answer_ms,
			struct http *http, struct err *err)
{
	const struct http_body body = http_text(step->body, step->size);
	const struct http_request request = {
		.method = step->method,
		.url = step->action.href,
		.headers = &step->action.headers,
		/* Servers want a length of 0 where there could be a body. */
		.body = strcmp(step->method, "GET") ? &body : NULL,
		.answer_ms = answer_ms,
		.expires = step->action.expires,
	};
	int ret = http_perform(http, &request, err);

	if (!ret)
		ret = status_of_answer(http, &request,
				       step->is_finish ? STATUS_DONE :
							 STATUS_TAKEN,
				       err);
	return ret;
}

static int take_step(const struct plan *plan, const char *name,
		     unsigned answer_ms, struct http *http, struct err *err)
{
	struct step step;
	int ret = parse_step(&step, plan, name, err);

	if (!ret && step.method)
		ret = perform_step(&step, answer_ms, http, err);
	action_release(&step.action);
	return ret;
}

static int parts_begin(struct plan *plan, struct http *http, struct err *err)
{
	int ret = take_step(plan, "init", plan->finish_ms, http, err);

	return ret ? err_wrap(err, "beginning the upload") : 0;
}

static int explain_commit(struct http *http, bool is_unknown, struct err *err)
{
	if (err->kind == ERR_REFUSED && err->code == 409) {
		http_name_peer(http, err);
		err_append(err, "; the server misses a part: push again");
		is_unknown = false;
	}
	return plan_explain_finish(http, is_unknown, err);
}

static int parts_commit(struct plan *plan, struct http *http, struct err *err)
{
	int ret = take_step(plan, "commit", plan->finish_ms, http, err);
	bool is_unknown = plan->finish_outcome_unknown || http_was_resent(http);

	plan->finish_outcome_unknown = true;
	return ret ? explain_commit(http, is_unknown, err) : 0;
}

static int parts_abandon(struct plan *plan, struct http *http, struct err *err)
{
	int ret = take_step(plan, "abort", plan->answer_ms, http, err);

	return ret ? err_wrap(err, "aborting the upload") : 0;
}

static const struct mode in_parts = {
	.name = "upload in parts",
	.begin = parts_begin,
	.finish = parts_commit,
	.abandon = parts_abandon,
	.keeps_parts = true,
};

/* Without a commit, the part that was missing makes the object. */
static const struct mode in_one = {
	.name = "upload of one part",
	.begin = parts_begin,
	.abandon = parts_abandon,
	.part_is_final = true,
};

int parts_plan(struct plan *plan, struct err *err)
{
	size_t given = 0;

	if (make_parts(plan, &given, err) || check_steps(plan, err))
		return err_wrap(err, "actions");
	plan->mode = given == 1 && !get_member(plan->tree, "commit") ?
			     &in_one :
			     &in_parts;
	return 0;
}
