/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_BRANCH_H
#define LFS_GIT_BRANCH_H

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * The branch that the work tree is on, and the ref that it stands for at a
 * remote: a server may allow or refuse by that.
 */

enum {
	BRANCH_MAX = 4096	/* bytes of a ref's name */
};

/*
 * The current branch, without refs/heads/; NULL if HEAD is on none.  It is the
 * caller's.  `head` is what repo_find() says; if that is NULL, asks git, with
 * one child process, as refs need not be files.
 */
int branch_current(char **branch, const char *head, struct err *err);

/*
 * The full name of the ref that `branch` is updated from: the upstream if it
 * has one, of whatever remote (as git-lfs does since 3.8), else the branch of
 * the same name.  The result is the caller's.
 */
char *branch_pull_ref(const struct gitconfig *config, const char *branch);

/*
 * The same of what it is pushed to at a remote (its name or URL): the upstream
 * only if that is there, and push.default wants it.
 */
char *branch_push_ref(const struct gitconfig *config, const char *branch,
		      const char *remote);

#endif
