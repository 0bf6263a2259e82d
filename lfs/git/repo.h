/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_REPO_H
#define LFS_GIT_REPO_H

#include "lfs/base/err.h"

/* The repository that the current directory, or GIT_DIR, is in. */

struct repo {
	/* The git directory of all its worktrees; NULL outside of any. */
	char *common;	/* owned, absolute */
	/* The top of the work tree; NULL if there is none or we are outside. */
	char *top;	/* owned, absolute */
	/*
	 * What HEAD is on: a full ref, or "HEAD" itself.  NULL if git did not
	 * come to it, with no work tree or no commit yet.
	 */
	char *head;	/* owned */
};

#define REPO_INIT { .common = NULL }

/*
 * One child process.  To be outside is no error; ERR_LOCAL if git does not
 * start.  Release it in any case.
 */
int repo_find(struct repo *repo, struct err *err);

void repo_release(struct repo *repo);

#endif
