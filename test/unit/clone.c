/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/clone.h"
#include "test/unit/unit.h"

/* What git 2.39 to 2.55 make of them, but where they would clean up a name. */
static void names(void **state)
{
	static const struct {
		const char *url;
		const char *dir;
	} cases[] = {
		{ "https://host/me/model", "model" },
		{ "https://host/me/model.git", "model" },
		{ "https://host/me/model/", "model" },
		{ "https://host/me/model.git///", "model" },
		{ "https://host/me/model/.git", "model" },
		{ "https://host/me/model/.git/", "model" },
		{ "https://host/me/model.git \n", "model" },
		{ "https://user:pass@host:8080/model", "model" },
		{ "ssh://git@host:22/~/model", "model" },
		{ "git@host:me/model.git", "model" },
		{ "git@host:model.git", "model" },
		{ "host:.git", NULL },
		{ "../model.git", "model" },
		{ "/srv/git/model.git", "model" },
		{ "file:///srv/git/a model", "a model" },
		{ "model", "model" },
		{ "model.git.git", "model.git" },
		{ "https://host", NULL },
		{ "https://host/", NULL },
		{ "https://host:80", NULL },
		{ "https://host/me/\001", NULL },
		{ "https://host/me/\033[31mred", NULL },
		{ "https://", NULL },
		{ "..", NULL },
		{ "../..", NULL },
		{ ".", NULL },
		{ "/", NULL },
		{ "/.git", NULL },
		{ "", NULL },
		{ ":", NULL },
		{ "://", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *dir = clone_dir_of(cases[i].url, false);

		if (!cases[i].dir != !dir ||
		    (dir && strcmp(dir, cases[i].dir) != 0))
			fail_msg("'%s' is '%s'", cases[i].url,
				 dir ? dir : "(none)");
		free(dir);
	}
}

static void bare_names(void **state)
{
	char *dir = clone_dir_of("https://host/me/model.git", true);

	(void)state;
	assert_string_equal(dir, "model.git");
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(bare_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
