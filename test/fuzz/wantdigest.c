/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/mode/parts.h"
#include "lfs/mode/plan.h"

/* The input: the `want_digest` of a part. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned headers = PLAN_DIGEST_MD5 | PLAN_DIGEST_SHA256;
	char *text = xstrndup((const char *)data, size);
	unsigned wanted = wantdigest_parse(text);

	if ((wanted & headers) == headers ||
	    wanted & ~(headers | PLAN_CONTENT_MD5))
		abort();
	/* The case of letters does not matter. */
	for (char *p = text; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (wantdigest_parse(text) != wanted)
		abort();
	free(text);
	return 0;
}
