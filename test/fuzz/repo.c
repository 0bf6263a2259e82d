/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"

/*
 * The input: a branch, a remote, each with a NUL behind it, and what git
 * config prints.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of the next string; moves on past it. */
static char *take(const char **at, size_t *left)
{
	char *text = xstrndup(*at, *left);
	size_t n = strlen(text);

	n += n < *left;
	*at += n;
	*left -= n;
	return text;
}

/* Takes the ref. */
static void check(char *ref, const char *branch)
{
	char *same = xstrfmt("refs/heads/%s", branch);

	/* Either the branch's own name, or an upstream of a sane size. */
	if (strcmp(ref, same) &&
	    (strncmp(ref, "refs/", 5) || strlen(ref) >= BRANCH_MAX))
		abort();
	free(ref);
	free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;
	char *branch = take(&at, &size);
	char *remote = take(&at, &size);
	struct err ignored = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(at, size, &ignored);

	if (config) {
		check(branch_push_ref(config, branch, remote), branch);
		check(branch_pull_ref(config, branch), branch);
	}
	gitconfig_free(config);
	free(branch);
	free(remote);
	return 0;
}
