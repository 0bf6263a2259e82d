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
	assert_true(url.has_user);
	assert_string_equal(url.user, "u ");
	assert_string_equal(url.password, "p:q");
	assert_string_equal(url.host, "h\xc3\xa5:22");
	assert_string_equal(url.path, "/a b");
	assert_string_equal(url.raw_path, "/a%20b");
	assert_string_equal(url.tail, "?c");
	gourl_release(&url);

	assert_int_equal(gourl_parse(&url, "x:y"), 0);
	assert_string_equal(url.opaque, "y");
	assert_false(url.has_user);
	assert_null(url.password);
	assert_string_equal(url.path, "");
	gourl_release(&url);
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
		cmocka_unit_test(formats),
		cmocka_unit_test(parts),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
