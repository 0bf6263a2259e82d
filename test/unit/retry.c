/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>

#include "lfs/net/retry.h"
#include "test/unit/unit.h"

enum {
	BASE_MS = 500,
	MAX_MS = 30000,
	OFFLINE_MAX_MS = 5000,
	LONGEST_MS = 300000
};

static const struct retry_policy policy = {
	.retries = 8,
	.max_delay_ms = MAX_MS,
	.offline_ms = 900000,
	.longest_ms = LONGEST_MS,
};

/* The peer has just answered. */
static const struct retry_facts answering = {
	.random = 0,
	.now_ms = 100000,
	.begun_ms = 90000,
	.moved_ms = 99000,
};

static void final_errors(void **state)
{
	static const enum err_kind kinds[] = {
		ERR_USAGE, ERR_PROTOCOL, ERR_AUTH,    ERR_REFUSED,
		ERR_LOCAL, ERR_EXPIRED,	 ERR_CORRUPT, ERR_CANCELED,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct retry retry = RETRY_INIT;
		struct err err = { .kind = kinds[i], .wait_ms = 1000 };
		unsigned pause = 0;

		assert_false(
			retry_again(&retry, &policy, &err, &answering, &pause));
		assert_int_equal(retry.tries, 0);
		assert_int_equal(retry.pauses, 0);
	}
}

static void tries_are_counted(void **state)
{
	static const unsigned limits[] = { 0, 1, 2, 8, 100 };

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		const struct retry_policy few = { .retries = limits[i],
						  .max_delay_ms = MAX_MS };
		struct retry retry = RETRY_INIT;
		struct err err = { .kind = i % 2 ? ERR_BUSY : ERR_NETWORK };
		unsigned again = 0, pause;

		while (retry_again(&retry, &few, &err, &answering, &pause))
			again++;
		assert_int_equal(again, limits[i]);
	}
}

/*
 * The pause is drawn from 0 to the limit, both included: the limit itself
 * stands for its number, one more begins again at 0.
 */
static unsigned pause_after(unsigned pauses, unsigned max_ms, uint32_t random)
{
	const struct retry_policy lasting = { .retries = 1000,
					      .max_delay_ms = max_ms };
	struct retry retry = { .tries = 0, .pauses = pauses };
	struct retry_facts facts = answering;
	struct err err = { .kind = ERR_NETWORK };
	unsigned pause = UINT_MAX;

	facts.random = random;
	assert_true(retry_again(&retry, &lasting, &err, &facts, &pause));
	assert_int_equal(retry.pauses, pauses + 1);
	return pause;
}

static void doubling_up_to_a_cap(void **state)
{
	static const unsigned limits[] = { 500,	  1000,	 2000,	4000, 8000,
					   16000, 30000, 30000, 30000 };

	(void)state;
	for (unsigned i = 0; i < COUNT(limits); i++) {
		assert_int_equal(pause_after(i, MAX_MS, 0), 0);
		assert_int_equal(pause_after(i, MAX_MS, limits[i]), limits[i]);
		assert_int_equal(pause_after(i, MAX_MS, limits[i] + 1), 0);
		assert_in_range(pause_after(i, MAX_MS, UINT32_MAX), 0,
				limits[i]);
	}
	assert_int_equal(pause_after(31, MAX_MS, MAX_MS), MAX_MS);
	assert_int_equal(pause_after(32, MAX_MS, MAX_MS), MAX_MS);
	assert_int_equal(pause_after(64, MAX_MS, MAX_MS), MAX_MS);
	assert_int_equal(pause_after(UINT_MAX - 1, MAX_MS, MAX_MS), MAX_MS);
	assert_int_equal(pause_after(5, 0, UINT32_MAX), 0);
	assert_int_equal(pause_after(0, 100, 100), 100);
	assert_int_equal(pause_after(0, 100, 101), 0);
}

static void full_jitter_uses_the_whole_range(void **state)
{
	unsigned low = 0, high = 0;

	(void)state;
	for (uint32_t random = 0; random < 100000; random += 7) {
		unsigned pause = pause_after(3, MAX_MS, random);

		assert_in_range(pause, 0, 4000);
		low += pause < 400;
		high += pause > 3600;
	}
	assert_in_range(low, 1200, 1700);
	assert_in_range(high, 1200, 1700);
}

