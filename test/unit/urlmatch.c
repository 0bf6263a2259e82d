/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/urlmatch.h"
#include "test/unit/unit.h"

/* test/unit/gitconfig.c asks git itself; here is what git has no word on. */

static bool is_match(const char *pattern, const char *url,
		     struct urlmatch_rank *rank)
{
	struct urlmatch *u = urlmatch_new(url);
	bool ret = urlmatch_is_match(pattern, u, rank);

	urlmatch_free(u);
	return ret;
}

static void lfs_urls(void **state)
{
	static const struct {
		const char *pattern, *url;
		bool is_match;
	} cases[] = {
		{ "https://h/o/repo", "https://h/o/repo.git/info/lfs", true },
		{ "https://h/o/repo/", "https://h/o/repo.git/info/lfs", true },
		{ "https://h/o/repo",
		  "https://h/o/repo.git/info/lfs/objects/batch", true },
		{ "https://h/o/repo.git", "https://h/o/repo.git/info/lfs",
		  true },
		{ "https://h/o", "https://h/o/repo.git/info/lfs", true },
		{ "https://h/o/rep", "https://h/o/repo.git/info/lfs", false },
		{ "https://h/o/repo", "https://h/o/repo.git/info", false },
		{ "https://h/o/repo", "https://h/o/repo.git/info/lfsx", false },
		{ "https://h/o/repo", "https://h/o/repo.gitx/info/lfs", false },
		{ "https://h/o/repo", "https://h/o/repo.git", false },
		{ "https://h/o/", "https://h/o/.git/info/lfs", true },
		{ "https://h", "https://h/.git/info/lfs", true },
	};
	struct urlmatch_rank rank;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (is_match(cases[i].pattern, cases[i].url, &rank) !=
		    cases[i].is_match)
			fail_msg("'%s' and '%s'", cases[i].pattern,
				 cases[i].url);
}

static void queries_are_ignored(void **state)
{
	struct urlmatch_rank rank;

	(void)state;
	assert_true(is_match("https://h/a", "https://h/a?b=/c", &rank));
	assert_true(is_match("https://h", "https://h?b", &rank));
	assert_true(is_match("https://h/a", "https://h/a/b#c", &rank));
	assert_false(is_match("https://h/a?b", "https://h/a?b", &rank));
}

static void order(void **state)
{
	static const char url[] = "https://u@aa.bb.example/o/repo.git/info/lfs";
	/* From the worst to the best. */
	static const char *const patterns[] = {
		"https://*.*.*",
		"https://*.*.*/o",
		"https://*.*.example",
		"https://aa.*.example",
		"https://aa.bb.example",
		"https://u@aa.bb.example",
		"https://aa.bb.example/o/",
		"https://aa.bb.example/o/repo",
		"https://u@aa.bb.example/o/repo",
		"https://aa.bb.example/o/repo.git",
		"https://aa.bb.example/o/repo.git/info/lfs",
	};
	struct urlmatch_rank last = { .host = 0 }, rank;

	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++) {
		assert_true(is_match(patterns[i], url, &rank));
		assert_true(urlmatch_compare(&last, &rank) < 0);
		assert_true(urlmatch_compare(&rank, &last) > 0);
		assert_true(urlmatch_compare(&rank, &rank) == 0);
		last = rank;
	}
}

static void no_urls(void **state)
{
	static const char *const urls[] = {
		"",
		"h",
		"://h",
		"http:/h",
		"1http://h",
		"http://",
		"http://:80",
		"http://h:x",
		"http://h:0",
		"http://h:65536",
		"http://h%41",
		"http://h/%4",
		"http://h/%zz",
		"http://h/..",
		"http://u%@h",
		"http://*",
		"lfs-multipart::https://h/a",
	};
	struct urlmatch_rank rank;

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		if (urlmatch_new(urls[i]))
			fail_msg("'%s' was taken", urls[i]);
	assert_false(is_match("nonsense", "nonsense", &rank));
	assert_false(is_match("https://h", "nonsense", &rank));
	assert_true(is_match(NULL, "nonsense", &rank));
	assert_int_equal(urlmatch_compare(&rank, &(struct urlmatch_rank){ 0 }),
			 0);
	urlmatch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lfs_urls),
		cmocka_unit_test(queries_are_ignored),
		cmocka_unit_test(order),
		cmocka_unit_test(no_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
