/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/url.h"
#include "lfs/server/gourl.h"

/* The input: a URL. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing that would end a line of `git credential`. */
static void check(const char *part)
{
	if (part && strchr(part, '\n'))
		abort();
}

/* Without its user it leads to the same place. */
static void check_joined(const char *text, const struct gourl *url)
{
	char *joined = url_join(text, "objects/batch");
	struct err err = ERR_INIT;
	struct gourl again;

	if (gourl_parse_server(&again, joined, &err) || again.user ||
	    strcmp(again.host, url->host) || strcmp(again.tail, url->tail))
		abort();
	gourl_release(&again);
	free(joined);
}

/* A formatted URL is formatted to itself. */
static void check_format(const struct gourl *url)
{
	char *text = gourl_format(url), *again = gourl_normalize(text);

	if (!again || strcmp(again, text))
		abort();
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	struct err err = ERR_INIT;
	struct gourl url;

	memcpy(text, data, size);
	text[size] = '\0';
	if (!gourl_parse_server(&url, text, &err)) {
		check(url.user);
		check(url.password);
		check(url.host);
		check(url.path);
		check_joined(text, &url);
		check_format(&url);
		free(gourl_host_name(&url));
		gourl_release(&url);
	}
	free(text);
	return 0;
}
