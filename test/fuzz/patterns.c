/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/git/patterns.h"

/* The input: a list of patterns.  What stands before each in a pathspec is ours. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char exclude[] = ":(top,glob,exclude)";
	char *list = malloc(size + 1);
	char **specs;
	size_t n = 0, nexcludes = 0;

	must(list != NULL);
	memcpy(list, data, size);
	list[size] = '\0';
	specs = patterns_to_pathspecs(list, list);
	for (; specs[n]; n++) {
		bool is_exclude = !strncmp(specs[n], exclude, strlen(exclude));
		const char *magic = is_exclude ? exclude : ":(top,glob)";

		must(!strncmp(specs[n], magic, strlen(magic)));
		must(specs[n][strlen(magic)] != '\0');
		must(is_exclude || !nexcludes);
		nexcludes += is_exclude;
	}
	/* A list of empty patterns includes nothing, and excludes nothing. */
	must(n == 2 * nexcludes || (n == 1 && !nexcludes));
	patterns_free(specs);
	free(list);
	return 0;
}
