/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/human.h"
#include "test/unit/unit.h"

#define K ((uint64_t)1024)

static void sizes(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ K, "1.0 KiB" },
		{ K + 512, "1.5 KiB" },
		{ 10 * K - 1, "9.9 KiB" },
		{ 10 * K, "10 KiB" },
		{ K * K - 1, "1023 KiB" },
		{ K * K, "1.0 MiB" },
		{ 6 * K * K * K * K, "6.0 TiB" },
		{ UINT64_MAX, "15 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(human_size(cases[i].size).text,
				    cases[i].text);
}

static void ages(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ -5, "0 s" },
		{ 0, "0 s" },
		{ 119, "119 s" },
		{ 120, "2 min" },
		{ 7199, "119 min" },
		{ 7200, "2 h" },
		{ 47 * 3600, "47 h" },
		{ 48 * 3600, "2 days" },
		{ 31536000, "365 days" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(human_age(cases[i].seconds).text,
				    cases[i].text);
}

static void percents(void **state)
{
	(void)state;
	assert_int_equal(human_percent(0, 0), 100);
	assert_int_equal(human_percent(0, 10), 0);
	assert_int_equal(human_percent(999, 1000), 99);
	assert_int_equal(human_percent(1000, 1000), 100);
	assert_int_equal(human_percent(UINT64_MAX / 2, UINT64_MAX), 49);
	assert_int_equal(human_percent(UINT64_MAX - 1, UINT64_MAX), 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(ages),
		cmocka_unit_test(percents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
