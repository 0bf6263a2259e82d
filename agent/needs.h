/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_NEEDS_H
#define AGENT_NEEDS_H

#include "agent/scope.h"
#include "lfs/base/err.h"

/*
 * What must be there before the git config is changed.  The errors name what
 * is missing.
 */

/* git, and not too old a one. */
int needs_git(struct err *err);

int needs_git_lfs(struct err *err);

/* The repository, if the scope is one's; `place` is what the user calls it. */
int needs_scope(const struct scope *scope, const char *place, struct err *err);

/*
 * The absolute path of this program: that by which PATH knows it, so that it
 * outlives an update that moves what a link points to, else that of the file
 * itself.  The caller's; NULL on failure.
 */
char *needs_program_path(struct err *err);

#endif
