/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdatomic.h>
#include <time.h>

#include "lfs/net/pool.h"
#include "test/unit/unit.h"

/* pool_on_news(): it rings whenever pool_wait() has something, not before. */

enum { NJOBS = 3 };

static const struct retry_policy policy = { .retries = 1 };

static int do_nothing(struct job *job, struct http *http, struct err *err)
{
	(void)job;
	(void)http;
	(void)err;
	return 0;
}

static void count_ring(void *ctx)
{
	atomic_fetch_add((atomic_int *)ctx, 1);
}

/* Wait for so many, within reason. */
static void await(atomic_int *rung, int n)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int tries = 0; atomic_load(rung) < n; tries++) {
		assert_true(tries < 5000);
		nanosleep(&pause, NULL);
	}
	assert_int_equal(atomic_load(rung), n);
}

static void submit(struct pool *pool, struct job *jobs)
{
	for (int i = 0; i < NJOBS; i++) {
		jobs[i] = (struct job){ .run = do_nothing };
		pool_submit(pool, &jobs[i]);
	}
}

static void take_all(struct pool *pool, const struct job *jobs,
		     enum err_kind kind)
{
	for (int i = 0; i < NJOBS; i++) {
		assert_ptr_equal(pool_wait(pool, 0), &jobs[i]);
		assert_int_equal(jobs[i].err.kind, kind);
	}
	assert_null(pool_wait(pool, 0));
}

static void news(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct job jobs[NJOBS];
	atomic_int rung = 0;

	(void)state;
	pool_on_news(pool, count_ring, &rung);
	pool_limit(pool, 0);
	submit(pool, jobs);
	await(&rung, 0);
	pool_limit(pool, 1);
	await(&rung, NJOBS);
	take_all(pool, jobs, ERR_NONE);
	pool_wake(pool);
	await(&rung, NJOBS + 1);
	assert_null(pool_wait(pool, 30000));
	/* Those that never ran are back, too. */
	pool_limit(pool, 0);
	submit(pool, jobs);
	pool_cancel(pool);
	await(&rung, NJOBS + 1 + NJOBS);
	take_all(pool, jobs, ERR_CANCELED);
	assert_true(pool_free(pool, 30000));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(news) };
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
