/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/multipart.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/http.h"
#include "lfs/net/status.h"
#include "lfs/net/url.h"

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static bool has_urls(json_t *header)
{
	const char *name;
	json_t *value;

	json_object_foreach (header, name, value)
		if (is_number(name))
			return true;
	return false;
}

/* No name of an HTTP header is a number: such an action lacks its chunk_size. */
bool multipart_is(const json_t *action)
{
	json_t *header = json_object_get(action, "header");

	return json_object_get(header, "chunk_size") || has_urls(header);
}

/* A decimal number from 1 to `max`; 0 if it is not one. */
static uint64_t parse_number(const char *text, uint64_t max)
{
	uint64_t n;

	errno = 0;
	n = is_number(text) ? strtoull(text, NULL, 10) : 0;
	return errno || n > max ? 0 : n;
}

static int get_chunk_size(const struct plan *plan, uint64_t *size,
			  struct err *err)
{
	const char *text = json_get_string(plan->action.header, "chunk_size",
					   err);

	if (!text)
		return -1;
	*size = parse_number(text, INT64_MAX);
	if (!*size)
		return err_set(err, ERR_PROTOCOL,
			       "'chunk_size' is '%.40s', not a number of bytes",
			       text);
	return 0;
}

static int take_url(struct plan *plan, const char *name, const json_t *value,
		    struct err *err)
{
	const char *url = json_string_value(value);
	uint64_t number = parse_number(name, plan->nparts);

	if (!number)
		return err_set(err, ERR_PROTOCOL,
			       "'header' has a URL for part '%.40s', but "
			       "%" PRIu64 " bytes are parts 1 to %zu",
			       name, plan->size, plan->nparts);
	if (plan->parts[number - 1].href)
		return err_set(err, ERR_PROTOCOL,
			       "'header' has two URLs for part %" PRIu64,
			       number);
	if (!url)
		return err_set(err, ERR_PROTOCOL,
			       "the URL of part %" PRIu64 " is not a string",
			       number);
	plan->parts[number - 1].href = url;
	if (url_check(url, err))
		return err_wrap(err, "part %" PRIu64, number);
	return 0;
}

static int take_urls(struct plan *plan, struct err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach (plan->action.header, name, value)
		if (is_number(name) && take_url(plan, name, value, err))
			return -1;
	for (size_t i = 0; i < plan->nparts; i++)
		if (!plan->parts[i].href)
			return err_set(err, ERR_PROTOCOL,
				       "'header' has no URL for part %zu of "
				       "%zu",
				       i + 1, plan->nparts);
	return 0;
}

/* It is copied into JSON, so only the characters of RFC 9110 may be in it. */
static bool is_etag(const char *etag)
{
	size_t len = strlen(etag);

	for (size_t i = 0; i < len; i++)
		if (etag[i] < ' ' || etag[i] > '~')
			return false;
	return len && len <= PLAN_ETAG_MAX;
}

static int multipart_keep_etag(struct plan *plan, struct part *part,
			       struct http *http, struct err *err)
{
	const char *etag = http_header(http, "ETag");

	(void)plan;
	if (!etag)
		return err_set(err, ERR_PROTOCOL,
			       "the server's answer has no ETag");
	if (!is_etag(etag))
		return err_set(err, ERR_PROTOCOL,
			       "the server's ETag is not 1 to %d characters "
			       "of plain text",
			       PLAN_ETAG_MAX);
	free(part->etag);
	part->etag = xstrdup(etag);
	return 0;
}

static char *format_completion(const struct plan *plan)
{
	struct buf out = BUF_INIT((size_t)PLAN_PARTS_MAX *
				  (PLAN_ETAG_MAX * 6 + 64));
	json_t *parts = json_array();
	json_t *body = json_pack("{s:s, s:o}", "oid", plan->oid, "parts",
				 parts);

	for (size_t i = 0; i < plan->nparts; i++)
		json_array_append_new(parts,
				      json_pack("{s:i, s:s}", "partNumber",
						(int)plan->parts[i].number,
						"etag", plan->parts[i].etag));
	json_format(body, &out);
	json_decref(body);
	return buf_take(&out);
}

static int multipart_complete(struct plan *plan, struct http *http,
			      struct err *err)
{
	char *text = format_completion(plan);
	struct http_body body = http_text(text, strlen(text));
	struct http_request request = {
		.method = "POST",
		.url = plan->action.href,
		.media_type = "application/vnd.git-lfs+json",
		.body = &body,
		.answer_ms = plan->finish_ms,
		.expires = plan->action.expires,
	};
	int ret;

	ret = http_perform(http, &request, err);
	plan->finish_outcome_unknown |= http_was_resent(http);
	if (!ret)
		ret = status_of_answer(http, &request, STATUS_DONE, err);
	if (ret)
		plan_explain_finish(http, plan->finish_outcome_unknown, err);
	/* The answer was lost, or does not tell whether it is completed. */
	plan->finish_outcome_unknown |= ret && (err_is_transient(err) ||
						err->kind == ERR_PROTOCOL);
	free(text);
	return ret;
}

static const struct mode multipart = {
	.name = "multipart",
	.answer = multipart_keep_etag,
	.finish = multipart_complete,
	.is_resumable = true,
};

int multipart_plan(struct plan *plan, struct err *err)
{
	uint64_t size;

	plan->mode = &multipart;
	if (get_chunk_size(plan, &size, err) || plan_cut(plan, size, err))
		return err_wrap(err, "action");
	/* An empty object has no part, or one empty one: both are in use. */
	if (!plan->size && has_urls(plan->action.header))
		plan_cut_one(plan);
	if (take_urls(plan, err))
		return err_wrap(err, "action");
	return 0;
}
