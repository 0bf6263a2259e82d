/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/err.h"
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

static void words_and_slashes(void **state)
{
	static const char *const words[] = { "", "one", "Two", NULL };

	(void)state;
	assert_true(text_is_any("", words));
	assert_true(text_is_any("ONE", words));
	assert_true(text_is_any("two", words));
	assert_false(text_is_any("tw", words));
	assert_false(text_is_any("", words + 1));
	assert_int_equal(text_trim_slashes("//a//", 5), 3);
	assert_int_equal(text_trim_slashes("//", 2), 0);
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
	assert_true(text_has_suffix("a.git", ".git"));
	assert_false(text_has_suffix("git", ".git"));
	assert_false(text_has_suffix("a.git/", ".git"));
}

static const struct {
	const char *text;
	const char *shown;
} cases[] = {
	{ "", "" },
	{ "plain text, ~!", "plain text, ~!" },
	{ "a\nb\r\nc\td\fe\vf", "a b  c d e f" },
	{ "\x1b[2J\x01\x7f", "?[2J??" },
	/* C1: raw, and as UTF-8.  U+009B is CSI, U+0085 a new line. */
	{ "\x9bm", "?m" },
	{ "\x80\x85\x9f", "???" },
	{ "\xc2\x80\xc2\x9bm\xc2\x9f", "??m?" },
	{ "y\xc2\x85z", "y z" },
	/* Letters of other alphabets, and signs, stay. */
	{ "\xc2\xa0\xc2\xa1\xc3\xa9", "\xc2\xa0\xc2\xa1\xc3\xa9" },
	{ "\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\xd9\x85\xe2\x80\x8c\xd9\x85", "\xd9\x85\xe2\x80\x8c\xd9\x85" },
	/* Bidi: U+202E, U+2066, U+200F, U+061C. */
	{ "\xe2\x80\xaeyxz.\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c", "?yxz.???" },
	/* Invisible: U+00AD, U+200B, U+FEFF, U+E0041. */
	{ "\xc2\xad\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81", "????" },
	/* Separators of lines and paragraphs. */
	{ "x\xe2\x80\xa8y\xe2\x80\xa9z", "x y z" },
	/* No characters: U+FFFE, U+1FFFF, U+FDD0. */
	{ "\xef\xbf\xbe\xf0\x9f\xbf\xbf\xef\xb7\x90", "???" },
	/* Not UTF-8: a byte for itself. */
	{ "caf\xe9", "caf?" },
	{ "\xe9t\xe9", "?t?" },
	{ "\xc3", "?" },
	{ "\xe2\x82", "??" },
	{ "\xf0\x9f\x98", "???" },
	{ "\xff\xfe\xf8\xc0", "????" },
	/* Overlong, a surrogate, above U+10FFFF. */
	{ "\xc0\x9b\xe0\x82\x9b\xf0\x80\x82\x9b", "?????????" },
	{ "\xed\xa0\x80", "???" },
	{ "\xf4\x90\x80\x80", "????" },
};

static void shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		text_printable(text);
		assert_string_equal(text, cases[i].shown);
		text_printable(text);
		assert_string_equal(text, cases[i].shown);
	}
}

/* Whatever a server says, and wherever its text is cut off. */
static void in_an_error(void **state)
{
	(void)state;
	for (size_t pad = 0; pad < sizeof((struct err){ 0 }.msg); pad++) {
		char text[sizeof((struct err){ 0 }.msg)], copy[sizeof(text)];
		struct err err = ERR_INIT;

		memset(text, 'x', pad);
		text[pad] = '\0';
		err_set(&err, ERR_REFUSED,
			"%s\xe2\x82\xac\xc2\x9b http://u:p@h/?S\xc2\x9b", text);
		err_wrap(&err, "\x9b%s", "\xe2\x80\xae");
		err_append(&err, "%s", "\xc2\x90");
		memcpy(copy, err.msg, sizeof(copy));
		text_printable(copy);
		assert_string_equal(err.msg, copy);
	}
}

static void escapes(void **state)
{
	struct buf out = BUF_INIT(100);

	(void)state;
	text_escape(&out, "azAZ09/-_ %\x7f\xc3\n[", "-_");
	assert_string_equal(buf_str(&out), "azAZ09%2F-_%20%25%7F%C3%0A%5B");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(vectors),
		cmocka_unit_test(words_and_slashes),
		cmocka_unit_test(unescape),
		cmocka_unit_test(percent),
		cmocka_unit_test(copies),
		cmocka_unit_test(shows),
		cmocka_unit_test(in_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