static void what_the_server_asks_for(void **state)
{
	struct retry retry = RETRY_INIT;
	struct retry_facts facts = answering;
	struct err err = { .kind = ERR_BUSY, .wait_ms = 7000 };
	unsigned pause;

	(void)state;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_int_equal(pause, 7000);
	facts.random = 1000;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_in_range(pause, 7000, 7000 + 1000);
	/* More than max_delay_ms is the server's right, up to a limit. */
	err.wait_ms = LONGEST_MS;
	facts.random = 0;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_int_equal(pause, LONGEST_MS);
	assert_false(retry_is_too_long(&policy, &err));
	err.wait_ms++;
	assert_false(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_true(retry_is_too_long(&policy, &err));
	facts.yields_slot = true;
	assert_false(retry_again(&retry, &policy, &err, &facts, &pause));
}

static void offline_is_not_counted(void **state)
{
	struct retry retry = RETRY_INIT;
	struct err err = { .kind = ERR_OFFLINE };
	struct retry_facts facts = {
		.random = MAX_MS,
		.now_ms = 60000,
		.begun_ms = 30000,
		.moved_ms = 20000,
	};
	unsigned pause;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
		assert_in_range(pause, 0, OFFLINE_MAX_MS);
	}
	assert_int_equal(retry.tries, 0);
	/* The last millisecond of the limit, and the first after it. */
	facts.now_ms = facts.moved_ms + policy.offline_ms;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	facts.now_ms++;
	assert_false(retry_again(&retry, &policy, &err, &facts, &pause));
}

static void offline_or_only_this_peer(void **state)
{
	struct retry retry = RETRY_INIT;
	struct err err = { .kind = ERR_OFFLINE };
	struct retry_facts facts = answering;
	unsigned pause;

	(void)state;
	/* Something moved on another connection during the try. */
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_int_equal(retry.tries, 1);
	/* Nothing ever moved: the address may be wrong. */
	facts.moved_ms = 0;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_int_equal(retry.tries, 2);
	/* A half answer is an answer, however long ago it was. */
	err.kind = ERR_NETWORK;
	facts.moved_ms = 1;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_int_equal(retry.tries, 3);
	/* A try that does not count leaves the count alone. */
	err.kind = ERR_OFFLINE;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_int_equal(retry.tries, 3);
	assert_int_equal(retry.pauses, 4);
}

/* A host that has never answered: for first_ms, whatever the number of tries. */
static void first_answer(void **state)
{
	static const struct err unreached[] = {
		{ .kind = ERR_OFFLINE },
		{ .kind = ERR_NETWORK, .code = ECONNREFUSED },
		{ .kind = ERR_BUSY, .code = 502 },
		{ .kind = ERR_BUSY, .code = 504 },
		{ .kind = ERR_BUSY, .code = 503, .is_strange = true },
	};
	const struct retry_policy first = { .retries = 3,
					    .max_delay_ms = MAX_MS,
					    .offline_ms = 900000,
					    .first_ms = 10000 };
	const struct err busy = { .kind = ERR_BUSY, .code = 503 };
	unsigned pause;

	(void)state;
	for (size_t i = 0; i < COUNT(unreached); i++) {
		struct retry retry = RETRY_INIT;
		struct err err = unreached[i];
		const struct retry_facts facts = { .random = UINT32_MAX,
						   .now_ms = 500,
						   .begun_ms = 500 };

		assert_true(retry_is_unreached(&err));
		err.unmet_ms = 1;
		for (int j = 0; j < 20; j++) {
			assert_true(retry_again(&retry, &first, &err, &facts,
						&pause));
			assert_in_range(pause, 0, 2000);
		}
		assert_int_equal(retry.tries, 0);
		/* The last try is when the time is over, not after it. */
		err.unmet_ms = 9999;
		assert_true(retry_again(&retry, &first, &err, &facts, &pause));
		assert_in_range(pause, 0, 1);
		err.unmet_ms = 10000;
		assert_false(retry_again(&retry, &first, &err, &facts, &pause));
		/* From the first answer on they count, or wait, as any. */
		err.unmet_ms = 0;
		assert_true(retry_again(&retry, &first, &err, &facts, &pause));
		assert_int_equal(retry.tries, 1);
	}
	assert_false(retry_is_unreached(&busy));
}

/* The first request of all gets no answer: it may have got lost, once. */
static void lost_first_request(void **state)
{
	const struct retry_policy first = { .retries = 3,
					    .max_delay_ms = MAX_MS,
					    .offline_ms = 900000,
					    .first_ms = 10000 };
	const struct retry_facts facts = { .random = UINT32_MAX,
					   .begun_ms = 1000,
					   .now_ms = 61000 };
	struct err err = { .kind = ERR_NETWORK, .unmet_ms = 60000 };
	struct retry retry = RETRY_INIT, other = RETRY_INIT;
	unsigned pause;

	(void)state;
	assert_true(retry_again(&retry, &first, &err, &facts, &pause));
	assert_in_range(pause, 0, 2000);
	assert_false(retry_again(&retry, &first, &err, &facts, &pause));
	/* The host has let others wait for longer. */
	err.unmet_ms = 60001;
	assert_false(retry_again(&other, &first, &err, &facts, &pause));
}

