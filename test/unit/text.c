/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/text.h"
#include "test/unit/unit.h"

static void check(const char *data, size_t len, const char *expected)
{
	struct buf out = BUF_INIT(64);

	buf_puts(&out, "=");
	text_base64(&out, data, len);
	assert_string_equal(buf_str(&out) + 1, expected);
	buf_release(&out);
}

/* RFC 4648, 10, and bytes that are no text. */
static void vectors(void **state)
{
	static const char *const expected[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
	};

	(void)state;
	for (size_t i = 0; i <= 6; i++)
		check("foobar", i, expected[i]);
	check("\x00\xff\xfe\xfb\xef\xbe\x3e\x3f", 8, "AP/+++++Pj8=");
}

static void unescape(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		const char *plain;	/* NULL: refused */
	} cases[] = {
		{ "", 0, "" },
		{ "abc", 2, "ab" },
		{ "%41%7e%0A", 9, "A~\n" },
		{ "a%2", 3, NULL },
		{ "a%20", 3, NULL },
		{ "%zz", 3, NULL },
		{ "100%", 4, NULL },
		{ "a%00b", 5, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *plain = text_unescape(cases[i].s, cases[i].n);

		if (cases[i].plain)
			assert_string_equal(plain, cases[i].plain);
		else
			assert_null(plain);
		free(plain);
	}
}

static void percent(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		int byte;
	} cases[] = {
		{ "%41", 3, 'A' }, { "%fF9", 4, 255 },	   { "%00", 3, 0 },
		{ "%4", 2, -1 },   { "%411", 2, -1 },	   { "%4g", 3, -1 },
		{ "%g4", 3, -1 },  { "a41", 3, -1 },	   { "", 0, -1 },
		{ "% 4", 3, -1 },  { "%\xc4\xb1", 3, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(text_percent(cases[i].s, cases[i].n),
				 cases[i].byte);
}

static void copies(void **state)
{
	char *text = text_lower("HTTPS://\xc4\x80Z", 11);

	(void)state;
	assert_string_equal(text, "https://\xc4\x80z");
	free(text);
	text = text_trim(" \t\r\n a b \f", 9);
	assert_string_equal(text, "a b");
	free(text);
	text = text_trim(" \n ", 3);
	assert_string_equal(text, "");
	free(text);
	assert_true(text_has_prefix("file://a", "file://"));
	assert_false(text_has_prefix("file", "file://"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(unescape),
		cmocka_unit_test(percent),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
