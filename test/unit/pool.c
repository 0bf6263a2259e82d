/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lfs/base/clock.h"
#include "lfs/net/pool.h"
#include "test/unit/unit.h"

enum { MANY = 200 };

static const struct retry_policy policy = {
	.retries = 5,
	.max_delay_ms = 20,
	.offline_ms = 900000,
};

/* What all jobs of a test share. */
struct count {
	atomic_int running;
	atomic_int most;	/* that ran at once */
	atomic_int begun;
};

/* A job that fails some times, and takes some time. */
struct deed {
	struct job job;	/* first */
	struct count *count;
	int failures;	/* still to come */
	enum err_kind kind;	/* of them */
	int wait_ms;	/* that they ask for */
	int ms;
	bool deaf;	/* does not heed the stop flag */
	struct http *https[10];	/* of each try */
	int tries;
};

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static int work(struct deed *deed, struct http *http, struct err *err)
{
	if (deed->tries < 10)
		deed->https[deed->tries] = http;
	deed->tries++;
	for (int i = 0; i < deed->ms; i += 5) {
		sleep_ms(5);
		if (!deed->deaf && http_is_stopped(http))
			return err_set(err, ERR_CANCELED, "stopped");
	}
	err->wait_ms = deed->wait_ms;
	if (deed->failures-- > 0)
		return err_set(err, deed->kind, "failure");
	return 0;
}

static int run(struct job *job, struct http *http, struct err *err)
{
	struct deed *deed = (struct deed *)job;
	struct count *count = deed->count;
	int now, most, ret;

	atomic_fetch_add(&count->begun, 1);
	now = atomic_fetch_add(&count->running, 1) + 1;
	most = atomic_load(&count->most);
	while (most < now &&
	       !atomic_compare_exchange_weak(&count->most, &most, now))
		;
	ret = work(deed, http, err);
	atomic_fetch_sub(&count->running, 1);
	return ret;
}

static struct deed deed_of(struct count *count, int ms)
{
	return (struct deed){ .job = { .run = run }, .count = count, .ms = ms };
}

/* The next job that is done, within reason. */
static struct deed *next(struct pool *pool)
{
	return (struct deed *)pool_wait(pool, 30000);
}

static void every_job_comes_back(void **state)
{
	static struct deed deeds[MANY];
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(7, &shared, &policy);
	struct count count = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++) {
			deeds[i] = deed_of(&count, i % 3 ? 0 : 5);
			pool_submit(pool, &deeds[i].job);
		}
		for (int i = 0; i < MANY; i++) {
			struct deed *deed = next(pool);

			assert_non_null(deed);
			assert_int_equal(deed->tries, 1);
			assert_int_equal(deed->job.err.kind, ERR_NONE);
			deed->tries = 100;	/* not twice */
		}
		assert_null(pool_wait(pool, 0));
	}
	assert_in_range(count.most, 2, 7);
	assert_true(pool_free(pool, 30000));
}

static void an_idle_pool(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1000, &shared, &policy);
	uint64_t begun = clock_ms();

	(void)state;
	assert_null(pool_wait(pool, 50));
	assert_true(clock_ms() - begun >= 50);
	pool_cancel(pool);
	assert_false(atomic_load(&shared.stop));
	assert_true(pool_free(pool, 0));
	assert_true(pool_free(NULL, 0));
}

static void transient_failures(void **state)
{
	static const enum err_kind kinds[] = { ERR_BUSY, ERR_NETWORK,
					       ERR_OFFLINE };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(4, &shared, &policy);
	struct count count = { 0 };
	struct deed deeds[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		deeds[i] = deed_of(&count, 0);
		deeds[i].failures = 5;
		deeds[i].kind = kinds[i];
		pool_submit(pool, &deeds[i].job);
	}
	for (int i = 0; i < 3; i++) {
		struct deed *deed = next(pool);

		assert_non_null(deed);
		assert_int_equal(deed->job.err.kind, ERR_NONE);
		assert_int_equal(deed->tries, 6);
		/* All on one connection. */
		for (int try = 1; try < 6; try++)
			assert_ptr_equal(deed->https[try], deed->https[0]);
	}
	assert_true(pool_free(pool, 30000));
}

