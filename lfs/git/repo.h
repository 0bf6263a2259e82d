/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_REPO_H
#define LFS_GIT_REPO_H

#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * The repository that the current directory, or GIT_DIR, is in: its folders, its
 * branch, its last fetch, and the remotes that it was cloned from in part.
 */

struct repo {
	/* The git directory of all its worktrees; NULL outside of any. */
	char *common;	/* owned, absolute */
	/* The top of the work tree; NULL if there is none or we are outside. */
	char *top;	/* owned, absolute */
	/*
	 * The ref that HEAD is on, in full, or "HEAD" itself.  NULL without a
	 * work tree, and before the first commit.
	 */
	char *head;	/* owned */
};

#define REPO_INIT { .common = NULL }

/*
 * Find it, with one child process.  No repository is no error; ERR_LOCAL if git
 * does not start.  Release it in any case.
 */
int repo_find(struct repo *repo, struct err *err);

void repo_release(struct repo *repo);

/*
 * The remotes that have promised what a partial clone (`git clone --filter`)
 * lacks; only NULL if this is none.  Their filters do not say what that is: each
 * fetch may have another.  The array, which ends with NULL, is the caller's; the
 * names are borrowed from the config.
 */
const char **repo_promisors(const struct gitconfig *config);

/*
 * The branch that the work tree is on, and the ref that it stands for at a
 * remote: a server may allow or refuse by that.
 */

enum {
	BRANCH_MAX = 4096	/* bytes of a ref's name */
};

/*
 * The current branch, without refs/heads/, the caller's; NULL if HEAD is on none.
 * `head` is that of repo_find(); if it is NULL, git is asked, with one child
 * process, as refs need not be files.
 */
int branch_current(char **branch, const char *head, struct err *err);

/*
 * The full name of the ref that `branch` is updated from: the upstream if it
 * has one, of whatever remote (as git-lfs does since 3.8), otherwise the branch
 * of the same name.  The result is the caller's.
 */
char *branch_pull_ref(const struct gitconfig *config, const char *branch);

/*
 * The full name of the ref that `branch` is pushed to at a remote (its name or
 * URL): its upstream if that is at this remote and push.default allows it,
 * otherwise the branch of the same name.  The result is the caller's.
 */
char *branch_push_ref(const struct gitconfig *config, const char *branch,
		      const char *remote);

/*
 * The URL of the last fetch, as git notes it in FETCH_HEAD.  In a repository
 * without a remote, as after `git fetch URL`, it is the only one.  git-lfs looks
 * there from 3.5 on.
 */

/*
 * The URL in the first line of a FETCH_HEAD (git's Documentation, fetch.txt;
 * builtin/fetch.c), without user and `.git` as git writes it; NULL if there is
 * none.  The result is the caller's.
 */
char *fetchhead_parse(const char *text, size_t len);

/*
 * The URL in the FETCH_HEAD of the current directory's repository, the caller's,
 * or NULL.  Asks git for the file's path, with one child process.
 */
char *fetchhead_url(void);

#endif
