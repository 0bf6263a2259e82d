/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/url.h"
#include "test/unit/unit.h"

static void good_urls(void **state)
{
	static const char *const urls[] = {
		"http://h",
		"https://h.example:8443/a/b?c=d#e",
		"HTTPS://H.example/",
		"http://[::1]:80/x",
		"http://user:secret@h/",
		"https://h/a%20b?X-Amz-Signature=%2Fabc",
		"https://h/\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(url_check(urls[i], &err), 0);
	}
}

static void bad_urls(void **state)
{
	static const struct {
		const char *url;
		const char *complaint;
	} cases[] = {
		{ "", "empty" },
		{ "h.example/a", "does not begin" },
		{ "/a/b", "does not begin" },
		{ "//h/a", "does not begin" },
		{ "http:/h/a", "does not begin" },
		{ "file:///etc/passwd", "scheme 'file'" },
		{ "ftp://h/a", "scheme 'ftp'" },
		{ "httpss://h/a", "scheme 'httpss'" },
		{ "ssh://git@h/a", "scheme 'ssh'" },
		{ "http://", "no host" },
		{ "http:///a", "no host" },
		{ "http://?a", "no host" },
		{ "http://:80/a", "malformed" },
		{ "http://h:99999/a", "malformed" },
		{ "http://h:x/a", "malformed" },
		{ "http://[::1/a", "malformed" },
		{ "http://h/a b", "blank or control" },
		{ "http://h/a\r\nX: y", "blank or control" },
		{ "http://h/\x7f", "blank or control" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(url_check(cases[i].url, &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		if (!strstr(err.msg, cases[i].complaint))
			fail_msg("'%s': %s", cases[i].url, err.msg);
	}
}

static void long_urls(void **state)
{
	char *url = malloc(URL_MAX + 2);
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(url);
	memset(url, 'a', URL_MAX + 1);
	memcpy(url, "http://h/", 9);
	url[URL_MAX] = '\0';
	assert_int_equal(url_check(url, &err), 0);
	url[URL_MAX] = 'a';
	url[URL_MAX + 1] = '\0';
	assert_int_equal(url_check(url, &err), -1);
	assert_non_null(strstr(err.msg, "65537 bytes"));
	free(url);
}

static void display(void **state)
{
	static const struct {
		const char *url;
		const char *shown;
	} cases[] = {
		{ "https://h/a/b", "https://h/a/b" },
		{ "https://h:8443/a?sig=secret#frag", "https://h:8443/a" },
		{ "https://h?secret", "https://h" },
		{ "https://h#secret", "https://h" },
		{ "https://user:secret@h/a", "https://h/a" },
		{ "https://user:se@cret@h/a", "https://h/a" },
		{ "https://user:secret\\@h/a", "https://h/a" },
		{ "https://h/a@b", "https://h/a@b" },
		{ "https://h/\x1b[2J\xff a", "https://h/?[2J??a" },
		{ "user:secret@h/a", "(not a URL)" },
		{ "/a?x=://secret", "(not a URL)" },
		{ "u@://secret", "(not a URL)" },
		{ "", "(not a URL)" },
		{ "http://", "http://" },
		{ "https://user:sec/ret@h/a", "https://(malformed)" },
		{ "https://user:sec?ret@h/a", "https://(malformed)" },
		{ "https://u@user:sec#ret@h/a", "https://(malformed)" },
		{ "https://[::1]/a", "https://[::1]/a" },
		{ "https://[::1]:80/a", "https://[::1]:80/a" },
		{ "https://h:/a", "https://h:/a" },
		{ "a::https://user:secret@h/a", "a::https://h/a" },
	};
	char out[URL_DISPLAY_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(url_display(cases[i].url, out, sizeof(out)),
				    cases[i].shown);
	assert_string_equal(url_display("http://h/abcdef", out, 16),
			    "http://h/abc...");
	assert_string_equal(url_display("http://h/abc", out, 16),
			    "http://h/abc");
	assert_string_equal(url_display("http://h/abc", out, 3), "");
	out[0] = 'x';
	url_display("http://h/abc", out, 0);
	assert_int_equal(out[0], 'x');
}

static void display_any(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
	} cases[] = {
		{ "https://user:secret@h/a?secret", "https://h/a" },
		{ "lfs.https://u:secret@h/a.access", "lfs.https://h/a.access" },
		{ "lfs.https://u:secret@h:1.key", "lfs.https://h:1.key" },
		{ "user:secret@h/a", "h/a" },
		{ "git@h:a/b@c", "git@h:a/b@c" },
		{ "h:a/b@c", "h:a/b@c" },
		{ "/a:b/c@d", "/a:b/c@d" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "origin", "origin" },
		{ "@", "@" },
		{ "", "" },
	};
	char out[URL_DISPLAY_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(url_display_any(cases[i].text, out,
						    sizeof(out)),
				    cases[i].shown);
	assert_string_equal(url_display_any("origin", out, 4), "ori");
}

static void same_origin(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} cases[] = {
		{ "http://h/a", "http://h/b?c", true },
		{ "http://h", "HTTP://H:80/", true },
		{ "https://h", "https://h:443", true },
		{ "https://u:p@h/", "https://h/", true },
		{ "https://h", "http://h", false },
		{ "https://h:443", "https://h:444", false },
		{ "https://h", "https://h.example", false },
		{ "https://h.example", "https://evil.example", false },
		{ "https://h@evil/", "https://h/", false },
		{ "https://h/", "nonsense", false },
		{ "nonsense", "nonsense", false },
		{ "ftp://h/", "ftp://h/", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(url_is_same_origin(cases[i].a, cases[i].b),
				 cases[i].is_same);
		assert_int_equal(url_is_same_origin(cases[i].b, cases[i].a),
				 cases[i].is_same);
	}
	assert_true(url_is_https("HTTPS://h/"));
	assert_false(url_is_https("http://h/"));
}

static void keeps_headers(void **state)
{
	static const struct {
		const char *from, *to;
		bool keeps;
	} cases[] = {
		{ "http://h/a", "http://h/b", true },
		{ "http://h/a", "https://H/b", true },
		{ "http://h:80/a", "https://h:443/b", true },
		{ "https://h/", "http://h/", false },
		{ "http://h/", "https://h:8443/", false },
		{ "http://h:8080/", "https://h/", false },
		{ "http://h:443/", "https://h/", false },
		{ "http://h:8080/", "https://h:8080/", false },
		{ "http://h/", "https://h.evil/", false },
		{ "http://h/", "https://h@evil/", false },
		{ "https://h/", "https://h:444/", false },
		{ "http://h/", "nonsense", false },
		{ "nonsense", "https://h/", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(url_keeps_headers(cases[i].from, cases[i].to),
				 cases[i].keeps);
}

/* The last two: presigned URLs must come out byte for byte. */
static void resolve(void **state)
{
	static const struct {
		const char *base, *location, *url;
	} cases[] = {
		{ "https://h/a/b?c", "/d", "https://h/d" },
		{ "https://h/a/b?c", "d", "https://h/a/d" },
		{ "https://h/a/b?c", "../d?e=f", "https://h/d?e=f" },
		{ "https://h/a/b", "?e", "https://h/a/b?e" },
		{ "https://h:8443/a", "//i/b", "https://i/b" },
		{ "https://h/a", "http://i/b#c", "http://i/b" },
		{ "https://h/a", "/b c", "https://h/b%20c" },
		{ "https://h/a", "https://i", "https://i/" },
		{ "https://h/a",
		  "https://s3.example/b/k%2Fey?X-Amz-Sig=%2fA"
		  "+b%3D&x=a/b?c&y=;z",
		  "https://s3.example/b/k%2Fey?X-Amz-Sig=%2fA+b%3D&x=a/b?c"
		  "&y=;z" },
		{ "https://h/a", "https://i/a//b/(c)'*!~$,@:=&",
		  "https://i/a//b/(c)'*!~$,@:=&" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		char *url = url_resolve(cases[i].base, cases[i].location, &err);

		assert_string_equal(url ? url : err.msg, cases[i].url);
		free(url);
	}
}

static void resolve_refuses(void **state)
{
	static const char *const locations[] = {
		"file:///etc/passwd",  "ftp://h/a",   "gopher://h/",
		"https://h/a\r\nX: y", "https://:0/", "javascript:alert(1)",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(locations); i++) {
		struct err err = ERR_INIT;
		char *url = url_resolve("https://h/a", locations[i], &err);

		if (url)
			fail_msg("'%s' became '%s'", locations[i], url);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_non_null(strstr(err.msg, "Location"));
	}
}

static void join(void **state)
{
	static const char *const cases[][2] = {
		{ "https://h", "https://h/a/b" },
		{ "https://h/x", "https://h/x/a/b" },
		{ "https://h/x//", "https://h/x/a/b" },
		{ "https://h/x?token=1", "https://h/x/a/b?token=1" },
		{ "https://h/x#f", "https://h/x/a/b#f" },
		{ "https://u:p@h/x@y", "https://h/x@y/a/b" },
		{ "https://h/x@y", "https://h/x@y/a/b" },
		{ "https://a@b@h", "https://h/a/b" },
		{ "https://u@h?q=@", "https://h/a/b?q=@" },
		{ "junk", "junk/a/b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *url = url_join(cases[i][0], "a/b");

		assert_string_equal(url, cases[i][1]);
		free(url);
	}
}

static void query(void **state)
{
	static const char url[] =
		"https://h/a?x&X-Amz-Date=20240102T030405Z&x-amz-expires=60"
		"&e=a%2fb%3D&n=%00&b=%zz&c=%2&last=1#X=frag&f=2";
	char out[32];

	(void)state;
	assert_true(url_query(url, "X-Amz-Date", out, sizeof(out)));
	assert_string_equal(out, "20240102T030405Z");
	assert_true(url_query(url, "X-Amz-Expires", out, sizeof(out)));
	assert_string_equal(out, "60");
	assert_true(url_query(url, "e", out, sizeof(out)));
	assert_string_equal(out, "a/b=");
	assert_true(url_query(url, "last", out, sizeof(out)));
	assert_string_equal(out, "1");
	assert_true(url_query(url, "X-Amz-Date", out, 17));
	assert_false(url_query(url, "X-Amz-Date", out, 16));
	assert_string_equal(out, "");
	assert_false(url_query(url, "X", out, sizeof(out)));
	assert_false(url_query(url, "Amz-Date", out, sizeof(out)));
	assert_false(url_query(url, "n", out, sizeof(out)));
	assert_false(url_query(url, "b", out, sizeof(out)));
	assert_false(url_query(url, "c", out, sizeof(out)));
	assert_false(url_query(url, "f", out, sizeof(out)));
	assert_false(url_query("https://h/a#?x=1", "x", out, sizeof(out)));
	assert_false(url_query("", "x", out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls),
		cmocka_unit_test(bad_urls),
		cmocka_unit_test(long_urls),
		cmocka_unit_test(display),
		cmocka_unit_test(display_any),
		cmocka_unit_test(same_origin),
		cmocka_unit_test(keeps_headers),
		cmocka_unit_test(resolve),
		cmocka_unit_test(resolve_refuses),
		cmocka_unit_test(join),
		cmocka_unit_test(query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
