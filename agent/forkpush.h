/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORKPUSH_H
#define AGENT_FORKPUSH_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"

/* The `git push` that follows a fork: the branches and tags that were named. */

struct forkpush {
	const char *remote;	/* borrowed */
	const char *const *refs;	/* borrowed */
	size_t nrefs;
	bool all;	/* branches and tags, besides */
	bool is_quiet;	/* git push is to say no more than what is wrong */
	char **refspecs;	/* owned, until NULL: what forkpush_find() made */
};

/*
 * Find what is to be pushed: each ref under its own name, a branch of another
 * remote under that branch's name.  ERR_USAGE if one is neither a branch nor a
 * tag.
 */
int forkpush_find(struct forkpush *push, struct err *err);

/*
 * Push, over what the remote has: but only if that is what we last saw of it
 * (git push --force-with-lease).  What git says goes to stderr.
 */
int forkpush_run(const struct forkpush *push, struct err *err);

void forkpush_release(struct forkpush *push);

#endif
