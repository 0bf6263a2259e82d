/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdatomic.h>
#include <time.h>

#include "lfs/net/pool.h"
#include "test/unit/unit.h"

/* Jobs that nobody wants any more while they wait to be tried again. */

enum { HOUR_MS = 3600 * 1000 };

static const struct retry_policy policy = {
	.retries = 3,
	.max_delay_ms = 1,
	.offline_ms = 2 * HOUR_MS,
};

struct wish {
	struct job job;	/* first */
	atomic_bool is_over;
	atomic_uint tries;
	int wait_ms;	/* that the server asks for */
	bool is_refused;	/* or else runs until it is over */
};

static bool is_wanted(const struct job *job)
{
	return !atomic_load(&((const struct wish *)job)->is_over);
}

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static int run(struct job *job, struct http *http, struct err *err)
{
	struct wish *wish = (struct wish *)job;

	(void)http;
	atomic_fetch_add(&wish->tries, 1);
	err->wait_ms = wish->wait_ms;
	if (wish->is_refused)
		return err_set(err, ERR_BUSY, "later");
	while (!atomic_load(&wish->is_over))
		sleep_ms(1);
	return 0;
}

static void submit(struct pool *pool, struct wish *wish)
{
	unsigned tries = atomic_load(&wish->tries);

	wish->job.run = run;
	wish->job.is_wanted = is_wanted;
	pool_submit(pool, &wish->job);
	while (atomic_load(&wish->tries) == tries)
		sleep_ms(1);
	sleep_ms(20);
}

static void let_go(struct pool *pool, struct wish *wish)
{
	atomic_store(&wish->is_over, true);
	pool_look_again(pool);
	assert_ptr_equal(pool_wait(pool, 30000), &wish->job);
	assert_int_equal(wish->job.err.kind, ERR_CANCELED);
	assert_int_equal(wish->tries, 1);
}

static void in_its_pause(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(2, &shared, &policy);
	struct wish one = { .is_refused = true, .wait_ms = HOUR_MS },
		    other = one;

	(void)state;
	submit(pool, &one);
	submit(pool, &other);
	let_go(pool, &one);
	/* That is not the other's end. */
	assert_null(pool_wait(pool, 50));
	let_go(pool, &other);
	assert_true(pool_free(pool, 30000));
}

static void while_it_waits_for_room(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(2, &shared, &policy);
	struct wish served = { .is_refused = false },
		    refused = { .is_refused = true };

	(void)state;
	submit(pool, &served);
	submit(pool, &refused);
	let_go(pool, &refused);
	atomic_store(&served.is_over, true);
	assert_ptr_equal(pool_wait(pool, 30000), &served.job);
	assert_int_equal(served.job.err.kind, ERR_NONE);
	assert_true(pool_free(pool, 30000));
}

/* It is not even begun. */
static void before_its_turn(void **state)
{
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct wish wish = { .job = { .run = run, .is_wanted = is_wanted } };

	(void)state;
	atomic_store(&wish.is_over, true);
	pool_submit(pool, &wish.job);
	assert_ptr_equal(pool_wait(pool, 30000), &wish.job);
	assert_int_equal(wish.job.err.kind, ERR_CANCELED);
	assert_int_equal(wish.tries, 0);
	assert_true(pool_free(pool, 30000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_its_pause),
		cmocka_unit_test(while_it_waits_for_room),
		cmocka_unit_test(before_its_turn),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
