/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "lfs/base/err.h"
#include "test/unit/unit.h"

static void first_wins(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, ERR_REFUSED, "no %d", 1), -1);
	assert_int_equal(err_set(&err, ERR_LOCAL, "other"), -1);
	assert_int_equal(err_sys(&err, ENOENT, "third"), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.msg, "no 1");
	err_clear(&err);
	assert_int_equal(err.kind, ERR_NONE);
	assert_string_equal(err.msg, "");
	assert_int_equal(err_sys(&err, ENOENT, "cannot open '%s'", "x"), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.msg,
			    "cannot open 'x': No such file or directory");
}

static void one_line(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_PROTOCOL, "a\r\nb\tc\x1b[2J\x7f");
	assert_string_equal(err.msg, "a  b c?[2J?");
	err_wrap(&err, "part\n%d", 7);
	assert_string_equal(err.msg, "part 7: a  b c?[2J?");
	err_clear(&err);
	err_sys(&err, EACCES, "cannot read '\n'");
	assert_null(strchr(err.msg, '\n'));
	err_clear(&err);
	/* Letters of other alphabets stay. */
	err_set(&err, ERR_PROTOCOL, "\xc3\xa9");
	assert_string_equal(err.msg, "\xc3\xa9");
}

/* Advice must not be what a long cause cuts off. */
static void appended(void **state)
{
	struct err err = ERR_INIT;
	char much[2 * sizeof(err.msg)];

	(void)state;
	err_set(&err, ERR_REFUSED, "no");
	assert_int_equal(err_append(&err, "; ask %s\n", "Eve"), -1);
	assert_string_equal(err.msg, "no; ask Eve ");
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	err_clear(&err);
	err_set(&err, ERR_REFUSED, "%s", much);
	err_append(&err, "; ask Eve");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_string_equal(err.msg + strlen(err.msg) - 10, "x; ask Eve");
}

/* A server's own text may repeat a link, which is as good as a password. */
static void no_secret_of_a_link(void **state)
{
	static const struct {
		const char *text;
		const char *msg;
	} cases[] = {
		{ "http://h/a?sig=S is denied", "http://h/a?... is denied" },
		{ "'https://h/a?sig=S'", "'https://h/a?...'" },
		{ "<a>s3://b?k=S</a>", "<a>s3://b?...</a>" },
		{ "(x://h?S)", "(x://h?...)" },
		{ "x://h/?S x://h/?S", "x://h/?... x://h/?..." },
		{ "x://u:S@h/a", "x://...@h/a" },
		{ "x://u:S@h/a?S", "x://...@h/a?..." },
		{ "x://u:S@h and me@h/", "x://...@h and me@h/" },
		{ "x://u:S@h and x://h/?S", "x://...@h and x://h/?..." },
		{ "x://h/@a", "x://h/@a" },
		{ "x://h and me@h", "x://h and me@h" },
		{ "x://h", "x://h" },
		{ "x://h/\xefZ", "x://h/?..." },
		{ "x://h?", "x://h?..." },
		{ "why? because", "why? because" },
		{ "x:// a?b", "x:// a?b" },
		{ "://", "://" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_REFUSED, "%s", cases[i].text);
		assert_string_equal(err.msg, cases[i].msg);
		err_wrap(&err, "again");
		assert_string_equal(err.msg + strlen("again: "), cases[i].msg);
	}
}

static void long_messages(void **state)
{
	char text[2000], tail[200];
	struct err err = ERR_INIT;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_PROTOCOL, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	err_wrap(&err, "%s", text);
	assert_true(strlen(err.msg) < sizeof(err.msg));
	err_clear(&err);
	err_sys(&err, ENOENT, "%s", text);
	assert_true(strlen(err.msg) < sizeof(err.msg));
	/* A short context does not cost the end of a message that fits. */
	err_clear(&err);
	memset(tail, 'y', sizeof(tail) - 1);
	tail[sizeof(tail) - 1] = '\0';
	err_set(&err, ERR_PROTOCOL, "%.200s%s, the end", text, tail);
	err_wrap(&err, "part %d of %d", 1, 2);
	assert_non_null(strstr(err.msg, "part 1 of 2: xxx"));
	assert_non_null(strstr(err.msg, "yyy, the end"));
}

static void code_and_kind_survive_a_wrap(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_BUSY, "busy");
	err.code = 503;
	err.wait_ms = 4000;
	assert_int_equal(err_wrap(&err, "part 1"), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(err.code, 503);
	assert_int_equal(err.wait_ms, 4000);
	assert_string_equal(err.msg, "part 1: busy");
}

static void transient(void **state)
{
	(void)state;
	for (int kind = ERR_NONE; kind <= ERR_CANCELED; kind++) {
		struct err err = { .kind = (enum err_kind)kind };
		bool expected = kind == ERR_BUSY || kind == ERR_NETWORK ||
				kind == ERR_OFFLINE;

		assert_int_equal(err_is_transient(&err), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_wins),
		cmocka_unit_test(one_line),
		cmocka_unit_test(appended),
		cmocka_unit_test(no_secret_of_a_link),
		cmocka_unit_test(long_messages),
		cmocka_unit_test(code_and_kind_survive_a_wrap),
		cmocka_unit_test(transient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
