/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/range.h"

#include <stddef.h>
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
