/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* realpath() */
#include "lfs/git/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"

enum { ANSWER_ROOM = 64 << 10 };

/*
 * Each answer ends its line.  Git ends at the first one that it has not got: a
 * work tree; or a commit for HEAD, and then says "HEAD" all the same.
 */
static int parse(struct repo *repo, char *text, bool has_all, struct err *err)
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
	struct buf text = BUF_INIT(ANSWER_ROOM);
	int status, ret;

	*repo = (struct repo)REPO_INIT;
	ret = child_run(&child, &text, &status, err);
	if (!ret && text.len)
		ret = parse(repo, text.data, !status, err);
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

enum {
	PATH_ROOM = 4096,
	LINE_ROOM = 8192	/* one that is longer has no URL for us */
};

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

static char *path_of_it(void)
{
	const char *const argv[] = { "git", "rev-parse", "--git-path",
				     "FETCH_HEAD", NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(PATH_ROOM);
	struct err ignored = ERR_INIT;
	char *path = NULL;

	if (!child_run(&child, &text, NULL, &ignored) && text.len > 1)
		path = xstrndup(text.data, text.len - 1);
	buf_release(&text);
	return path;
}

char *fetchhead_url(void)
{
	char *path = path_of_it(), *url = NULL;
	char text[LINE_ROOM];
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (got > 0)
		url = fetchhead_parse(text, (size_t)got);
	if (fd >= 0)
		close(fd);
	free(path);
	return url;
}
