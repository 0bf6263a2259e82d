/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/transfer/source.h"

/* The input: the value of a Content-Range header, or of ETag. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A range that was read is the same when it is formatted and read again. */
static void check_again(const struct source_range *range)
{
	struct source_range again;
	char text[100];

	if (range->has_total)
		snprintf(text, sizeof(text),
			 "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
			 range->last, range->total);
	else
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/*",
			 range->first, range->last);
	if (source_parse_range(text, &again) || again.first != range->first ||
	    again.last != range->last || again.total != range->total ||
	    again.has_total != range->has_total)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = xmalloc(size + 1);
	struct source_range range;

	memcpy(value, data, size);
	value[size] = '\0';
	if (!source_parse_range(value, &range)) {
		if (range.first > range.last || range.last > INT64_MAX ||
		    (range.has_total && range.total > INT64_MAX))
			abort();
		check_again(&range);
	}
	/* What is sent back is one token: it ends no line. */
	if (source_is_validator(value) &&
	    (strpbrk(value, "\r\n\t ") || strlen(value) > SOURCE_VALIDATOR_MAX))
		abort();
	free(value);
	return 0;
}
