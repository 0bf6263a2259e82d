/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/promisor.h"
#include "test/unit/unit.h"

#define A "remote.a.promisor\ntrue\0"
#define FILTER(name, filter) \
	"remote." name ".partialclonefilter\n" filter "\0"
#define CASE(text) text, sizeof(text) - 1

static const struct {
	const char *config;
	size_t len;
	const char *remotes;	/* with a blank behind each */
} cases[] = {
	{ CASE("core.bare\nfalse\0"), "" },
	{ CASE(FILTER("a", "blob:none")), "a " },
	{ CASE(A FILTER("a", "blob:none")), "a " },
	{ CASE(A), "a " },
	{ CASE(FILTER("a", "blob:limit=3k") FILTER("b", "tree:0")), "a b " },
	/* Each once, and only those that are. */
	{ CASE("extensions.partialclone\na\0" FILTER("a", "blob:limit=9k")),
	  "a " },
	{ CASE("extensions.partialclone\na b\0"), "a b " },
	{ CASE("remote.up/stream.promisor\ntrue\0" FILTER("up/stream",
							  "blob:none")),
	  "up/stream " },
	{ CASE("remote.a.promisor\nfalse\0"), "" },
	{ CASE("remote.promisor\ntrue\0"), "" },
};

static void promisors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct gitconfig *config = gitconfig_parse(cases[i].config,
							   cases[i].len, &err);
		struct promisors found;
		char remotes[100] = "";
		size_t len;

		assert_non_null(config);
		promisors_find(&found, config);
		for (size_t k = 0; k < found.n; k++) {
			len = strlen(remotes);
			snprintf(remotes + len, sizeof(remotes) - len, "%s ",
				 found.remotes[k]);
		}
		if (strcmp(remotes, cases[i].remotes))
			fail_msg("case %zu: %s", i, remotes);
		promisors_release(&found);
		assert_int_equal(found.n, 0);
		gitconfig_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promisors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
