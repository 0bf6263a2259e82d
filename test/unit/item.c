/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "lfs/carry/item.h"
#include "test/unit/unit.h"

enum {
	NITEMS = 8
};

/* A line against an array, for all ways to do eight things to it. */
static void check_way(unsigned way)
{
	struct item items[NITEMS] = { { .resumed = 0 } };
	struct item *expected[2 * NITEMS];
	size_t first = NITEMS, end = NITEMS;
	struct line line;

	line_init(&line);
	for (int i = 0; i < NITEMS; i++, way /= 3) {
		if (way % 3 == 0) {
			line_put_first(&line, &items[i]);
			expected[--first] = &items[i];
		} else if (way % 3 == 1) {
			line_put_last(&line, &items[i]);
			expected[end++] = &items[i];
		} else if (first < end) {
			assert_ptr_equal(line_take(&line), expected[first++]);
		} else {
			assert_null(line_take(&line));
		}
		assert_int_equal(line.n, end - first);
	}
	while (first < end)
		assert_ptr_equal(line_take(&line), expected[first++]);
	assert_null(line_take(&line));
	assert_int_equal(line.n, 0);
}

static void lines(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3; way++)
		check_way(way);
}

static void over(void **state)
{
	static const enum item_state states[] = {
		ITEM_WAITING, ITEM_READY,   ITEM_MOVING, ITEM_MOVED,
		ITEM_THERE,   ITEM_MISSING, ITEM_FAILED,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(states); i++) {
		const struct item item = { .state = states[i] };

		assert_int_equal(item_is_over(&item), i >= 3);
	}
}

static void released(void **state)
{
	struct batch_object answer = { .oid = "oid", .size = 7 };
	struct item item = { .resumed = 1 };

	(void)state;
	item_release(&item);
	item.why = xstrdup("why");
	answer.actions = json_object();
	answer.href = xstrdup("https://host/1");
	item_keep(&item.target, &answer);
	/* What it owned is the item's now. */
	assert_null(answer.actions);
	assert_null(answer.href);
	assert_int_equal(answer.size, 7);
	assert_string_equal(item.target->href, "https://host/1");
	answer.actions = json_object();
	item_keep(&item.target, &answer);
	assert_null(item.target->href);
	answer.actions = json_object();
	item_keep(&item.source, &answer);
	item_forget(&item);
	assert_null(item.target);
	assert_string_equal(item.why, "why");
	item_keep(&item.source, &answer);
	item_release(&item);
	item_release(&item);
	assert_null(item.why);
	assert_null(item.target);
	assert_null(item.source);
}

/* A history for each direction, which a failure begins. */
static void histories(void **state)
{
	struct item item = { .resumed = 0 };
	struct attempts *upload = item_attempts(&item, UPLOAD);

	(void)state;
	upload->pause_ms = 1;
	assert_int_equal(item_attempts(&item, DOWNLOAD)->pause_ms, 0);
	assert_ptr_equal(item_attempts(&item, UPLOAD), upload);
	item_forget(&item);
	assert_null(item.attempts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(over),
		cmocka_unit_test(histories),
		cmocka_unit_test(released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
