/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/clock.h"
#include "lfs/net/libcurl.h"
#include "lfs/net/url.h"

enum {
	VALUE_MAX = 64,
	LIFE_MAX_S = 365 * 24 * 3600	/* S3 allows a week */
};

/* "20260131T235959Z" in the form that libcurl_getdate() knows. */
static int64_t parse_amz_date(const char *text)
{
	char date[VALUE_MAX];

	if (strspn(text, "0123456789") != 8 || text[8] != 'T' ||
	    strspn(text + 9, "0123456789") != 6)
		return -1;
	snprintf(date, sizeof(date), "%.8s %.2s:%.2s:%.2s GMT", text, text + 9,
		 text + 11, text + 13);
	return libcurl_getdate(date);
}

/* Signature Version 4 of AWS, which Google has adopted. */
static int64_t signed_until(const char *url, const char *at, const char *life)
{
	char date[VALUE_MAX], text[VALUE_MAX];
	int64_t signed_at, seconds;

	if (!url_query(url, at, date, sizeof(date)) ||
	    !url_query(url, life, text, sizeof(text)))
		return INT64_MAX;
	signed_at = parse_amz_date(date);
	seconds = strtoll(text, NULL, 10);
	if (signed_at < 0 || seconds < 0 || seconds > LIFE_MAX_S)
		return INT64_MAX;
	return signed_at + seconds;
}

static int64_t date_of(const char *url, const char *name)
{
	char text[VALUE_MAX], *end;
	int64_t when;

	if (!url_query(url, name, text, sizeof(text)))
		return INT64_MAX;
	when = strtoll(text, &end, 10);
	if (*end && rfc3339_parse(text, &when))
		when = libcurl_getdate(text);
	return when > 0 ? when : INT64_MAX;
}

int64_t link_expires_at(const char *url)
{
	static const char *const names[] = { "Expires", "expiration",
					     "expiresAt" };
	int64_t when = signed_until(url, "X-Amz-Date", "X-Amz-Expires");

	if (when == INT64_MAX)
		when = signed_until(url, "X-Goog-Date", "X-Goog-Expires");
	for (size_t i = 0; when == INT64_MAX && i < 3; i++)
		when = date_of(url, names[i]);
	/* `se` is Azure's only beside Azure's signature. */
	if (when == INT64_MAX && url_has_query(url, "sig"))
		when = date_of(url, "se");
	return when;
}

bool link_is_signed(const char *url)
{
	static const char *const names[] = {
		"X-Amz-Signature", "X-Goog-Signature", "X-Oss-Signature",
		"q-signature",	   "Signature",	       "sig",
		"token",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (url_has_query(url, names[i]))
			return true;
	return false;
}

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	TEXT_MAX = 32
};

static const char *in_words(double seconds, char text[TEXT_MAX])
{
	if (seconds < 2 * MINUTE)
		snprintf(text, TEXT_MAX, "%.0f s", seconds);
	else if (seconds < 2 * HOUR)
		snprintf(text, TEXT_MAX, "%.0f min", seconds / MINUTE);
	else
		snprintf(text, TEXT_MAX, "%.1f h", seconds / HOUR);
	return text;
}

bool outlook_is_bad(const struct outlook *outlook, char text[OUTLOOK_MAX])
{
	char life[TEXT_MAX], need[TEXT_MAX];
	double rate, seconds;

	if (outlook->ms < OUTLOOK_AFTER_MS || !outlook->sent)
		return false;
	rate = (double)outlook->sent * 1000 / (double)outlook->ms;
	seconds = (double)(outlook->size - outlook->before) / rate;
	if (outlook->life_s < 0 || seconds <= (double)outlook->life_s)
		return false;
	snprintf(text, OUTLOOK_MAX,
		 "the links live %s; at this rate, %.1f MB/s, the object needs "
		 "%s",
		 in_words((double)outlook->life_s, life), rate / 1e6,
		 in_words(seconds, need));
	return true;
}
