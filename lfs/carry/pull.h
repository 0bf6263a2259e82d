/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_PULL_H
#define LFS_CARRY_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/carry/checkout.h"
#include "lfs/carry/queue.h"
#include "lfs/carry/scheduler.h"

/*
 * LFS objects from a server to this repository: those of the current checkout
 * into the local storage and the work tree, or those of some refs into the
 * storage alone.
 *
 *	pull = pull_new(&options, &err);	the repository and the server
 *	pull_find(pull, &err);		the files and their objects
 *	pull_run(pull, &err);		fetches and places them
 *	pull_sum(pull, &sum);
 *	pull_free(pull);
 *
 * Several objects move at once, in the order of their first path.  Each one is
 * stored, and its files are placed, while others are still on their way.
 */

struct pull;

struct pull_options {
	/* The git remote's name or URL; NULL: the one that git-lfs would take. */
	const char *remote;
	const char *include;	/* patterns; NULL: lfs.fetchinclude */
	const char *exclude;	/* NULL: lfs.fetchexclude */
	const char *const *paths;	/* pathspecs, relative to the current folder */
	size_t npaths;
	bool is_fetch;	/* into the local storage only, for these refs: */
	const char *const *refs;	/* if there are none, HEAD */
	size_t nrefs;
	bool all;	/* with the history of the refs; without any, of all */
	/* The work tree has the only copy; neither: lfsmultipart.keepObjects. */
	bool no_store;
	bool store;
	bool is_dry;	/* only find out what would be fetched and placed */
	unsigned jobs;	/* objects at a time; 0: as many as connections */
	struct stop stop;	/* asked on any thread */
	void (*report)(void *ctx);	/* on the main thread: pull_sum() has news */
	void *ctx;
};

struct pull_sum {
	struct entry_sum objects;	/* ENTRY_THERE: the storage had them */
	uint64_t fetched;	/* bytes, by this run */
	struct entry_count files;	/* of the work tree that want an object */
	struct entry_count placed;	/* of these */
	uint64_t disk;	/* bytes that all of it takes on the disk, at most */
};

/*
 * Find the repository and its remote.  ERR_USAGE if there is none, if git is not
 * set up to use git-lfs (`git lfs install`), if another process pulls into this
 * work tree, or if the remote leads to no server that can be asked.
 */
struct pull *pull_new(const struct pull_options *options, struct err *err);

/* The LFS URL or the path of the storage that is fetched from; borrowed. */
const char *pull_url(const struct pull *pull);

/* Is there no work tree, so that objects are only fetched? */
bool pull_is_bare(const struct pull *pull);

/*
 * Find the files and their objects, and tell git about files that an earlier run
 * has placed.
 */
int pull_find(struct pull *pull, struct err *err);

/*
 * Fetch and place them.  0 once each is over, whatever became of it; -1 if the
 * server does not answer at all, or we were stopped: another run resumes.
 */
int pull_run(struct pull *pull, struct err *err);

void pull_sum(const struct pull *pull, struct pull_sum *sum);

/* The objects, borrowed; those that are missing or failed say why. */
const struct entry *pull_entries(const struct pull *pull, size_t *n);

/* The files, borrowed; those that were not placed say why, if it is known. */
const struct checkout_file *pull_files(const struct pull *pull, size_t *n);

/*
 * Free it.  False if a thread did not come back: then the process must end
 * without exit handlers.  NULL is fine.
 */
bool pull_free(struct pull *pull);

#endif
