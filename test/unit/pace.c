/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/engine.h"
#include "test/unit/unit.h"

enum { STALL_MS = 30000, MOST = 8, TICK_MS = 500, START_MS = 1000 };

/*
 * Connections with these rates, in bytes a second, side by side from the start;
 * the siblings' bodies end after `end_ms`.  When is the first one too slow, and
 * of what kind?
 */
struct scene {
	const char *name;
	uint64_t rate;
	uint64_t siblings[MOST];	/* up to a zero */
	uint64_t end_ms;	/* 0: they do not */
	unsigned closed;
	bool is_spared, is_last;
	enum pace_verdict verdict;
	uint64_t at_ms;
};

#define FAST 1000000
#define FOUR { FAST, FAST, FAST, FAST }

static const struct scene scenes[] = {
	{ .name = "a trickle",
	  .rate = 1,
	  .siblings = FOUR,
	  .verdict = PACE_SLOWER,
	  .at_ms = 5000 },
	{ .name = "the last",
	  .rate = 1,
	  .siblings = FOUR,
	  .is_last = true,
	  .verdict = PACE_SLOWER,
	  .at_ms = 3000 },
	{ .name = "silence",
	  .rate = 0,
	  .siblings = FOUR,
	  .is_last = true,
	  .verdict = PACE_SLOWER,
	  .at_ms = 3000 },
	{ .name = "beside one",
	  .rate = 1,
	  .siblings = { FAST },
	  .verdict = PACE_SLOWER,
	  .at_ms = 5000 },
	{ .name = "two of four",
	  .rate = 1,
	  .siblings = { 1, FAST, FAST },
	  .verdict = PACE_SLOWER,
	  .at_ms = 5000 },
	{ .name = "a tenth", .rate = FAST / 10, .siblings = FOUR },
	{ .name = "less",
	  .rate = FAST / 11,
	  .siblings = FOUR,
	  .verdict = PACE_SLOWER,
	  .at_ms = 5000 },
	{ .name = "a fifth", .rate = FAST / 5, .siblings = FOUR },
	{ .name = "a fifth, the last",
	  .rate = FAST / 5,
	  .siblings = FOUR,
	  .is_last = true,
	  .verdict = PACE_SLOWER,
	  .at_ms = 3000 },
	{ .name = "a quarter, the last",
	  .rate = FAST / 4,
	  .siblings = FOUR,
	  .is_last = true },
	{ .name = "once before",
	  .rate = 1,
	  .siblings = FOUR,
	  .closed = 1,
	  .verdict = PACE_SLOWER,
	  .at_ms = 5000 },
	{ .name = "twice before", .rate = 1, .siblings = FOUR, .closed = 2 },
	{ .name = "nearly sent",
	  .rate = 1,
	  .siblings = FOUR,
	  .is_spared = true },
	{ .name = "siblings that end",
	  .rate = 1,
	  .siblings = FOUR,
	  .end_ms = 500,
	  .is_last = true,
	  .verdict = PACE_SLOWER,
	  .at_ms = 3000 },
	{ .name = "all a trickle",
	  .rate = 1,
	  .siblings = { 1, 1, 1 },
	  .is_last = true,
	  .verdict = PACE_SLOW,
	  .at_ms = STALL_MS },
	{ .name = "all slow, enough together",
	  .rate = 300,
	  .siblings = { 300, 300, 300 },
	  .is_last = true },
	{ .name = "alone",
	  .rate = 1000,
	  .is_last = true,
	  .verdict = PACE_SLOW,
	  .at_ms = STALL_MS },
	{ .name = "alone, fast enough", .rate = 1100, .is_last = true },
	{ .name = "alone at last",
	  .rate = 1,
	  .siblings = FOUR,
	  .end_ms = 500,
	  .closed = 2,
	  .verdict = PACE_SLOW,
	  .at_ms = STALL_MS },
};

static enum pace_verdict note(struct pace *pace, const struct scene *scene,
			      const uint64_t *rate, uint64_t ms)
{
	bool is_first = rate == &scene->rate;
	const struct pace_news news = {
		.id = rate,
		.now_ms = START_MS + ms,
		.moved = *rate * ms / 1000,
		.busy_ms = ms,
		.closed = is_first ? scene->closed : 2,
		.is_spared = is_first && scene->is_spared,
		.is_last = scene->is_last,
	};

	return pace_note(pace, &news);
}

static void check(const struct scene *scene)
{
	struct pace *pace = pace_new(STALL_MS);
	enum pace_verdict verdict = PACE_GOOD;
	uint64_t ms;

	for (ms = 0; !verdict && ms <= 2 * STALL_MS; ms += TICK_MS) {
		for (unsigned i = 0; scene->siblings[i]; i++)
			if (!scene->end_ms || ms <= scene->end_ms)
				note(pace, scene, &scene->siblings[i], ms);
		verdict = note(pace, scene, &scene->rate, ms);
		if (verdict && ms != scene->at_ms)
			fail_msg("%s: after %u ms", scene->name, (unsigned)ms);
	}
	if (verdict != scene->verdict)
		fail_msg("%s: %d", scene->name, (int)verdict);
	pace_free(pace);
}

static void siblings_and_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scenes); i++)
		check(&scenes[i]);
	pace_free(NULL);
}

/* The next connection is not judged by what a closed one did. */
static void a_new_connection(void **state)
{
	const struct scene slow = { .rate = 1,
				    .siblings = FOUR,
				    .is_last = true };
	const struct scene good = { .rate = FAST,
				    .siblings = FOUR,
				    .is_last = true };
	struct pace *pace = pace_new(STALL_MS);
	uint64_t ms;

	(void)state;
	for (ms = 0; ms < 3000; ms += TICK_MS) {
		note(pace, &slow, &slow.siblings[0], ms);
		assert_int_equal(note(pace, &slow, &slow.rate, ms), PACE_GOOD);
	}
	assert_int_equal(note(pace, &slow, &slow.rate, ms), PACE_SLOWER);
	for (; ms < 60000; ms += TICK_MS) {
		const struct pace_news news = { .id = &slow.rate,
						.now_ms = START_MS + ms,
						.moved = FAST * (ms - 3000) /
							 1000,
						.busy_ms = ms - 3000,
						.is_last = true };

		note(pace, &good, &slow.siblings[0], ms);
		assert_int_equal(pace_note(pace, &news), PACE_GOOD);
	}
	pace_free(pace);
}

/* A body that has ended is not judged, but counts for the next one. */
static void a_body_that_has_ended(void **state)
{
	const struct scene slow = { .rate = 1, .siblings = FOUR };
	struct pace *pace = pace_new(STALL_MS);
	struct pace_news news = { .id = &slow.rate,
				  .now_ms = START_MS + 5000,
				  .busy_ms = 5000,
				  .is_over = true };
	uint64_t ms;

	(void)state;
	for (ms = 0; ms < 5000; ms += TICK_MS) {
		note(pace, &slow, &slow.siblings[0], ms);
		assert_int_equal(note(pace, &slow, &slow.rate, ms), PACE_GOOD);
	}
	assert_int_equal(pace_note(pace, &news), PACE_GOOD);
	news.is_over = false;
	news.busy_ms = 100;
	assert_int_equal(pace_note(pace, &news), PACE_SLOWER);
	pace_free(pace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siblings_and_the_rest),
		cmocka_unit_test(a_new_connection),
		cmocka_unit_test(a_body_that_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
