/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* realpath() */
#include "lfs/remote/repo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"

enum { PATHS_ROOM = 64 << 10 };

/* Each path ends its line; the second is missing without a work tree. */
static int parse(struct repo *repo, char *text, struct err *err)
{
	char *top = strchr(text, '\n');
	size_t len;

	if (!top)
		return 0;
	*top++ = '\0';
	repo->common = realpath(text, NULL);
	if (!repo->common)
		return err_sys(err, errno, "cannot find '%s'", text);
	len = strlen(top);
	if (len > 1)
		repo->top = xstrndup(top, len - 1);
	return 0;
}

int repo_find(struct repo *repo, struct err *err)
{
	const char *const argv[] = { "git", "rev-parse", "--git-common-dir",
				     "--show-toplevel", NULL };
	struct child child = { .argv = argv, .watch_fd = -1 };
	struct buf text = BUF_INIT(PATHS_ROOM);
	int status, ret;

	*repo = (struct repo)REPO_INIT;
	ret = child_run(&child, &text, &status, err);
	if (!ret && text.len)
		ret = parse(repo, text.data, err);
	buf_release(&text);
	return ret;
}

void repo_release(struct repo *repo)
{
	free(repo->common);
	free(repo->top);
	*repo = (struct repo)REPO_INIT;
}
