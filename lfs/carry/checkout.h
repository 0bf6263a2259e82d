/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_CHECKOUT_H
#define LFS_CARRY_CHECKOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/pointer.h"
#include "lfs/git/storage.h"
#include "lfs/transfer/transfer.h"
#include "lfs/worktree/selection.h"

/*
 * Gives objects their place: the name in the local storage, then the files of
 * the work tree, on a thread of its own.
 *
 *	checkout = checkout_new(&options, &err);
 *	checkout_put(checkout, job);		as objects arrive
 *	job = checkout_take(checkout);		as they are over, ...
 *	checkout_end(checkout);		... and once no other will come
 *	checkout_free(checkout);
 *
 * Jobs that wait together are stored together: one sync of the file system
 * serves all small objects.
 */

struct checkout;
struct worktree;

/* A file of the work tree that wants an object, and what became of it. */
struct checkout_file {
	const struct wanted_file *wanted;	/* borrowed */
	bool is_placed;
	char *why;	/* owned: why it was not placed; or NULL */
	struct checkout_file *next;	/* with the same object */
};

/* One object; the thread's from checkout_put() to checkout_take(). */
struct checkout_job {
	const struct pointer *pointer;	/* borrowed, as the files */
	/* Where its bytes are, if not in the storage; its path is owned. */
	struct finished finished;
	/* That file stays, as it is another storage's; it is hashed. */
	bool is_foreign;
	struct checkout_file *files;
	struct err err;	/* why it could not be stored */
	void *ctx;	/* the caller's */
	struct checkout_job *next;	/* the checkout's */
};

struct checkout_options {
	const struct storage *storage;	/* borrowed, as all */
	struct worktree *worktree;	/* NULL: objects are only stored */
	bool no_store;	/* the work tree has the only copy */
	bool syncs;	/* what is stored is on the disk first */
	bool verifies;	/* foreign files are hashed */
	struct stop stop;	/* asked on the thread; then jobs come back undone */
	/* From the thread: checkout_take() has something, or bytes were placed. */
	void (*ring)(void *ctx);
	void *ctx;
};

/* NULL if there can be no other thread. */
struct checkout *checkout_new(const struct checkout_options *options,
			      struct err *err);

/* The job is the checkout's until checkout_take() returns it. */
void checkout_put(struct checkout *checkout, struct checkout_job *job);

/* How many jobs are the checkout's. */
size_t checkout_count(struct checkout *checkout);

/* A job that is over, or NULL. */
struct checkout_job *checkout_take(struct checkout *checkout);

/*
 * No other job will come: git is told about the last files once all are over.
 * True when that was done; until then, wait for a ring.
 */
bool checkout_end(struct checkout *checkout);

/* What went wrong with git's index, or NULL; valid after checkout_end(). */
const struct err *checkout_err(const struct checkout *checkout);

enum { CHECKOUT_GIT_LFS = 64 };	/* files at a time, as a command line has an end */

/*
 * Have `git lfs checkout` place files whose objects are in the storage, in the
 * work tree whose top this is.  Main thread, after checkout_end().
 */
void checkout_by_git_lfs(struct checkout_file *const *files, size_t n,
			 const char *top, const struct stop *stop);

/* False, with nothing freed, if the thread does not come back in time. */
bool checkout_free(struct checkout *checkout, unsigned timeout_ms);

#endif
