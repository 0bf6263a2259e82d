/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/connect.h"
#include "test/unit/unit.h"

static void lists(void **state)
{
	static const struct {
		const char *list, *url, *expected;
	} cases[] = {
		{ "", "http://h/", "" },
		{ " ,, ", "http://h/", "" },
		{ "*", "http://h/", "*" },
		{ "h, .x,\ty  z", "http://h/", "h,.x,y,z" },
		{ "*.corp.example", "http://h/", ".corp.example" },
		{ "*x,*.", "http://h/", "*x,." },
		{ "h:80,x:8080,y", "http://h/", "h,y" },
		{ "h:80,x:443", "https://h/", "x" },
		{ "h:8443,x:443,*.y:8443", "https://h:8443/a", "h,.y" },
		{ "h:,x:*", "http://h/", "" },
		{ "10.0.0.0/8,::1,fe80::/10", "http://h/",
		  "10.0.0.0/8,::1,fe80::/10" },
		{ "[::1],[::2]:80,[::3]:81", "http://h/", "[::1],[::2]" },
		{ "h:80,x", "no url", "x" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *got = noproxy_for(cases[i].list, cases[i].url);

		assert_string_equal(got, cases[i].expected);
		free(got);
	}
}

static void loopback(void **state)
{
	static const char *const here[] = {
		"http://localhost/",
		"https://localhost:8443/a",
		"http://127.0.0.1/",
		"http://u:p@127.9.9.9:80/",
		"http://[::1]/",
		"http://[::1]:1/",
		"http://[::ffff:127.0.0.1]/",
	};
	static const char *const elsewhere[] = {
		"http://0.0.0.0/",     "http://localhost.example/",
		"http://127.0.0.1.x/", "http://128.0.0.1/",
		"http://[::2]/",       "http://[::ffff:10.0.0.1]/",
		"http://h/127.0.0.1",  "http://127.0.0.1@h/",
		"http://LocalHost/",   "no url",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++)
		if (!noproxy_is_loopback(here[i]))
			fail_msg("%s is not", here[i]);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (noproxy_is_loopback(elsewhere[i]))
			fail_msg("%s is", elsewhere[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
