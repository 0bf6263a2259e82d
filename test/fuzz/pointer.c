/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/git/pointer.h"

/* The input: a blob that may be a pointer. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

/* The same pointer as git-lfs would write it. */
static void check_again(const struct pointer *pointer)
{
	char text[300];
	struct pointer again;
	int n = snprintf(text, sizeof(text),
			 "version https://git-lfs.github.com/spec/v1\n"
			 "oid sha256:%s\nsize %" PRIu64 "\n",
			 pointer->oid, pointer->size);

	must(pointer_parse(&again, text, (size_t)n));
	must(!strcmp(again.oid, pointer->oid) && again.size == pointer->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pointer pointer;

	if (!pointer_parse(&pointer, (const char *)data, size))
		return 0;
	must(size >= POINTER_MIN && size <= POINTER_MAX);
	must(strspn(pointer.oid, "0123456789abcdef") == POINTER_OID &&
	     !pointer.oid[POINTER_OID]);
	must(pointer.size <= INT64_MAX);
	check_again(&pointer);
	return 0;
}
