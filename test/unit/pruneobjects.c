/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/pruneobjects.h"
#include "test/unit/unit.h"

#define A "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define B "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define PAD "        \r"

static void known_forms(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "", 0 },
		{ "0 local objects, 2 retained, done.\n", 0 },
		/* git-lfs 3.3.0, into a pipe */
		{ "prune: 1 local object, 0 retained" PAD
		  "prune: 2 local objects, 0 retained, done.\n"
		  "prune: 2 files would be pruned (3.7 KB)" PAD "\n"
		  " * " B " (200 B)" PAD "\n * " A " (99 B)" PAD "\n"
		  " * " A " (99 B), done.\n",
		  2 },
		/* 3.8.1 */
		{ "1 local object, 0 retained, done.\n"
		  "1 file would be pruned (99 B)" PAD "\n"
		  " * " A " (99 B)" PAD "\n * " A " (99 B), done.\n",
		  1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pruneobjects_list list;
		struct err err = ERR_INIT;

		if (pruneobjects_parse(&list, cases[i].text, &err) ||
		    list.n != cases[i].n || list.nunread)
			fail_msg("case %zu: %zu", i, list.n);
		if (list.n)
			assert_string_equal(list.oids[0], A);
		if (list.n == 2)
			assert_string_equal(list.oids[1], B);
		pruneobjects_release(&list);
	}
}

/* What is not understood is counted; what does not add up is refused. */
static void odd_forms(void **state)
{
	static const struct {
		const char *text;
		int ret;
		size_t n, nunread;
	} cases[] = {
		{ "2 files would be pruned (1 B)\n * " A " (9 B)\n * x (9 B)\n",
		  0, 1, 1 },
		{ "1 file would be pruned (1 B)\n * " A "0 (9 B)\n", 0, 0, 1 },
		{ "1 file would be pruned (1 B)\n * " A " 9 B\n", 0, 0, 1 },
		{ "1 file would be pruned (1 B)\n * " A " (9 B\n", 0, 0, 1 },
		{ "1 file would be pruned (1 B)\n * ../../" A " (9 B)\n", 0, 0,
		  1 },
		{ "2 files would be pruned (1 B)\n * " A " (9 B)\n", -1, 1, 0 },
		{ "1 file would be pruned (1 B)\n * " A " (9 B)\n * " B
		  " (9 B)\n",
		  -1, 2, 0 },
		{ " * " A " (9 B)\n", -1, 1, 0 },
		{ "-1 files would be pruned (1 B)\n", 0, 0, 0 },
		{ "5 files would be pruned (1 B)\n", -1, 0, 0 },
		{ "5 Dateien w\xc3\xbcrden gel\xc3\xb6scht\n * " A " (9 B)\n",
		  -1, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pruneobjects_list list;
		struct err err = ERR_INIT;

		if (pruneobjects_parse(&list, cases[i].text, &err) !=
			    cases[i].ret ||
		    list.n != cases[i].n || list.nunread != cases[i].nunread)
			fail_msg("case %zu: %zu, %zu", i, list.n, list.nunread);
		pruneobjects_release(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_forms),
		cmocka_unit_test(odd_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
