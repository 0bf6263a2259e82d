/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/url.h"

/* The input: a URL, and after a newline a Location header. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_display(const char *url)
{
	for (size_t room = 0; room < 40; room++) {
		char *out = xmalloc(room + 1);

		out[room] = 'x';
		url_display(url, out, room);
		if (out[room] != 'x' || (room && strlen(out) >= room))
			abort();
		free(out);
	}
}

static void check_resolve(const char *base, const char *location)
{
	struct err err = ERR_INIT;
	char *url = url_resolve(base, location, &err);

	if (!url != !!err.kind)
		abort();
	if (url && (url_check(url, &err) || err.kind))
		abort();
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = xmalloc(size + 1), *location;
	struct err err = ERR_INIT;
	char out[16];

	memcpy(url, data, size);
	url[size] = '\0';
	location = strchr(url, '\n');
	if (location)
		*location++ = '\0';
	else
		location = url + strlen(url);
	check_display(url);
	if (!url_check(url, &err) && !url_is_same_origin(url, url))
		abort();
	check_resolve(url, location);
	check_resolve("https://h.example:8443/a/b?c", location);
	url_query(url, "X-Amz-Date", out, sizeof(out));
	if (strlen(out) >= sizeof(out))
		abort();
	free(url);
	return 0;
}
