/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/repo.h"
#include "test/unit/unit.h"

#define OID "743b1b21bb5703834932e56f46f4f0a654097fd3"

/* As git writes them, then as it does not; test/t-standalone.sh has a file. */
static void first_lines(void **state)
{
	static const char *const cases[][2] = {
		{ OID "\t\tbranch 'main' of https://h/a/b\n", "https://h/a/b" },
		{ OID "\t\thttps://h/a\n", "https://h/a" },
		{ OID "\tnot-for-merge\ttag 'v1' of h:a/b\n", "h:a/b" },
		{ OID "\t\tbranch 'a' of /x/b' of c\nmore\t\tlines\n",
		  "/x/b' of c" },
		{ OID "\t\t'x' of y' of z\n", "y' of z" },
		{ "", NULL },
		{ "\n", NULL },
		{ OID "\n", NULL },
		{ OID "\t\n", NULL },
		{ OID "\t\t\n", NULL },
		{ OID "\t\tbranch 'a' of \n", NULL },
		{ OID "\t\thttps://h/a\tb\n", NULL },
		{ OID "\t\thttps://cut.off/he", NULL },
		{ "\n\t\thttps://h/a\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *url = fetchhead_parse(cases[i][0], strlen(cases[i][0]));

		if (cases[i][1])
			assert_string_equal(url, cases[i][1]);
		else
			assert_null(url);
		free(url);
	}
}

static void zero_bytes(void **state)
{
	static const char text[] = "\0\t\thttps://h/a\n";
	static const char inside[] = "a\t\thttps://h/a\0b\n";
	char *url = fetchhead_parse(inside, sizeof(inside) - 1);

	(void)state;
	assert_null(fetchhead_parse(text, sizeof(text) - 1));
	assert_string_equal(url, "https://h/a");
	free(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_lines),
		cmocka_unit_test(zero_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
