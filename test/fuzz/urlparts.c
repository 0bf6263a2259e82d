/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/server/urlparts.h"

/* The input: a URL. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing that would end a line of `git credential`. */
static void check(const char *part)
{
	if (part && strpbrk(part, "\r\n"))
		abort();
}

/* Without its user it leads to the same place. */
static void check_plain(const char *url, const struct urlparts *parts)
{
	char *plain = urlparts_without_user(url);
	struct err err = ERR_INIT;
	struct urlparts again;

	if (urlparts_parse(&again, plain, &err) || again.user ||
	    strcmp(again.host, parts->host) || strcmp(again.path, parts->path))
		abort();
	urlparts_release(&again);
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = xmalloc(size + 1);
	struct err err = ERR_INIT;
	struct urlparts parts;

	memcpy(url, data, size);
	url[size] = '\0';
	if (!urlparts_parse(&parts, url, &err)) {
		check(parts.user);
		check(parts.password);
		check(parts.host);
		check(parts.path);
		check_plain(url, &parts);
		free(urlparts_host_name(&parts));
		urlparts_release(&parts);
	}
	free(urlparts_join(url, "objects/batch"));
	free(url);
	return 0;
}
