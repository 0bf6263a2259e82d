/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/hosts.h"
#include "test/unit/unit.h"

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

/* Where nothing is known, nothing is given up early. */
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
		cmocka_unit_test(a_host_that_answers),
		cmocka_unit_test(hosts_that_do_not),
		cmocka_unit_test(more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
