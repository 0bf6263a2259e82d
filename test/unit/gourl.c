/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "lfs/server/gourl.h"
#include "test/unit/unit.h"

static void assert_formatted(const char *text, const char *expected)
{
	struct gourl url;
	char *formatted;

	if (!expected) {
		assert_int_equal(gourl_parse(&url, text), -1);
		return;
	}
	assert_int_equal(gourl_parse(&url, text), 0);
	formatted = gourl_format(&url);
	assert_string_equal(formatted, expected);
	free(formatted);
	gourl_release(&url);
}

/* Each has been shown to Go's net/url by way of git-lfs, or is in its tests. */
static void formats(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a/b", "a/b" },
		{ "https://h", "https://h" },
		{ "HTTPS://Host/Path", "https://Host/Path" },
		{ "https://h/a b", "https://h/a%20b" },
		{ "https://h/a%20b", "https://h/a%20b" },
		{ "https://h/a%2Fb/%7e", "https://h/a%2Fb/%7e" },
		{ "https://h/%7e|", "https://h/~%7C" },
		{ "https://h/\xc3\xa5", "https://h/%C3%A5" },
		{ "https://h/?", "https://h/?" },
		{ "https://h/a?b c", "https://h/a?b c" },
		{ "https://h/a#", "https://h/a" },
		{ "https://h/a#b c", "https://h/a#b%20c" },
		{ "https://h:80/", "https://h:80/" },
		{ "https://h:/", "https://h:/" },
		{ "https://[::1]:80/a", "https://[::1]:80/a" },
		{ "https://u@h", "https://u@h" },
		{ "https://u:@h", "https://u:@h" },
		{ "https://@h", "https://@h" },
		{ "https://u:p%40!@h", "https://u:p%40%21@h" },
		{ "https://", "https:" },
		{ "https:///a", "https:///a" },
		{ "https:a", "https:a" },
		{ "host:a/b", "host:a/b" },
		{ "Host:A", "host:A" },
		{ "h.example:a", "h.example:a" },
		{ "//h/a", "//h/a" },
		{ "///a", "///a" },
		{ "a/b:c", "a/b:c" },
		{ ":a", NULL },
		{ "1a:b", NULL },
		{ "git@h:a", NULL },
		{ "my_host:a", NULL },
		{ "[u@h:1]:a", NULL },
		{ "https://h/%zz", NULL },
		{ "https://h/%2", NULL },
		{ "https://h/%00", NULL },
		{ "https://h/a#%z", NULL },
		{ "https://h:a/", NULL },
		{ "https://[::1/", NULL },
		{ "https://[::1]a/", NULL },
		{ "https://a b/", NULL },
		{ "https://a%41/", NULL },
		{ "https://a b@h/", NULL },
		{ "https://u%z@h/", NULL },
		{ "https://h/a\nb", NULL },
		{ "https://h/\x7f", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_formatted(cases[i].text, cases[i].expected);
}

static void parts(void **state)
{
	struct gourl url;

	(void)state;
	assert_int_equal(gourl_parse(&url, "SSH://u%20:p:q@h%C3%A5:22/a%20b?c"),
			 0);
	assert_string_equal(url.scheme, "ssh");
	assert_string_equal(url.user, "u ");
	assert_string_equal(url.password, "p:q");
	assert_string_equal(url.host, "h\xc3\xa5:22");
	assert_string_equal(url.path, "/a b");
	assert_string_equal(url.raw_path, "/a%20b");
	assert_string_equal(url.tail, "?c");
	gourl_release(&url);

	assert_int_equal(gourl_parse(&url, "x:y"), 0);
	assert_string_equal(url.opaque, "y");
	assert_null(url.user);
	assert_null(url.password);
	assert_string_equal(url.path, "");
	gourl_release(&url);
}

static void assert_same(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void servers(void **state)
{
	static const struct {
		const char *url, *scheme, *user, *password, *host, *path;
	} cases[] = {
		{ "https://h", "https", NULL, NULL, "h", "" },
		{ "HTTPS://H:8443/a/b?c#d", "https", NULL, NULL, "H:8443",
		  "/a/b" },
		{ "http://u@h/", "http", "u", NULL, "h", "/" },
		{ "http://u:p@h/x", "http", "u", "p", "h", "/x" },
		{ "http://u:@h", "http", "u", "", "h", "" },
		{ "http://:p@h", "http", "", "p", "h", "" },
		{ "http://u%40x:p%3aq%2F@h/a%20b", "http", "u@x", "p:q/", "h",
		  "/a b" },
		{ "http://a@b@h/x@y", "http", "a@b", NULL, "h", "/x@y" },
		{ "http://u:p:q@[::1]:80/", "http", "u", "p:q", "[::1]:80",
		  "/" },
		{ "http://h?q=@x", "http", NULL, NULL, "h", "" },
		{ "http://u:p%0d@h", "http", "u", "p\r", "h", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct gourl got;

		assert_int_equal(gourl_parse_server(&got, cases[i].url, &err),
				 0);
		assert_same(got.scheme, cases[i].scheme);
		assert_same(got.user, cases[i].user);
		assert_same(got.password, cases[i].password);
		assert_same(got.host, cases[i].host);
		assert_same(got.path, cases[i].path);
		gourl_release(&got);
	}
}

static void no_servers(void **state)
{
	static const char *const urls[] = {
		"",
		"h/x",
		"git@h:x",
		"//h/x",
		"https:///x",
		"https://",
		"https://u%0a@h/",
		"https://u:p%0a@h/",
		"https://h%00.evil/",
		"https://h/x%0ahost=evil",
		"https://h/100%",
		"://h",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct err err = ERR_INIT;
		struct gourl got;

		if (!gourl_parse_server(&got, urls[i], &err))
			fail_msg("'%s' was taken", urls[i]);
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
		struct gourl got;
		char *name;

		assert_int_equal(gourl_parse(&got, cases[i][0]), 0);
		name = gourl_host_name(&got);
		assert_string_equal(name, cases[i][1]);
		free(name);
		gourl_release(&got);
	}
}

static void too_long(void **state)
{
	char *text = xmalloc(GOURL_MAX + 2);
	struct gourl url;

	(void)state;
	memset(text, '|', GOURL_MAX + 1);
	text[GOURL_MAX + 1] = '\0';
	assert_int_equal(gourl_parse(&url, text), -1);
	text[GOURL_MAX] = '\0';
	assert_int_equal(gourl_parse(&url, text), 0);
	free(gourl_format(&url));
	gourl_release(&url);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),    cmocka_unit_test(parts),
		cmocka_unit_test(servers),    cmocka_unit_test(no_servers),
		cmocka_unit_test(host_names), cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
