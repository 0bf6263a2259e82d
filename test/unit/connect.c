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

static void a_host_that_answers(void **state)
{
	struct hosts hosts = { 0 };

	(void)state;
	assert_false(hosts_has_answered(&hosts, "https://a/x"));
	hosts_answered(&hosts, "https://a/x?y");
	assert_true(hosts_has_answered(&hosts, "https://a/z"));
	assert_true(hosts_has_answered(&hosts, "https://a"));
	assert_int_equal(hosts_unmet(&hosts, "https://a/", 5, 9), 0);
	/* Each of these is another. */
	assert_false(hosts_has_answered(&hosts, "http://a/x"));
	assert_false(hosts_has_answered(&hosts, "https://a:444/x"));
	assert_false(hosts_has_answered(&hosts, "https://b/x"));
}

static void hosts_that_do_not(void **state)
{
	struct hosts hosts = { 0 };

	(void)state;
	assert_int_equal(hosts_unmet(&hosts, "http://a/1", 100, 130), 30);
	/* Whatever is asked for: it is the host that is tried. */
	assert_int_equal(hosts_unmet(&hosts, "http://a/2", 150, 170), 70);
	assert_int_equal(hosts_unmet(&hosts, "http://b/2", 170, 170), 1);
	assert_false(hosts_has_answered(&hosts, "http://a/3"));
	hosts_answered(&hosts, "http://a/3");
	assert_int_equal(hosts_unmet(&hosts, "http://a/1", 180, 190), 0);
	assert_int_equal(hosts_unmet(&hosts, "http://b/1", 180, 190), 20);
}

/* If nothing is known of a host, it is not given up early. */
static void more_than_there_is_room_for(void **state)
{
	struct hosts hosts = { 0 };
	char url[40];

	(void)state;
	for (int i = 0; i < HOSTS_MAX; i++) {
		snprintf(url, sizeof(url), "http://host%d/", i);
		assert_int_equal(hosts_unmet(&hosts, url, 1, 3), 2);
	}
	assert_true(hosts_has_answered(&hosts, "http://other/"));
	assert_int_equal(hosts_unmet(&hosts, "http://other/", 1, 3), 0);
	assert_int_equal(hosts_unmet(&hosts, url, 2, 4), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(loopback),
		cmocka_unit_test(a_host_that_answers),
		cmocka_unit_test(hosts_that_do_not),
		cmocka_unit_test(more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