/* A page or no HTTP: two in a row are the end, `tries` is the last one. */
static void strange_answers(void **state)
{
	static const struct {
		const char *answers;	/* strange, busy in a page, or other */
		unsigned tries;
	} cases[] = {
		{ "ss", 2 },  { "sos", 0 },  { "soss", 4 },
		{ "sbs", 0 }, { "bbbb", 0 }, { "osob", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct retry retry = RETRY_INIT;
		const char *answer = cases[i].answers;
		unsigned last = 0, pause;

		for (unsigned n = 1; *answer && !last; answer++, n++) {
			const struct err err = {
				.kind = *answer == 'b' ? ERR_BUSY : ERR_NETWORK,
				.code = *answer == 'b' ? 503 : 0,
				.is_strange = *answer != 'o',
			};

			if (!retry_again(&retry, &policy, &err, &answering,
					 &pause))
				last = n;
		}
		assert_int_equal(last, cases[i].tries);
		assert_int_equal(*answer, '\0');
	}
}

static void a_server_that_is_full(void **state)
{
	static const struct {
		struct err err;
		bool may_wait, wants_fewer;
	} cases[] = {
		{ { .kind = ERR_BUSY, .code = 503 }, true, true },
		{ { .kind = ERR_BUSY, .code = 429 }, true, true },
		{ { .kind = ERR_REFUSED, .code = 403 }, true, true },
		{ { .kind = ERR_BUSY, .code = 500 }, true, false },
		{ { .kind = ERR_NETWORK, .code = ECONNREFUSED }, true, false },
		{ { .kind = ERR_NETWORK }, false, false },
		{ { .kind = ERR_OFFLINE }, false, false },
		{ { .kind = ERR_EXPIRED, .code = 403 }, false, false },
		{ { .kind = ERR_REFUSED, .code = 404 }, false, false },
	};
	struct retry retry = RETRY_INIT;
	struct retry_facts facts = answering;
	struct err err = { .kind = ERR_BUSY };
	unsigned pause = 1;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(retry_may_wait(&retry, &cases[i].err),
				 cases[i].may_wait);
		assert_int_equal(retry_wants_fewer(&cases[i].err),
				 cases[i].wants_fewer);
	}
	facts.yields_slot = true;
	facts.random = MAX_MS;
	for (int i = 0; i < 1000; i++) {
		assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
		assert_in_range(pause, 100, 200);
	}
	err.wait_ms = 7000;
	assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	assert_in_range(pause, 7100, 7200);
	assert_int_equal(retry.tries, 0);
	assert_int_equal(retry.pauses, 0);
	err.kind = ERR_REFUSED;
	assert_false(retry_again(&retry, &policy, &err, &facts, &pause));
}

/* Others seem to be served, for a longer time than anybody wants to wait. */
static void refused_beside_others(void **state)
{
	static const struct {
		unsigned refusals, ms;	/* before the one in question */
		bool is_tried;
	} cases[] = {
		{ 1, LONGEST_MS + 1, true }, { 7, LONGEST_MS + 1, true },
		{ 8, LONGEST_MS, true },     { 8, LONGEST_MS + 1, false },
		{ 1000, 1000, true },	     { 1000, LONGEST_MS + 1, false },
	};
	const struct err err = { .kind = ERR_BUSY, .code = 429 };
	unsigned pause;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct retry retry = RETRY_INIT;
		struct retry_facts facts = answering;

		facts.yields_slot = true;
		for (unsigned n = 0; n < cases[i].refusals; n++)
			assert_true(retry_again(&retry, &policy, &err, &facts,
						&pause));
		facts.now_ms += cases[i].ms;
		assert_int_equal(retry_again(&retry, &policy, &err, &facts,
					     &pause),
				 cases[i].is_tried);
		/* It has come further meanwhile. */
		retry = (struct retry)RETRY_INIT;
		assert_true(retry_again(&retry, &policy, &err, &facts, &pause));
	}
}

/* A 403 while others are served, by `aside` times, and then `alone`. */
static void a_403_to_one_of_many(void **state)
{
	static const struct {
		unsigned aside, alone;
	} cases[] = { { 0, 0 }, { 1, 1 }, { 4, 1 }, { 8, 0 } };
	const struct err err = { .kind = ERR_REFUSED, .code = 403 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct retry retry = RETRY_INIT;
		struct retry_facts facts = answering;
		unsigned pause, n;

		facts.yields_slot = true;
		for (n = 0; n < cases[i].aside; n++) {
			assert_true(retry_may_wait(&retry, &err));
			assert_true(retry_again(&retry, &policy, &err, &facts,
						&pause));
		}
		facts.yields_slot = false;
		for (n = 0; retry_again(&retry, &policy, &err, &facts, &pause);
		     n++)
			;
		assert_int_equal(n, cases[i].alone);
		/* As often as it is asked. */
		assert_false(
			retry_again(&retry, &policy, &err, &facts, &pause));
		assert_int_equal(retry.tries, 0);
		if (cases[i].aside)
			assert_false(retry_may_wait(&retry, &err));
	}
}

