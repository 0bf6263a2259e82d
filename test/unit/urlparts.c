/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/urlparts.h"
#include "test/unit/unit.h"

static void assert_same(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void parts(void **state)
{
	static const struct {
		const char *url, *scheme, *user, *password, *host, *path;
	} cases[] = {
		{ "https://h", "https", NULL, NULL, "h", "" },
		{ "HTTPS://H:8443/a/b?c#d", "https", NULL, NULL, "H:8443",
		  "a/b" },
		{ "http://u@h/", "http", "u", NULL, "h", "" },
		{ "http://u:p@h/x", "http", "u", "p", "h", "x" },
		{ "http://u:@h", "http", "u", "", "h", "" },
		{ "http://:p@h", "http", "", "p", "h", "" },
		{ "http://u%40x:p%3aq%2F@h/a%20b", "http", "u@x", "p:q/", "h",
		  "a b" },
		{ "http://a@b@h/x@y", "http", "a@b", NULL, "h", "x@y" },
		{ "http://u:p:q@[::1]:80/", "http", "u", "p:q", "[::1]:80",
		  "" },
		{ "http://h?q=@x", "http", NULL, NULL, "h", "" },
		{ "http://h/100%", "http", NULL, NULL, "h", "100%" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct urlparts got;

		assert_int_equal(urlparts_parse(&got, cases[i].url, &err), 0);
		assert_same(got.scheme, cases[i].scheme);
		assert_same(got.user, cases[i].user);
		assert_same(got.password, cases[i].password);
		assert_same(got.host, cases[i].host);
		assert_same(got.path, cases[i].path);
		urlparts_release(&got);
	}
}

static void refused(void **state)
{
	static const char *const urls[] = {
		"",
		"h/x",
		"git@h:x",
		"https:///x",
		"https://",
		"https://u%0a@h/",
		"https://h%00.evil/",
		"https://h/x%0ahost=evil",
		"://h",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct err err = ERR_INIT;
		struct urlparts got;

		assert_int_equal(urlparts_parse(&got, urls[i], &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_null(got.host);
	}
}

static void host_names(void **state)
{
	static const char *const cases[][2] = {
		{ "http://h/", "h" },
		{ "http://h:80/", "h" },
		{ "http://[::1]:80/", "::1" },
		{ "http://[::1]", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct urlparts got;
		char *name;

		assert_int_equal(urlparts_parse(&got, cases[i][0], &err), 0);
		name = urlparts_host_name(&got);
		assert_string_equal(name, cases[i][1]);
		free(name);
		urlparts_release(&got);
	}
}

static void other_forms(void **state)
{
	static const char *const plain[][2] = {
		{ "https://u:p@h/x@y", "https://h/x@y" },
		{ "https://h/x@y", "https://h/x@y" },
		{ "https://u@h", "https://h" },
		{ "junk@x", "junk@x" },
	};
	static const char *const joined[][2] = {
		{ "https://h/x", "https://h/x/a/b" },
		{ "https://h/x//", "https://h/x/a/b" },
		{ "https://h/x?token=1", "https://h/x/a/b?token=1" },
	};
	char *url;

	(void)state;
	for (size_t i = 0; i < COUNT(plain); i++) {
		url = urlparts_without_user(plain[i][0]);
		assert_string_equal(url, plain[i][1]);
		free(url);
	}
	for (size_t i = 0; i < COUNT(joined); i++) {
		url = urlparts_join(joined[i][0], "a/b");
		assert_string_equal(url, joined[i][1]);
		free(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(refused),
		cmocka_unit_test(host_names),
		cmocka_unit_test(other_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