static void failures_for_good(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(2, &shared, &policy);
	struct count count = { 0 };
	struct deed final = deed_of(&count, 0), busy = deed_of(&count, 0);

	(void)state;
	final.failures = busy.failures = 100;
	final.kind = ERR_REFUSED;
	busy.kind = ERR_BUSY;
	pool_submit(pool, &final.job);
	assert_ptr_equal(next(pool), &final);
	assert_int_equal(final.tries, 1);
	assert_int_equal(final.job.err.kind, ERR_REFUSED);
	assert_string_equal(final.job.err.msg, "failure");
	pool_submit(pool, &busy.job);
	assert_ptr_equal(next(pool), &busy);
	assert_int_equal(busy.tries, 6);
	assert_int_equal(busy.job.err.kind, ERR_BUSY);
	assert_string_equal(busy.job.err.msg, "gave up after 6 tries: failure");
	/* Submitted again, it starts afresh. */
	busy.failures = 1;
	busy.tries = 0;
	pool_submit(pool, &busy.job);
	assert_ptr_equal(next(pool), &busy);
	assert_int_equal(busy.tries, 2);
	assert_int_equal(busy.job.err.kind, ERR_NONE);
	assert_true(pool_free(pool, 30000));
}

/* A job that breaks its word and fails without saying why, has failed. */
static int fail_silently(struct job *job, struct http *http, struct err *err)
{
	(void)job;
	(void)http;
	(void)err;
	return -1;
}

static void a_failure_without_a_reason(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct job job = { .run = fail_silently };

	(void)state;
	pool_submit(pool, &job);
	assert_ptr_equal(pool_wait(pool, 30000), &job);
	assert_int_not_equal(job.err.kind, ERR_NONE);
	assert_true(pool_free(pool, 30000));
}

static void run_with_limit(struct pool *pool, struct count *count,
			   unsigned limit)
{
	static struct deed deeds[40];

	*count = (struct count){ 0 };
	pool_limit(pool, limit);
	for (int i = 0; i < 40; i++) {
		deeds[i] = deed_of(count, 5);
		pool_submit(pool, &deeds[i].job);
	}
	for (int i = 0; i < 40; i++)
		assert_non_null(next(pool));
	assert_in_range(count->most, 1, limit);
}

static void limits(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(8, &shared, &policy);
	struct count count;

	(void)state;
	run_with_limit(pool, &count, 1);
	run_with_limit(pool, &count, 8);
	assert_in_range(count.most, 4, 8);
	run_with_limit(pool, &count, 2);
	run_with_limit(pool, &count, 1);
	/* More than there may be is as many as there may be. */
	run_with_limit(pool, &count, 100);
	assert_in_range(count.most, 4, 8);
	assert_true(pool_free(pool, 30000));
}

/* Jobs that wait for a worker get one when the limit rises. */
static void a_rising_limit(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(8, &shared, &policy);
	struct count count = { 0 };
	struct deed deeds[8];

	(void)state;
	pool_limit(pool, 1);
	for (int i = 0; i < 8; i++) {
		deeds[i] = deed_of(&count, 10000);
		pool_submit(pool, &deeds[i].job);
	}
	sleep_ms(50);
	assert_int_equal(count.most, 1);
	pool_limit(pool, 8);
	for (int i = 0; i < 1000 && atomic_load(&count.running) < 8; i++)
		sleep_ms(5);
	assert_int_equal(count.running, 8);
	pool_cancel(pool);
	for (int i = 0; i < 8; i++)
		assert_non_null(next(pool));
	assert_true(pool_free(pool, 30000));
}

