/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/source.h"
#include "test/unit/unit.h"

static void good(void **state)
{
	static const struct {
		const char *value;
		struct source_range range;
	} cases[] = {
		{ "bytes 0-0/1", { 0, 0, 1, true } },
		{ "bytes 0-1023/2048", { 0, 1023, 2048, true } },
		{ "BYTES 5-9/10", { 5, 9, 10, true } },
		{ "bytes 007-008/9", { 7, 8, 9, true } },
		{ "bytes 0-9/*", { 0, 9, 0, false } },
		/* Gitea means the size of the rest. */
		{ "bytes 0-10/10", { 0, 10, 10, true } },
		{ "bytes 0-9/0", { 0, 9, 0, true } },
		{ "bytes 6-9/5", { 6, 9, 5, true } },
		{ "bytes 0-900000000000000000/900000000000000001",
		  { 0, 900000000000000000, 900000000000000001, true } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source_range range = { 77, 77, 77, false };

		if (source_parse_range(cases[i].value, &range))
			fail_msg("'%s' was refused", cases[i].value);
		assert_int_equal(range.first, cases[i].range.first);
		assert_int_equal(range.last, cases[i].range.last);
		assert_int_equal(range.total, cases[i].range.total);
		assert_int_equal(range.has_total, cases[i].range.has_total);
	}
}

static void bad(void **state)
{
	static const char *const values[] = {
		NULL,
		"",
		"bytes",
		"bytes ",
		"bytes */10",
		"bytes */*",
		"bytes 0-9",
		"bytes 0-9/",
		"bytes 0-/10",
		"bytes -9/10",
		"bytes 0/10",
		"bytes 9-0/10",
		"bytes 0-9/10 ",
		"bytes 0-9/10x",
		"bytes 0-9/**",
		"bytes 0-9/*0",
		"bytes 0-9/-1",
		"bytes 0 -9/10",
		"bytes  0-9/10",
		"bytes=0-9/10",
		"bytes:0-9/10",
		" bytes 0-9/10",
		"octets 0-9/10",
		"bytes +0-9/10",
		"bytes 0x0-0x9/10",
		"bytes 0-9/9223372036854775808",
		"bytes 18446744073709551616-18446744073709551617/*",
		"bytes 0-18446744073709551615/18446744073709551616",
		"bytes 99999999999999999999999-99999999999999999999999/*",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct source_range range;

		if (!source_parse_range(values[i], &range))
			fail_msg("'%s' was taken", values[i]);
	}
}

static void validators(void **state)
{
	static const char *const good[] = { "\"\"", "\"a\"", "\"a-2!~\"",
					    "\"W/\"", "\"\xff\"" };
	static const char *const bad[] = {
		NULL,	     "",	  "\"",	     "a",	"\"a",
		"a\"",	     "W/\"a\"",	  "w/\"a\"", "\"a b\"", "\"a\"b\"",
		"\"a\x7f\"", "\"a\r\n\"", " \"a\"",  "\"a\" ",	"*",
	};
	char longest[SOURCE_VALIDATOR_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(source_is_validator(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (source_is_validator(bad[i]))
			fail_msg("'%s' was taken", bad[i]);
	memset(longest, 'x', sizeof(longest));
	longest[0] = longest[SOURCE_VALIDATOR_MAX] = '"';
	longest[SOURCE_VALIDATOR_MAX + 1] = '\0';
	assert_false(source_is_validator(longest));
	longest[SOURCE_VALIDATOR_MAX - 1] = '"';
	longest[SOURCE_VALIDATOR_MAX] = '\0';
	assert_true(source_is_validator(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(validators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
