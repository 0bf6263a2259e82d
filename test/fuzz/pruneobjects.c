/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pruneobjects.h"

/* The input: what `git lfs prune --dry-run --verbose` prints. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pruneobjects_list list;
	struct err err = ERR_INIT;
	char *text = malloc(size + 1);
	int ret;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	ret = pruneobjects_parse(&list, text, &err);
	must(ret ? err.kind == ERR_LOCAL : err.kind == ERR_NONE);
	must(!list.nunread == !list.unread);
	for (size_t i = 0; i < list.n; i++) {
		must(strspn(list.oids[i], "0123456789abcdef") == 64);
		must(strlen(list.oids[i]) == 64);
		must(!i || strcmp(list.oids[i - 1], list.oids[i]) < 0);
	}
	pruneobjects_release(&list);
	free(text);
	return 0;
}
