/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netdb.h>
#include <stdatomic.h>
#include <time.h>

#include "lfs/base/clock.h"
#include "lfs/net/pool.h"
#include "test/unit/unit.h"

/* A stop while the name of a server is looked up, which takes its time. */

enum { RESOLVE_MS = 5000 };

static atomic_bool asked;
static atomic_bool enough;
static atomic_bool gave_up;

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* In place of libc's, for libcurl too. */
int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **found)
{
	(void)name;
	(void)service;
	(void)hints;
	*found = NULL;
	atomic_store(&asked, true);
	for (int i = 0; i < RESOLVE_MS && !atomic_load(&enough); i += 5)
		sleep_ms(5);
	atomic_store(&gave_up, true);
	return EAI_AGAIN;
}

static int ask(struct job *job, struct http *http, struct err *err)
{
	const struct http_request request = {
		.method = "GET",
		.url = "http://server.test/",
		.answer_ms = 60000,
	};
	struct http_response response = HTTP_RESPONSE_INIT;
	int ret = http_perform(http, &request, &response, err);

	(void)job;
	http_response_release(&response);
	return ret;
}

static void stop_while_a_name_is_looked_up(void **state)
{
	static const struct retry_policy policy = { .retries = 0 };
	struct http_shared shared = { .connect_ms = 60000, .stall_ms = 60000 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct job job = { .run = ask };
	uint64_t begun;

	(void)state;
	pool_submit(pool, &job);
	while (!atomic_load(&asked))
		sleep_ms(1);
	begun = clock_ms();
	assert_true(pool_free(pool, RESOLVE_MS * 2));
	assert_in_range(clock_ms() - begun, 0, 1000);
	assert_int_equal(job.err.kind, ERR_CANCELED);
	assert_false(atomic_load(&gave_up));
}

/* libcurl has left its thread behind; it cleans up after itself. */
static int let_go(void **state)
{
	(void)state;
	atomic_store(&enough, true);
	while (atomic_load(&asked) && !atomic_load(&gave_up))
		sleep_ms(1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(stop_while_a_name_is_looked_up,
					  let_go),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
