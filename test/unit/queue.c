/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "lfs/carry/queue.h"
#include "test/unit/unit.h"

enum {
	NENTRIES = 8
};

/* A queue against an array, for all ways to do eight things to it. */
static void check_way(unsigned way)
{
	struct entry entries[NENTRIES] = { { .resumed = 0 } };
	struct entry *expected[2 * NENTRIES];
	size_t first = NENTRIES, end = NENTRIES;
	struct queue queue = { .n = 0 };

	for (int i = 0; i < NENTRIES; i++, way /= 3) {
		if (way % 3 == 0) {
			queue_put_first(&queue, &entries[i]);
			expected[--first] = &entries[i];
		} else if (way % 3 == 1) {
			queue_put_last(&queue, &entries[i]);
			expected[end++] = &entries[i];
		} else if (first < end) {
			assert_ptr_equal(queue_take(&queue), expected[first++]);
		} else {
			assert_null(queue_take(&queue));
		}
		assert_int_equal(queue.n, end - first);
	}
	while (first < end)
		assert_ptr_equal(queue_take(&queue), expected[first++]);
	assert_null(queue_take(&queue));
	assert_int_equal(queue.n, 0);
}

static void lines(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3; way++)
		check_way(way);
}

static void over(void **state)
{
	static const enum entry_state states[] = {
		ENTRY_WAITING, ENTRY_READY,   ENTRY_MOVING, ENTRY_MOVED,
		ENTRY_THERE,   ENTRY_MISSING, ENTRY_FAILED,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(states); i++) {
		const struct entry entry = { .state = states[i] };

		assert_int_equal(entry_is_over(&entry), i >= 3);
	}
}

static void released(void **state)
{
	struct batch_object answer = { .oid = "oid", .size = 7 };
	struct entry entry = { .resumed = 1 };

	(void)state;
	entry_release(&entry);
	entry.why = xstrdup("why");
	answer.actions = json_object();
	answer.href = xstrdup("https://host/1");
	entry_keep(&entry, UPLOAD, &answer);
	/* The entry now owns what it owned. */
	assert_null(answer.actions);
	assert_null(answer.href);
	assert_int_equal(answer.size, 7);
	assert_string_equal(entry.answers[UPLOAD]->href, "https://host/1");
	answer.actions = json_object();
	entry_keep(&entry, UPLOAD, &answer);
	assert_null(entry.answers[UPLOAD]->href);
	answer.actions = json_object();
	entry_keep(&entry, DOWNLOAD, &answer);
	entry_forget(&entry);
	assert_null(entry.answers[UPLOAD]);
	assert_string_equal(entry.why, "why");
	entry_keep(&entry, DOWNLOAD, &answer);
	entry_release(&entry);
	entry_release(&entry);
	assert_null(entry.why);
	assert_null(entry.answers[UPLOAD]);
	assert_null(entry.answers[DOWNLOAD]);
}

/* A history for each direction, which a failure begins. */
static void histories(void **state)
{
	struct entry entry = { .resumed = 0 };
	struct attempts *upload = entry_attempts(&entry, UPLOAD);

	(void)state;
	upload->pause_ms = 1;
	assert_int_equal(entry_attempts(&entry, DOWNLOAD)->pause_ms, 0);
	assert_ptr_equal(entry_attempts(&entry, UPLOAD), upload);
	entry_forget(&entry);
	assert_null(entry.attempts);
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
