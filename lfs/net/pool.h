/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_POOL_H
#define LFS_NET_POOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "lfs/base/err.h"
#include "lfs/net/http.h"
#include "lfs/net/retry.h"

/*
 * A pool runs jobs on HTTP workers.
 *
 * Each worker is a thread with a `struct http` of its own, so connections are
 * kept alive from job to job and no libcurl handle is seen by two threads.
 * Workers are started as jobs need them.
 *
 * A job is owned by one side at a time:
 *
 *	caller -- pool_submit() --> pool -- pool_wait() --> caller
 *
 * Between the two calls only the worker may touch it.  The pool neither
 * copies nor frees jobs.  All functions here but pool_wake() are called from
 * the one thread that made the pool.
 *
 * A job that fails with a transient error is run again on the same worker
 * after a pause (retry.h).  attempts.h lists who else tries again.
 *
 * A server may refuse a job because others run.  That job gives up its slot until
 * one of them is done, and fewer jobs run from then on (retry.h, `ceiling`);
 * where the status says that they are too many, the budget learns their number.
 * budget.h says who decides how many connections there are.
 */

struct budget;
struct pool;

struct job {
	/*
	 * Do the work on the worker's connection.  Called again after a
	 * transient error; it keeps its own position.
	 */
	int (*run)(struct job *job, struct http *http, struct err *err);
	/*
	 * Is the job still wanted?  If not, it comes back with ERR_CANCELED.
	 * Called from any thread, with the pool locked; NULL: always.
	 */
	bool (*is_wanted)(const struct job *job);

	const char *url;	/* borrowed: its host; NULL: it needs no place */
	bool has_gained;	/* set by `run`: tries so far no longer count */
	bool goes_on;	/* set by `run`: run it again at once, this does not count */
	bool is_tried_once;	/* a transient error is final */
	struct err err;	/* the outcome; read after pool_wait() */
	struct job *next;	/* the pool's, while it owns the job */
	off_t place;	/* the pool's */
};

/* `shared` is borrowed.  At most `max_workers` threads are started. */
struct pool *pool_new(unsigned max_workers, struct http_shared *shared,
		      const struct retry_policy *policy);

/* The state that its workers share, perhaps with other pools; borrowed. */
struct http_shared *pool_shared(const struct pool *pool);

/* Take places from this budget, which is borrowed; before the first job. */
void pool_set_budget(struct pool *pool, struct budget *budget);

/* Queue a job.  Cannot fail and never blocks. */
void pool_submit(struct pool *pool, struct job *job);

/* Run at most `n` jobs at once; running ones are not stopped. */
void pool_limit(struct pool *pool, unsigned n);

/* From any thread: does a job wait for a worker? */
bool pool_has_work(struct pool *pool);

/*
 * Return a finished job, or NULL if none finished within `timeout_ms` or
 * pool_wake() was called.  Jobs come back in the order in which they
 * finish.
 */
struct job *pool_wait(struct pool *pool, int timeout_ms);

/*
 * From now on call `ring`, from any thread, whenever pool_wait() has reason to
 * return, for a caller that waits for several pools.
 */
void pool_on_news(struct pool *pool, void (*ring)(void *ctx), void *ctx);

/* From any thread: make pool_wait() return now. */
void pool_wake(struct pool *pool);

/* Jobs may no longer be wanted: those that wait ask again. */
void pool_look_again(struct pool *pool);

/*
 * Make every outstanding job come back soon: queued ones at once with
 * ERR_CANCELED, running ones at their next network event or pause.  Once all
 * of them are back, the pool takes new jobs as before.
 */
void pool_cancel(struct pool *pool);

/*
 * Cancel, join the threads and free the pool.  False if a worker does not
 * come back within `timeout_ms` (a disk that hangs cannot be interrupted): then
 * nothing is freed, and only the process's end helps.  NULL is fine.
 */
bool pool_free(struct pool *pool, int timeout_ms);

#endif
