/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/settings.h"
#include "test/unit/unit.h"

static int load(struct settings *settings, const char *text, size_t len,
		const char *url, struct err *err)
{
	struct gitconfig *config = gitconfig_parse(text, len, err);
	int ret = settings_load(settings, config, url, err);

	gitconfig_free(config);
	return ret;
}

static struct settings settings_of(const char *text, size_t len,
				   const char *url)
{
	struct err err = ERR_INIT;
	struct settings settings;

	memset(&settings, 'x', sizeof(settings));
	load(&settings, text, len, url, &err);
	assert_string_equal(err.msg, "");
	return settings;
}

#define SETTINGS(text, url) settings_of(text, sizeof(text) - 1, url)

static void defaults(void **state)
{
	struct settings settings = SETTINGS("", "https://h/");

	(void)state;
	assert_int_equal(settings.connections, 16);
	assert_int_equal(settings.part_size, 0);
	assert_int_equal(settings.retries, 8);
	assert_int_equal(settings.max_retry_delay_ms, 30000);
	assert_int_equal(settings.max_retry_time_ms, 300000);
	assert_int_equal(settings.max_verifies, 3);
	assert_int_equal(settings.stall_ms, 30000);
	assert_int_equal(settings.answer_ms, 60000);
	assert_int_equal(settings.finish_ms, 600000);
	assert_int_equal(settings.offline_ms, 900000);
	assert_int_equal(settings.connect_ms, 60000);
	assert_int_equal(settings.prune_days, 30);
	assert_true(settings.verify);
	assert_true(settings.fsync);
}

static void ours(void **state)
{
	struct settings settings =
		SETTINGS("lfsmultipart.connections\n4\0"
			 "lfsmultipart.partsize\n16m\0"
			 "lfsmultipart.retries\n0\0"
			 "lfsmultipart.maxretrydelay\n5\0"
			 "lfsmultipart.stalltimeout\n86400\0"
			 "lfsmultipart.offlinetimeout\n604800\0"
			 "lfsmultipart.pruneafter\n0\0"
			 "lfsmultipart.verify\nno\0"
			 "lfs.transfer.maxretries\n3\0"
			 "lfs.transfer.maxretrydelay\n3\0"
			 "lfs.activitytimeout\n3",
			 NULL);

	(void)state;
	assert_int_equal(settings.connections, 4);
	assert_int_equal(settings.part_size, 16 << 20);
	assert_int_equal(settings.retries, 0);
	assert_int_equal(settings.max_retry_delay_ms, 5000);
	assert_int_equal(settings.stall_ms, 86400000);
	assert_int_equal(settings.offline_ms, 604800000);
	assert_int_equal(settings.prune_days, 0);
	assert_false(settings.verify);
}

static void by_url(void **state)
{
	static const char text[] = "lfsmultipart.https://h.connections\n4\0"
				   "lfsmultipart.connections\n8\0"
				   "lfsmultipart.https://h/a.verify\nfalse\0"
				   "lfsmultipart.https://h/a.partsize\nAuto\0"
				   "lfsmultipart.partsize\n5g\0"
				   "lfs.https://h.activitytimeout\n7\0"
				   "lfs.activitytimeout\n9";
	struct settings settings = SETTINGS(text, "https://h/a/b");

	(void)state;
	assert_int_equal(settings.connections, 4);
	assert_int_equal(settings.part_size, 0);
	assert_int_equal(settings.stall_ms, 7000);
	assert_false(settings.verify);
	settings = SETTINGS(text, "https://i/");
	assert_int_equal(settings.connections, 8);
	assert_int_equal(settings.part_size, 5ll << 30);
	assert_int_equal(settings.stall_ms, 9000);
	assert_true(settings.verify);
}

#define DEPENDS(text) depends_on_url(text, sizeof(text) - 1)

static bool depends_on_url(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(text, len, &err);
	bool depends = settings_depend_on_url(config);

	gitconfig_free(config);
	return depends;
}

static void whether_a_url_matters(void **state)
{
	(void)state;
	assert_false(DEPENDS(""));
	assert_false(DEPENDS("lfsmultipart.verify\nno\0"
			     "lfs.activitytimeout\n9\0"
			     "lfs.https://h.access\nbasic\0"
			     "http.https://h.connections\n4"));
	assert_true(DEPENDS("lfsmultipart.https://h.verify\nno"));
	assert_true(DEPENDS("lfs.https://h.activitytimeout\n7"));
}

