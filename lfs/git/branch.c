/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/branch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"

#define HEADS "refs/heads/"

static char *without_prefix(const char *ref)
{
	size_t n = strlen(HEADS), len = strcspn(ref, "\n");

	if (strncmp(ref, HEADS, n) || len == n)
		return NULL;
	return xstrndup(ref + n, len - n);
}

int branch_current(char **branch, const char *head, struct err *err)
{
	/* With --short it is "heads/main" where there is a tag `main`, too. */
	const char *const argv[] = { "git", "symbolic-ref", "-q", "HEAD",
				     NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(BRANCH_MAX);
	int status, ret;

	*branch = head ? without_prefix(head) : NULL;
	if (head)
		return 0;
	ret = child_run(&child, &text, &status, err);
	if (!ret && !status)
		*branch = without_prefix(buf_str(&text));
	buf_release(&text);
	return ret;
}

static const char *get(const struct gitconfig *config, const char *branch,
		       const char *name)
{
	char *key = xstrfmt("branch.%s.%s", branch, name);
	const char *value = gitconfig_get(config, key);

	free(key);
	return value;
}

/* The others of push.default do not look at the upstream. */
static bool goes_upstream(const struct gitconfig *config)
{
	static const char *const words[] = { "simple", "upstream", "tracking" };
	const char *value = gitconfig_get(config, "push.default");

	for (size_t i = 0; value && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(value, words[i]))
			return true;
	return !value || !*value;
}

/* NULL if it has none that a server could know. */
static const char *upstream(const struct gitconfig *config, const char *branch)
{
	const char *merge = get(config, branch, "merge");

	if (!merge || strncmp(merge, "refs/", 5) || strlen(merge) >= BRANCH_MAX)
		return NULL;
	return merge;
}

char *branch_pull_ref(const struct gitconfig *config, const char *branch)
{
	const char *ref = upstream(config, branch);

	return ref ? xstrdup(ref) : xstrfmt(HEADS "%s", branch);
}

char *branch_push_ref(const struct gitconfig *config, const char *branch,
		      const char *remote)
{
	const char *its = get(config, branch, "remote");

	if (its && !strcmp(its, remote) && goes_upstream(config))
		return branch_pull_ref(config, branch);
	return xstrfmt(HEADS "%s", branch);
}