static void after_seconds(void **state)
{
	static const struct {
		const char *value;
		int ms;
	} cases[] = {
		{ NULL, 0 },
		{ "", 0 },
		{ "0", 0 },
		{ "-1", 0 },
		{ "-99999999999999999999", 0 },
		{ "1", 1000 },
		{ "120", 120000 },
		{ "007", 7000 },
		{ "86400", 86400000 },
		{ "86401", 86400000 },
		{ "2147483648", 86400000 },
		{ "9223372036854775807", 86400000 },
		{ "99999999999999999999999", 86400000 },
		{ "soon", 0 },
		{ "5 apples", 0 },
		{ "12,5", 0 },
		{ "0x10", 0 },
		{ "   ", 0 },
		{ ";", 0 },
		{ "\xff\xfe", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (retry_parse_after(cases[i].value, 1000) != cases[i].ms)
			fail_msg("'%s' is %d", cases[i].value,
				 retry_parse_after(cases[i].value, 1000));
}

static void after_a_date(void **state)
{
	static const char *const forms[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
	};
	const int64_t then = 784111777;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		assert_int_equal(retry_parse_after(forms[i], then - 1), 1000);
		assert_int_equal(retry_parse_after(forms[i], then - 300),
				 300000);
		assert_int_equal(retry_parse_after(forms[i], then), 0);
		assert_int_equal(retry_parse_after(forms[i], then + 1), 0);
		assert_int_equal(retry_parse_after(forms[i], then + 4000000),
				 0);
		assert_int_equal(retry_parse_after(forms[i], 0), 86400000);
	}
	assert_int_equal(retry_parse_after("Sun, 06 Nov", then), 0);
	assert_int_equal(retry_parse_after("Sun, 06 Nov 1994 48:49:37 GMT",
					   then),
			 0);
}

static void down(void **state)
{
	struct ceiling ceiling;

	(void)state;
	ceiling_init(&ceiling, 16);
	assert_int_equal(ceiling.now, 16);
	/* Twelve of sixteen are refused. */
	for (unsigned others = 15; others >= 4; others--) {
		ceiling_lower(&ceiling, others);
		assert_int_equal(ceiling.now, others);
	}
	/* Never up, never below one. */
	ceiling_lower(&ceiling, 10);
	assert_int_equal(ceiling.now, 4);
	ceiling_lower(&ceiling, 0);
	assert_int_equal(ceiling.now, 1);
}

static void up(void **state)
{
	struct ceiling ceiling;

	(void)state;
	ceiling_init(&ceiling, 16);
	assert_false(ceiling_raise(&ceiling));
	ceiling_lower(&ceiling, 1);
	for (unsigned now = 1; now < 16; now++) {
		assert_int_equal(ceiling.now, now);
		for (unsigned i = 1; i < now; i++)
			assert_false(ceiling_raise(&ceiling));
		assert_true(ceiling_raise(&ceiling));
	}
	for (unsigned i = 0; i < 100; i++)
		assert_false(ceiling_raise(&ceiling));
	assert_int_equal(ceiling.now, 16);
}

static void what_successes_before_a_refusal(void **state)
{
	struct ceiling ceiling;

	(void)state;
	ceiling_init(&ceiling, 4);
	ceiling_lower(&ceiling, 2);
	assert_false(ceiling_raise(&ceiling));
	ceiling_lower(&ceiling, 2);
	assert_false(ceiling_raise(&ceiling));
	assert_true(ceiling_raise(&ceiling));
	assert_int_equal(ceiling.now, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(final_errors),
		cmocka_unit_test(tries_are_counted),
		cmocka_unit_test(doubling_up_to_a_cap),
		cmocka_unit_test(full_jitter_uses_the_whole_range),
		cmocka_unit_test(what_the_server_asks_for),
		cmocka_unit_test(offline_is_not_counted),
		cmocka_unit_test(offline_or_only_this_peer),
		cmocka_unit_test(first_answer),
		cmocka_unit_test(lost_first_request),
		cmocka_unit_test(strange_answers),
		cmocka_unit_test(a_server_that_is_full),
		cmocka_unit_test(refused_beside_others),
		cmocka_unit_test(a_403_to_one_of_many),
		cmocka_unit_test(after_seconds),
		cmocka_unit_test(after_a_date),
		cmocka_unit_test(down),
		cmocka_unit_test(up),
		cmocka_unit_test(what_successes_before_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
