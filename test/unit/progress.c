/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/message.h"
#include "test/unit/unit.h"

/* Take all that is to report of `moved`; returns how many events that was. */
static unsigned take(struct progress *progress, uint64_t moved, uint64_t now_ms,
		     bool at_once, int64_t *sum)
{
	struct progress_event event;
	unsigned n = 0;

	while (progress_next(progress, moved, now_ms, at_once, &event)) {
		assert_int_not_equal(event.since, 0);
		assert_in_range(event.since + INT32_MAX, 0,
				2 * (uint64_t)INT32_MAX);
		*sum += event.since;
		assert_int_equal(event.so_far, *sum);
		n++;
	}
	return n;
}

static void adds_up_to_the_size(void **state)
{
	struct progress progress = { 0 };
	const uint64_t size = 5000000007;
	uint64_t moved = 0, now = 1000;
	int64_t sum = 0;

	(void)state;
	while (moved < size) {
		moved += 1234567;
		if (moved > size)
			moved = size;
		take(&progress, moved, now, false, &sum);
		now += 13;
	}
	take(&progress, moved, now, true, &sum);
	assert_int_equal(sum, size);
	assert_int_equal(take(&progress, moved, now, true, &sum), 0);
}

static void at_most_ten_a_second(void **state)
{
	struct progress progress = { 0 };
	int64_t sum = 0;
	unsigned n = 0;

	(void)state;
	for (uint64_t now = 5000; now < 15000; now++)
		n += take(&progress, now, now, false, &sum);
	assert_in_range(n, 90, 100);
}

static void throttle(void **state)
{
	struct progress progress = { 0 };
	int64_t sum = 0;

	(void)state;
	assert_int_equal(take(&progress, 0, 1000, true, &sum), 0);
	assert_int_equal(take(&progress, 10, 1000, false, &sum), 1);
	assert_int_equal(take(&progress, 20, 1099, false, &sum), 0);
	assert_int_equal(take(&progress, 20, 1100, false, &sum), 1);
	assert_int_equal(sum, 20);
	assert_int_equal(take(&progress, 21, 1101, true, &sum), 1);
	assert_int_equal(take(&progress, 22, 1150, false, &sum), 0);
	assert_int_equal(take(&progress, 22, 1201, false, &sum), 1);
	/* Nothing new is nothing to say, however late it is. */
	assert_int_equal(take(&progress, 22, 99999, false, &sum), 0);
}

static void back_and_forth(void **state)
{
	static const uint64_t moved[] = { 100, 40, 40, 0, 7, 100, 99, 100 };
	struct progress progress = { 0 };
	uint64_t now = 1000;
	int64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(moved); i++) {
		take(&progress, moved[i], now, false, &sum);
		assert_int_equal(sum, moved[i]);
		now += 100;
	}
}

static void large_steps_are_split(void **state)
{
	const uint64_t max = INT32_MAX;
	struct progress progress = { 0 };
	int64_t sum = 0;

	(void)state;
	assert_int_equal(take(&progress, max, 1000, false, &sum), 1);
	assert_int_equal(take(&progress, 2 * max + 1, 2000, false, &sum), 2);
	assert_int_equal(sum, 2 * max + 1);
	assert_int_equal(take(&progress, 0, 3000, false, &sum), 3);
	assert_int_equal(sum, 0);
	assert_int_equal(take(&progress, 10 * max, 3001, true, &sum), 10);
	assert_int_equal(sum, 10 * max);
	/* A split step is one step: the next waits as ever. */
	assert_int_equal(take(&progress, 0, 3050, false, &sum), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_to_the_size),
		cmocka_unit_test(at_most_ten_a_second),
		cmocka_unit_test(throttle),
		cmocka_unit_test(back_and_forth),
		cmocka_unit_test(large_steps_are_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
