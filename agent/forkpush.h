/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORKPUSH_H
#define AGENT_FORKPUSH_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"

/*
 * The `git push` that follows a fork.
 *
 *	forkpush_find(&push, &err);	what is to be pushed
 *	forkpush_try(&push, &err);	would git push it?
 *	forkpush_sources(&push);	what must be at the target first
 *	forkpush_run(&push, &err);	push it
 *	forkpush_release(&push);
 *
 * What is pushed is what was found: each branch and tag as it was then, however
 * long the objects take.
 */

struct forkpush_ref {
	char *source;	/* owned, as all: what it is to point to, in hex */
	char *target;	/* its full name at the remote */
	char *lease;	/* what may be pushed over, in hex; NULL: nothing */
	char *why;	/* it is left as it is there; NULL: it is pushed */
	bool is_otherwise;	/* that is for what is there: --force may help */
	bool is_there;	/* the remote has what was to be pushed */
};

struct forkpush {
	const char *from;	/* borrowed: the remote whose refs `all` means */
	const char *remote;	/* borrowed: to be pushed to */
	const char *const *names;	/* borrowed: refs of this repository */
	size_t nnames;
	bool all;	/* all branches and tags that `from` has now */
	bool is_forced;	/* over what the remote has, see forkpush_run() */
	bool is_quiet;	/* git push is to say no more than what is wrong */
	struct stop stop;
	struct forkpush_ref *refs;	/* owned; what forkpush_find() made */
	size_t nrefs;
	const char **sources;	/* owned; of forkpush_sources() */
};

/*
 * Find what is to be pushed: each named ref under its own name, a branch of
 * another remote under the name that it has there.  With `all`, ask that remote
 * for its refs and fetch them: as with any git fetch, only the remote-tracking
 * branches that the config asks for follow.
 * ERR_USAGE if a name is neither a branch's nor a tag's.
 */
int forkpush_find(struct forkpush *push, struct err *err);

/*
 * Let git try, without sending anything: who may not push, a lease that does
 * not hold, a shallow clone.  Of all refs, those that the remote has otherwise
 * are marked as left; it is an error if none remains, or if a named ref is
 * refused.  A lease is what the remote has now, if that is what we last saw of
 * it.  What only the server can say shows later.
 */
int forkpush_try(struct forkpush *push, struct err *err);

/* What the refs that are not left point to, until NULL; borrowed. */
const char *const *forkpush_sources(struct forkpush *push, size_t *n);

/*
 * Push.  Named refs, and all if that is forced, over what the remote has: but
 * only if that is the lease (git push --force-with-lease), and only by force if
 * it has all that we push, and more.  What git and its hooks say goes to stderr.
 * Refs that git or the remote refuses are marked as left.
 */
int forkpush_run(struct forkpush *push, struct err *err);

/* Mark each that the remote has not been seen to have as left, for `why`. */
void forkpush_leave(struct forkpush *push, const char *why);

/* How many are left. */
size_t forkpush_left(const struct forkpush *push);

void forkpush_release(struct forkpush *push);

#endif
