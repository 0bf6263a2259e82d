/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/link.h"

/* The input: a presigned link. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = xstrndup((const char *)data, size);
	char *longer = xstrfmt("%s#Expires=1&expiration=2", url);
	int64_t when = link_expires_at(url);

	if (when < 0)
		abort();
	/* The fragment is not sent, and does not count. */
	if (link_expires_at(longer) != when)
		abort();
	free(url);
	free(longer);
	return 0;
}
