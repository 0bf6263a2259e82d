/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/httpconf.h"
#include "lfs/net/http.h"
#include "test/unit/unit.h"

static void adds_and_finds(void **state)
{
	struct headers headers = HEADERS_INIT, more = HEADERS_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(headers_add(&headers, "X-A", "1", &err), 0);
	assert_int_equal(headers_add(&headers, "x-a", "", &err), 0);
	assert_int_equal(headers_add_all(&more, &headers, &err), 0);
	headers_release(&headers);
	assert_int_equal(more.n, 2);
	assert_string_equal(headers_get(&more, "x-A"), "1");
	assert_null(headers_get(&more, "x"));
	headers_release(&more);
}

static void refused(void **state)
{
	static const char *const cases[][2] = {
		{ "", "x" },	   { "a b", "x" },    { "a:", "x" },
		{ "a\r\nb", "x" }, { "a", "x\r\ny" }, { "a", "\x01" },
		{ "a", "\x7f" },
	};
	struct headers headers = HEADERS_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		err_clear(&err);
		assert_int_equal(headers_add(&headers, cases[i][0], cases[i][1],
					     &err),
				 -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
	}
	err_clear(&err);
	for (int i = 0; i < HEADERS_MAX; i++)
		assert_int_equal(headers_add(&headers, "a", "b", &err), 0);
	assert_int_equal(headers_add(&headers, "a", "b", &err), -1);
	headers_release(&headers);
}

/* What the config, in the form of `git config -z --list`, gives for a URL. */
static void assert_config(const char *text, size_t len, const char *want)
{
	struct headers headers = HEADERS_INIT;
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(text, len, &err);
	struct buf got = BUF_INIT(1000);

	assert_non_null(config);
	assert_int_equal(httpconf_add_headers(config, "https://h/x.git",
					      &headers, &err),
			 0);
	for (size_t i = 0; i < headers.n; i++)
		buf_printf(&got, "%s=%s|", headers.list[i].name,
			   headers.list[i].value);
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
	headers_release(&headers);
	gitconfig_free(config);
}

#define CONFIG(text) text, sizeof(text) - 1

static void from_config(void **state)
{
	(void)state;
	assert_config(CONFIG("a.b\nc\0"), "");
	assert_config(CONFIG("http.extraheader\nA: 1\0"
			     "http.extraheader\n B :  2 \0"),
		      "A=1|B=2|");
	assert_config(CONFIG("http.extraheader\nA: 1\0"
			     "http.https://h/.extraheader\nB: 2:3\0"
			     "http.https://i/.extraheader\nC: 4\0"),
		      "B=2:3|");
	assert_config(CONFIG("http.extraheader\nA: 1\0"
			     "http.extraheader\n\0"
			     "http.extraheader\nno colon\0"
			     "http.extraheader\nB:\0"),
		      "B=|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_and_finds),
		cmocka_unit_test(refused),
		cmocka_unit_test(from_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
