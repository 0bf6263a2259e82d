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
 * Each branch and tag is pushed as it was when it was found, however long the
 * objects take.
 */

struct forkpush_ref {
	char *source;	/* owned, as all: the object to push, in hex */
	char *target;	/* its full name at the remote */
	char *lease;	/* the object that may be overwritten; NULL: none */
	char *why;	/* why it is not pushed; NULL: it is */
	bool is_otherwise;	/* as the remote has another one: --force may help */
	bool is_there;	/* the remote has the object that was to be pushed */
};

struct forkpush {
	const char *from;	/* borrowed: the remote whose refs `all` means */
	const char *remote;	/* borrowed: the remote to push to */
	const char *const *names;	/* borrowed: refs of this repository */
	size_t nnames;
	bool all;	/* all branches and tags that `from` has now */
	bool is_forced;	/* overwrite what the remote has: forkpush_run() */
	bool is_quiet;	/* git push says only what is wrong */
	bool is_shallow;	/* this clone is */
	struct stop stop;
	struct forkpush_ref *refs;	/* owned; what forkpush_find() made */
	size_t nrefs;
	const char **sources;	/* owned; of forkpush_sources() */
};

/*
 * Find what is to be pushed: each named ref under its own name, a branch of
 * another remote under the name that it has there.  With `all`, ask `from` for
 * its refs and fetch them; as with any git fetch, only the remote-tracking
 * branches that the config asks for are updated.
 * ERR_USAGE if a name is neither a branch nor a tag.
 */
int forkpush_find(struct forkpush *push, struct err *err);

/*
 * Let git try without sending anything.  That finds a missing right to push, a
 * lease that does not hold, a shallow clone.  With `all`, the refs that the
 * remote has otherwise are marked as left; it is an error if none remains, or if
 * a named ref is refused.  A lease is what the remote has now, if that is what
 * this clone last saw of it.  Refusals by the server show later.
 */
int forkpush_try(struct forkpush *push, struct err *err);

/* The objects of the refs that are not left, until NULL; borrowed. */
const char *const *forkpush_sources(struct forkpush *push, size_t *n);

/*
 * Push.  Named refs, and with `is_forced` all refs, overwrite what the remote has,
 * but only if that is the lease (git push --force-with-lease), and only by force
 * if it contains all that is pushed, and more.  The output of git and its hooks goes
 * to stderr.  Refs that git or the remote refuses are marked as left.
 */
int forkpush_run(struct forkpush *push, struct err *err);

/* Mark each ref that is not known to be at the remote as left, for `why`. */
void forkpush_leave(struct forkpush *push, const char *why);

/* The number of refs that are left. */
size_t forkpush_left(const struct forkpush *push);

void forkpush_release(struct forkpush *push);

#endif