static void from_git_lfs(void **state)
{
	struct settings settings = SETTINGS("lfs.transfer.maxretries\n3\0"
					    "lfs.transfer.maxretrydelay\n4\0"
					    "lfs.transfer.maxretrytime\n8\0"
					    "lfs.transfer.maxverifies\n9\0"
					    "lfs.activitytimeout\n5\0"
					    "lfs.dialtimeout\n6\0"
					    "lfs.tlstimeout\n7",
					    NULL);

	(void)state;
	assert_int_equal(settings.retries, 3);
	assert_int_equal(settings.max_retry_delay_ms, 4000);
	assert_int_equal(settings.max_retry_time_ms, 8000);
	assert_int_equal(settings.max_verifies, 9);
	assert_int_equal(settings.stall_ms, 5000);
	assert_int_equal(settings.connect_ms, 13000);
	settings = SETTINGS("lfs.transfer.maxretries\n1\0"
			    "lfs.transfer.maxretrydelay\n0\0"
			    "lfs.activitytimeout\n1\0"
			    "lfs.dialtimeout\n1\0"
			    "lfs.tlstimeout\n1",
			    NULL);
	assert_int_equal(settings.retries, 1);
	assert_int_equal(settings.max_retry_delay_ms, 0);
	assert_int_equal(settings.stall_ms, 1000);
	assert_int_equal(settings.connect_ms, 2000);
}

/* git-lfs does not complain of these, so neither do we. */
static void odd_values_of_git_lfs(void **state)
{
	struct settings settings = SETTINGS("lfs.transfer.maxretries\n0\0"
					    "lfs.transfer.maxretrydelay\n-1\0"
					    "lfs.transfer.maxretrytime\n0\0"
					    "lfs.transfer.maxverifies\n2\0"
					    "lfs.activitytimeout\n0\0"
					    "lfs.dialtimeout\nx\0"
					    "lfs.tlstimeout\n99999999999",
					    NULL);

	(void)state;
	assert_int_equal(settings.retries, 8);
	assert_int_equal(settings.max_retry_delay_ms, 30000);
	assert_int_equal(settings.stall_ms, 86400000);
	assert_int_equal(settings.connect_ms, (30 + 86400) * 1000);
	settings = SETTINGS("lfs.transfer.maxretries\n99999999999\0"
			    "lfs.transfer.maxretrytime\n99999999999\0"
			    "lfs.transfer.maxverifies\n99999999999\0"
			    "lfs.activitytimeout\nnever",
			    NULL);
	assert_int_equal(settings.retries, 1000);
	assert_int_equal(settings.max_retry_time_ms, 86400000);
	assert_int_equal(settings.max_verifies, 100);
	assert_int_equal(settings.stall_ms, 30000);
}

static void bad_values(void **state)
{
	static const struct {
		const char *key, *value, *allowed;
	} cases[] = {
		{ "lfsmultipart.connections", "0", "a number from 1 to 256" },
		{ "lfsmultipart.connections", "257", "a number from 1 to 256" },
		{ "lfsmultipart.connections", "x", "a number from 1 to 256" },
		{ "lfsmultipart.connections", "", "a number from 1 to 256" },
		{ "lfsmultipart.partsize", "1",
		  "auto or a size from 64k to 5g" },
		{ "lfsmultipart.https://h.partsize", "6g",
		  "auto or a size from 64k to 5g" },
		{ "lfsmultipart.retries", "-1", "a number from 0 to 1000" },
		{ "lfsmultipart.maxretrydelay", "1h",
		  "seconds from 0 to 3600" },
		{ "lfsmultipart.stalltimeout", "0", "seconds from 1 to 86400" },
		{ "lfsmultipart.offlinetimeout", "-5",
		  "seconds from 0 to 604800" },
		{ "lfsmultipart.verify", "maybe", "true or false" },
		{ "lfsmultipart.fsync", "maybe", "true or false" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct settings settings;
		char text[200], msg[200];

		snprintf(text, sizeof(text), "%s\n%s", cases[i].key,
			 cases[i].value);
		snprintf(msg, sizeof(msg),
			 "%s is '%s' in the git config; it must be %s",
			 cases[i].key, cases[i].value, cases[i].allowed);
		assert_int_equal(load(&settings, text, strlen(text),
				      "https://h/", &err),
				 -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_string_equal(err.msg, msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(ours),
		cmocka_unit_test(by_url),
		cmocka_unit_test(whether_a_url_matters),
		cmocka_unit_test(from_git_lfs),
		cmocka_unit_test(odd_values_of_git_lfs),
		cmocka_unit_test(bad_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
