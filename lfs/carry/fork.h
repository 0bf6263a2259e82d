/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_FORK_H
#define LFS_CARRY_FORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/carry/queue.h"

/*
 * All LFS objects of a history from one server to another.
 *
 *	fork = fork_new(&options, &err);	the two servers
 *	fork_find(fork, &err);		the objects
 *	fork_run(fork, &err);		moves them
 *	fork_sum(fork, &sum);
 *	fork_free(fork);
 *
 * Several objects move at once, in their order; large ones in many ranges, small
 * ones side by side.  lfsmultipart.connections is for each of the two servers.
 */

struct fork;

struct fork_options {
	/* The git remotes of source and target; NULL: upstream and origin. */
	const char *from;
	const char *to;
	const char *from_lfs;	/* LFS URLs instead of the remotes', or NULL */
	const char *to_lfs;
	const char *const *refs;	/* what to look through: history.h */
	size_t nrefs;
	bool all;
	const char *include;
	const char *exclude;
	uint64_t max_disk;	/* bytes that may be between the two at a time */
	unsigned jobs;	/* objects at a time; 0: as many as connections */
	unsigned shard;	/* 1 to `nshards`: which share of the objects is ours */
	unsigned nshards;
	bool is_dry;	/* only find out what would be moved */
	struct stop stop;	/* asked on the main thread */
	void (*report)(void *ctx);	/* on the main thread: fork_sum() has news */
	void *ctx;
};

struct fork_sum {
	struct entry_sum objects;
	uint64_t sent;	/* bytes, by this run, also of those that are not over */
	uint64_t disk;	/* the most bytes that were between the two */
};

/*
 * Find the two servers.  ERR_USAGE if one cannot be found, if they are the same
 * (then the message names the config key that made them so), or if another
 * process of this repository moves the objects of this shard between them.
 */
struct fork *fork_new(const struct fork_options *options, struct err *err);

/* The LFS URL of the source or the target, borrowed; see url_display_any(). */
const char *fork_url(const struct fork *fork, enum direction direction);

/* Does the clone lack old commits, so that their objects cannot be found? */
bool fork_is_shallow(const struct fork *fork);

/*
 * Is the target in standalone mode, so that git-lfs leaves it to an agent?  Then
 * its hook asks no server and refuses a push of objects that are not here.
 */
bool fork_target_is_standalone(const struct fork *fork);

/* Look through these refs, borrowed, instead of those of the options. */
void fork_set_refs(struct fork *fork, const char *const *refs, size_t nrefs);

/* Find the objects in the history, which takes a while if it is large. */
int fork_find(struct fork *fork, struct err *err);

/*
 * Move them.  0 once each is over, whatever became of it; -1 if a server does
 * not answer at all, or we were stopped: another run resumes.
 */
int fork_run(struct fork *fork, struct err *err);

/*
 * Before `git push` to that remote: in a partial clone, fetch what it must send
 * and this clone lacks.
 */
int fork_fetch_absent(struct fork *fork, const char *remote, struct err *err);

void fork_sum(const struct fork *fork, struct fork_sum *sum);

/* The objects, borrowed; those that are missing or failed say why. */
const struct entry *fork_entries(const struct fork *fork, size_t *n);

/*
 * Free it.  False if a worker did not come back: then the process must end
 * without exit handlers.  NULL is fine.
 */
bool fork_free(struct fork *fork);

#endif
