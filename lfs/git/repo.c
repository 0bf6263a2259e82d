/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* realpath() */
#include "lfs/git/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

enum {
	ANSWER_MAX = 64 << 10,
	FETCH_MAX = 8192	/* a line that is longer has no URL for us */
};

/*
 * A line for each answer.  Git stops at the first that it cannot give: the work
 * tree; or HEAD without a commit, for which it prints "HEAD" before it fails.
 */
static int parse_answers(struct repo *repo, char *text, bool has_all,
			 struct err *err)
{
	char *top = strchr(text, '\n'), *head;
	size_t len;

	if (!top)
		return 0;
	*top++ = '\0';
	repo->common = realpath(text, NULL);
	if (!repo->common)
		return err_sys(err, errno, "cannot find '%s'", text);
	len = strlen(top);
	if (len < 2)
		return 0;
	top[len - 1] = '\0';
	head = strrchr(top, '\n');
	if (head)
		*head++ = '\0';
	if (head && has_all)
		repo->head = xstrdup(head);
	repo->top = xstrdup(top);
	return 0;
}

int repo_find(struct repo *repo, struct err *err)
{
	const char *const argv[] = { "git",
				     "rev-parse",
				     "--git-common-dir",
				     "--show-toplevel",
				     "--symbolic-full-name",
				     "HEAD",
				     NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(ANSWER_MAX);
	int status, ret;

	*repo = (struct repo)REPO_INIT;
	ret = child_run(&child, &text, &status, err);
	if (!ret && text.len)
		ret = parse_answers(repo, text.data, !status, err);
	buf_release(&text);
	return ret;
}

void repo_release(struct repo *repo)
{
	free(repo->common);
	free(repo->top);
	free(repo->head);
	*repo = (struct repo)REPO_INIT;
}

static void add_promisor(const char ***names, const char *name)
{
	size_t n = 0;

	for (; (*names)[n]; n++)
		if (!strcmp((*names)[n], name))
			return;
	*names = xreallocarray(*names, n + 2, sizeof(char *));
	(*names)[n] = name;
	(*names)[n + 1] = NULL;
}

const char **repo_promisors(const struct gitconfig *config)
{
	const char *old = gitconfig_get(config, "extensions.partialclone");
	const char **names = xcalloc(1, sizeof(*names));
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos))) {
		if (!entry->sub || !*entry->sub)
			continue;
		if ((gitconfig_is(entry, "remote", "promisor") &&
		     gitconfig_bool(entry, true)) ||
		    gitconfig_is(entry, "remote", "partialclonefilter"))
			add_promisor(&names, entry->sub);
	}
	if (old)
		add_promisor(&names, old);
	return names;
}

#define HEADS "refs/heads/"

int branch_current(char **branch, const char *head, struct err *err)
{
	/* With --short it is "heads/main" where there is a tag `main`, too. */
	const char *const argv[] = { "git", "symbolic-ref", "-q", "HEAD",
				     NULL };
	const struct child child = { .argv = argv };
	char *ref = NULL;
	int status;

	*branch = NULL;
	if (!head)
		head = ref = child_line(&child, &status, err);
	if (head && text_has_prefix(head, HEADS) && head[strlen(HEADS)])
		*branch = xstrdup(head + strlen(HEADS));
	free(ref);
	return err->kind ? -1 : 0;
}

/* Does push.default, whose other values ignore the upstream, push to it? */
static bool goes_upstream(const struct gitconfig *config)
{
	static const char *const words[] = { "", "simple", "upstream",
					     "tracking", NULL };
	const char *value = gitconfig_get(config, "push.default");

	return !value || text_is_any(value, words);
}

/* The upstream of a branch; NULL without one, or if it is no full ref. */
static const char *upstream(const struct gitconfig *config, const char *branch)
{
	const char *merge = gitconfig_get_sub(config, "branch", branch,
					      "merge");

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
	const char *its = gitconfig_get_sub(config, "branch", branch, "remote");

	if (its && !strcmp(its, remote) && goes_upstream(config))
		return branch_pull_ref(config, branch);
	return xstrfmt(HEADS "%s", branch);
}

/*
 * OID <tab> [not-for-merge] <tab> [KIND 'NAME' of ]URL.  No name of a ref has
 * a blank.
 */
char *fetchhead_parse(const char *text, size_t len)
{
	static const char of[] = "' of ";
	const char *end = memchr(text, '\n', len);
	char *line, *note, *url = NULL;

	if (!end)
		return NULL;
	line = xstrndup(text, (size_t)(end - text));
	note = strchr(line, '\t');
	if (note)
		note = strchr(note + 1, '\t');
	if (note) {
		char *name = strstr(++note, of);

		url = name ? name + strlen(of) : note;
	}
	url = url && *url && !strchr(url, '\t') ? xstrdup(url) : NULL;
	free(line);
	return url;
}

char *fetchhead_url(void)
{
	const char *const argv[] = { "git", "rev-parse", "--git-path",
				     "FETCH_HEAD", NULL };
	const struct child child = { .argv = argv };
	struct err ignored = ERR_INIT;
	char *path = child_line(&child, NULL, &ignored), *url = NULL;
	char text[FETCH_MAX];
	ssize_t got = -1;
	int fd = -1;

	if (path)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		got = read(fd, text, sizeof(text));
	if (got > 0)
		url = fetchhead_parse(text, (size_t)got);
	if (fd >= 0)
		close(fd);
	free(path);
	return url;
}