static void cancel_brings_all_back(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(3, &shared, &policy);
	struct count count = { 0 };
	struct deed deeds[20];
	uint64_t begun = clock_ms();

	(void)state;
	for (int i = 0; i < 20; i++) {
		deeds[i] = deed_of(&count, 60000);
		pool_submit(pool, &deeds[i].job);
	}
	while (atomic_load(&count.running) < 3)
		sleep_ms(1);
	pool_cancel(pool);
	for (int i = 0; i < 20; i++) {
		struct deed *deed = next(pool);

		assert_non_null(deed);
		assert_int_equal(deed->job.err.kind, ERR_CANCELED);
	}
	assert_true(clock_ms() - begun < 20000);
	assert_int_equal(count.begun, 3);
	/* The pool is as good as new. */
	assert_false(atomic_load(&shared.stop));
	for (int i = 0; i < 20; i++) {
		deeds[i] = deed_of(&count, 0);
		pool_submit(pool, &deeds[i].job);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(next(pool)->job.err.kind, ERR_NONE);
	assert_true(pool_free(pool, 30000));
}

/* A worker in its pause before a retry. */
static void cancel_ends_a_pause(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct count count = { 0 };
	struct deed deed = deed_of(&count, 0);
	uint64_t begun;

	(void)state;
	deed.failures = 100;
	deed.kind = ERR_BUSY;
	deed.wait_ms = 60000;
	pool_submit(pool, &deed.job);
	while (!atomic_load(&count.begun))
		sleep_ms(1);
	sleep_ms(50);
	begun = clock_ms();
	pool_cancel(pool);
	assert_ptr_equal(next(pool), &deed);
	assert_true(clock_ms() - begun < 5000);
	assert_int_equal(deed.job.err.kind, ERR_CANCELED);
	assert_true(pool_free(pool, 30000));
}

static void *wake_soon(void *pool)
{
	sleep_ms(50);
	pool_wake(pool);
	return NULL;
}

static void wake(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	uint64_t begun = clock_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wake_soon, pool), 0);
	assert_null(pool_wait(pool, 30000));
	assert_true(clock_ms() - begun < 20000);
	pthread_join(thread, NULL);
	/* One that came before the wait is not lost, and counts once. */
	pool_wake(pool);
	begun = clock_ms();
	assert_null(pool_wait(pool, 30000));
	assert_true(clock_ms() - begun < 20000);
	begun = clock_ms();
	assert_null(pool_wait(pool, 50));
	assert_true(clock_ms() - begun >= 50);
	assert_true(pool_free(pool, 30000));
}

static void free_stops_what_runs(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(2, &shared, &policy);
	struct count count = { 0 };
	struct deed deeds[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		deeds[i] = deed_of(&count, 60000);
		pool_submit(pool, &deeds[i].job);
	}
	assert_true(pool_free(pool, 30000));
	assert_int_equal(count.running, 0);
}

/* A job that nobody can stop is left behind, in time, and not freed. */
static void free_does_not_wait_for_ever(void **state)
{
	static struct http_shared shared = { .connect_ms = 1 };
	static struct count count;
	static struct deed deed;
	struct pool *pool = pool_new(2, &shared, &policy);
	uint64_t begun;

	(void)state;
	deed = deed_of(&count, 1500);
	deed.deaf = true;
	pool_submit(pool, &deed.job);
	while (!atomic_load(&count.running))
		sleep_ms(1);
	begun = clock_ms();
	assert_false(pool_free(pool, 100));
	assert_in_range(clock_ms() - begun, 100, 1000);
	/* When it is back after all, so is the rest. */
	assert_true(pool_free(pool, 30000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_comes_back),
		cmocka_unit_test(an_idle_pool),
		cmocka_unit_test(transient_failures),
		cmocka_unit_test(failures_for_good),
		cmocka_unit_test(a_failure_without_a_reason),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_rising_limit),
		cmocka_unit_test(cancel_brings_all_back),
		cmocka_unit_test(cancel_ends_a_pause),
		cmocka_unit_test(wake),
		cmocka_unit_test(free_stops_what_runs),
		cmocka_unit_test(free_does_not_wait_for_ever),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
