/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/server/credhelper.h"

/* The input: what `git credential fill` prints. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text that was read is formatted to the same text. */
static void check_again(const struct credtext *lines)
{
	struct credtext again = CREDTEXT_INIT;
	struct buf out = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	if (credtext_format(lines, &out) ||
	    credtext_parse(&again, buf_str(&out), out.len, &err) ||
	    again.nlines > lines->nlines)
		abort();
	credtext_release(&again);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credtext lines = CREDTEXT_INIT;
	struct err err = ERR_INIT;

	if (!credtext_parse(&lines, (const char *)data, size, &err)) {
		free(credtext_authorization(&lines));
		if (size < 1 << 19)
			check_again(&lines);
	}
	credtext_release(&lines);
	return 0;
}
