/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_LFSCONFIG_H
#define LFS_GIT_LFSCONFIG_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"

/*
 * .lfsconfig: the part of the config that comes with a repository.  It is
 * written by whoever may push to it, so only keys that say where the objects
 * are count, and git's own config wins.
 */

/*
 * All of `git`, and what .lfsconfig adds to it: that in the work tree, else in
 * the index, else in HEAD; without a work tree, in HEAD.  One child process, or
 * two or three.  The caller frees it; NULL if .lfsconfig cannot be read.
 */
struct gitconfig *lfsconfig_load(const struct gitconfig *git,
				 const struct repo *repo, struct err *err);

/* The same with a .lfsconfig (or NULL) that has been read. */
struct gitconfig *lfsconfig_merge(const struct gitconfig *git,
				  const struct gitconfig *file,
				  struct err *err);

/* May .lfsconfig set it? */
bool lfsconfig_is_safe(const struct gitconfig_entry *entry);

#endif
