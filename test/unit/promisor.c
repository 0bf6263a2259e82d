/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lfs/remote/promisor.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define A "remote.a.promisor\ntrue\0"
#define FILTER(name, filter) \
	"remote." name ".partialclonefilter\n" filter "\0"
#define CASE(text) text, sizeof(text) - 1

static const struct {
	const char *config;
	size_t len;
	const char *remotes;	/* with a blank behind each */
	bool lacks_trees;
	uint64_t least;
} cases[] = {
	{ CASE("core.bare\nfalse\0"), "", false, 0 },
	{ CASE(FILTER("a", "blob:none")), "a ", false, 0 },
	{ CASE(A FILTER("a", "blob:none")), "a ", false, 0 },
	{ CASE(A FILTER("a", "blob:limit=1023")), "a ", false, 1023 },
	{ CASE(A FILTER("a", "blob:limit=1k")), "a ", false, 1024 },
	{ CASE(A FILTER("a", "blob:limit=1M")), "a ", false, 1 << 20 },
	{ CASE(A FILTER("a", "blob:limit=0")), "a ", false, 0 },
	{ CASE(A FILTER("a", "blob:limit=-1")), "a ", false, 0 },
	{ CASE(A FILTER("a", "blob:limit=much")), "a ", false, 0 },
	{ CASE(A FILTER("a", "sparse:oid=main:x")), "a ", false, 0 },
	/* What is no filter of blobs may leave out anything. */
	{ CASE(A), "a ", true, 0 },
	{ CASE(A FILTER("a", "tree:0")), "a ", true, 0 },
	{ CASE(A FILTER("a", "combine:blob:limit=1k+tree:3")), "a ", true, 0 },
	{ CASE(A FILTER("a", "object:type=commit")), "a ", true, 0 },
	/* Of several, the one that promises the smallest. */
	{ CASE(FILTER("a", "blob:limit=3k") FILTER("b", "blob:limit=2k")),
	  "a b ", false, 2048 },
	{ CASE(FILTER("a", "blob:limit=2k") FILTER("b", "blob:limit=3k")),
	  "a b ", false, 2048 },
	{ CASE(FILTER("a", "blob:limit=2k") FILTER("b", "blob:none")), "a b ",
	  false, 0 },
	{ CASE(FILTER("a", "blob:limit=2k") FILTER("b", "tree:0")), "a b ",
	  true, 0 },
	/* Each once, and only those that are. */
	{ CASE("extensions.partialclone\na\0" FILTER("a", "blob:limit=9k")),
	  "a ", false, 9216 },
	{ CASE("extensions.partialclone\na b\0"), "a b ", true, 0 },
	{ CASE("remote.up/stream.promisor\ntrue\0" FILTER("up/stream",
							  "blob:none")),
	  "up/stream ", false, 0 },
	{ CASE("remote.a.promisor\nfalse\0"), "", false, 0 },
	{ CASE("remote.promisor\ntrue\0"), "", false, 0 },
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
		if (strcmp(remotes, cases[i].remotes) ||
		    found.lacks_trees != cases[i].lacks_trees ||
		    found.least != cases[i].least)
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
