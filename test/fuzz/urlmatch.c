/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/git/urlmatch.h"

/* The input: a pattern, and after a newline a URL. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A URL without a query matches itself. */
static void check_self(const char *text)
{
	struct urlmatch *url = urlmatch_new(text);
	struct urlmatch_rank rank;

	if (url && !strpbrk(text, "?#") && !urlmatch_is_match(text, url, &rank))
		abort();
	urlmatch_free(url);
}

/* Nothing matches better than the whole of the URL. */
static void check_pair(const char *text, const char *other)
{
	struct urlmatch *url = urlmatch_new(other);
	struct urlmatch_rank rank;

	if (urlmatch_is_match(text, url, &rank) &&
	    (!rank.host || !rank.path || rank.path > 3 * strlen(other) + 2))
		abort();
	urlmatch_free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1), *url;

	memcpy(text, data, size);
	text[size] = '\0';
	url = strchr(text, '\n');
	if (url)
		*url++ = '\0';
	else
		url = text + strlen(text);
	check_self(url);
	check_self(text);
	check_pair(text, url);
	free(text);
	return 0;
}
