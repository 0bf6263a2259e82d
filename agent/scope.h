/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SCOPE_H
#define AGENT_SCOPE_H

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * One of git's config files, to be changed: a repository's, the user's or the
 * machine's.  git itself does all reading and writing; what it complains of
 * goes to stderr.
 */

struct scope {
	const char *option;	/* "--local", "--global", "--system" or "--file=" */
	const char *dir;	/* in the repository; "." for the others */
};

/* What this file alone sets, without its includes. */
struct gitconfig *scope_load(const struct scope *scope, struct err *err);

/* Make `value` the only value of the key. */
int scope_set(const struct scope *scope, const char *key, const char *value,
	      struct err *err);

/* Remove all values of the key; there may be none. */
int scope_unset(const struct scope *scope, const char *key, struct err *err);

/*
 * Where the value that counts in the scope's directory comes from, for
 * people: "file:.git/config"; the caller's.
 */
char *scope_origin(const struct scope *scope, const char *key);

#endif
