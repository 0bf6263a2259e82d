/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* realpath() */
#include "lfs/git/repo.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
