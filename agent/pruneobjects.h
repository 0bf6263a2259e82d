/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PRUNEOBJECTS_H
#define AGENT_PRUNEOBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"

/*
 * `prune --objects`: what `git lfs prune --verify-remote` does, for clones where
 * that takes every object for verified without asking the server.
 *
 * git-lfs itself says which objects it would remove.  Of these, an object goes
 * only if the index of no work tree names it and if the server offers it for
 * download, at the same size.  All others are kept, and named with the reason.
 */

struct pruneobjects_options {
	bool is_dry;	/* only say what would go */
	bool is_json;
};

/* Returns the exit status: was each object removed that could go? */
int pruneobjects_run(const struct pruneobjects_options *options);

/* What `git lfs prune --dry-run --verbose` would remove. */
struct pruneobjects_list {
	char (*oids)[65];	/* owned; each once, in order of the oid */
	size_t n;
	size_t nunread;	/* entries that are not of the known form */
	char *unread;	/* owned: the first of them; or NULL */
};

/*
 * Read what it prints: from git-lfs 3.3.0 to 3.8.1, for a terminal or not.
 * ERR_LOCAL if the number of entries is not the one that it says; then none is
 * to be removed.  Release the list in any case.
 */
int pruneobjects_parse(struct pruneobjects_list *list, const char *text,
		       struct err *err);

void pruneobjects_release(struct pruneobjects_list *list);

#endif
