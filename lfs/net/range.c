/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/range.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Read digits up to INT64_MAX and the byte behind them. */
static const char *take(const char *p, uint64_t *n, char behind)
{
	const char *start = p;

	*n = 0;
	for (; p && *p >= '0' && *p <= '9'; p++) {
		if (*n > (INT64_MAX - 9) / 10)
			return NULL;
		*n = *n * 10 + (uint64_t)(*p - '0');
	}
	return p && p != start && *p == behind ? p + 1 : NULL;
}

int range_parse(const char *value, struct range *range)
{
	const char *p;

	if (!value || strncasecmp(value, "bytes ", 6))
		return -1;
	p = take(value + 6, &range->first, '-');
	p = take(p, &range->last, '/');
	if (!p || range->first > range->last)
		return -1;
	range->has_total = *p != '*';
	range->total = 0;
	if (!range->has_total)
		return p[1] ? -1 : 0;
	p = take(p, &range->total, '\0');
	return p ? 0 : -1;
}

bool range_is_validator(const char *etag)
{
	size_t len = etag ? strlen(etag) : 0;

	if (len < 2 || len > RANGE_VALIDATOR_MAX || etag[0] != '"' ||
	    etag[len - 1] != '"')
		return false;
	for (size_t i = 1; i < len - 1; i++) {
		unsigned char c = (unsigned char)etag[i];

		if (c <= ' ' || c == '"' || c == 0x7f)
			return false;
	}
	return true;
}

bool range_is_refused(int status, bool were_heeded)
{
	static const int others[] = { 401, 404, 408, 410, 429 };

	if (status == 416 || status == 501)
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (status == others[i])
			return false;
	return status >= 400 && status <= 499 && !were_heeded;
}

static bool is_of(const struct range_head *head, uint64_t size)
{
	return head->length && strtoull(head->length, NULL, 10) == size;
}

bool range_is_encoded(const struct range_head *head, uint64_t size)
{
	return head->encoding && strcasecmp(head->encoding, "identity") != 0 &&
	       !is_of(head, size);
}

int range_check_whole(const struct range_head *head, uint64_t size,
		      struct err *err)
{
	if (range_is_encoded(head, size))
		return err_set(err, ERR_PROTOCOL,
			       "the server compressed the object "
			       "(Content-Encoding: %.40s) though asked for it "
			       "as it is",
			       head->encoding);
	if (head->length && !is_of(head, size))
		return err_set(err, ERR_PROTOCOL,
			       "the server has %.20s bytes, not %" PRIu64,
			       head->length, size);
	return 0;
}

int range_check_total(const struct range_head *head, uint64_t size,
		      struct err *err)
{
	struct range range;

	if (range_parse(head->range, &range) || !range.has_total ||
	    range.total == size || range.total + range.first == size)
		return 0;
	return err_set(err, ERR_PROTOCOL,
		       "the server has %" PRIu64 " bytes, the object has "
		       "%" PRIu64,
		       range.total, size);
}

int range_check(const struct range_head *head, uint64_t from, uint64_t *size,
		struct err *err)
{
	struct range range;

	if (range_parse(head->range, &range))
		return err_set(err, ERR_PROTOCOL,
			       "the server's Content-Range '%.60s' makes no "
			       "sense",
			       head->range ? head->range : "");
	if (range.first != from || range.last >= *size)
		return err_set(err, ERR_PROTOCOL,
			       "the server's Content-Range is %" PRIu64
			       "-%" PRIu64 " when asked for the bytes from "
			       "%" PRIu64,
			       range.first, range.last, from);
	*size = range.last - range.first + 1;
	return 0;
}
