/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"

/* The input: a time. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libc agrees on what the seconds stand for. */
static void check_again(int64_t seconds)
{
	time_t when = (time_t)seconds;
	int64_t again;
	struct tm tm;
	char *text;

	if (!gmtime_r(&when, &tm))
		abort();
	/* A zone may lead out of the years that can be written. */
	if (tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		return;
	text = xstrfmt("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		       tm.tm_sec);
	if (rfc3339_parse(text, &again) || again != seconds)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	int64_t seconds;

	if (!rfc3339_parse(text, &seconds))
		check_again(seconds);
	free(text);
	return 0;
}
