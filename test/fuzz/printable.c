/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"

/* The input: what a server says. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
	json_t *string = json_string(text);

	/* It is UTF-8, with no C0 and no C1 in it. */
	if (!string)
		abort();
	json_decref(string);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f ||
		    (*p == '\xc2' && (unsigned char)p[1] < 0xa0))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *again;

	text_printable(text);
	if (strlen(text) > size)
		abort();
	check(text);
	again = xstrdup(text);
	text_printable(again);
	if (strcmp(text, again))
		abort();
	free(again);
	free(text);
	return 0;
}
