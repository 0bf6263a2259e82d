/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/retry.h"
#include "test/unit/unit.h"

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

static void what_went_well_before_a_refusal(void **state)
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
		cmocka_unit_test(down),
		cmocka_unit_test(up),
		cmocka_unit_test(what_went_well_before_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
