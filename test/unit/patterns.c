/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/git/patterns.h"
#include "test/unit/unit.h"

static char dir[] = "/tmp/lfsmp-patterns.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || system(command);
}

/* The files that git finds for the pathspecs, a line each. */
static void ls_files(struct buf *output, const char *include,
		     const char *exclude)
{
	const char *argv[30] = { "git", "ls-files", "--" };
	char **specs = patterns_to_pathspecs(include, exclude);
	const struct child child = { .argv = argv };
	struct err err = ERR_INIT;

	for (size_t i = 0; specs[i]; i++)
		argv[3 + i] = specs[i];
	assert_int_equal(child_run(&child, output, NULL, &err), 0);
	patterns_free(specs);
}

/* The right answers are those of `git lfs ls-files -I ... -X ...`. */
static void known(void **state)
{
#define X(name) name "\n"
	static const struct {
		const char *include, *exclude, *files;
	} cases[] = {
		{ "*.bin", NULL,
		  X("B/dir/z.bin") X("a,b.bin") X("dir/x.bin")
			  X("dir/y z.bin") },
		{ "dir", NULL,
		  X("B/dir/z.bin") X("dir/x.bin") X("dir/y z.bin") },
		{ "dir/", NULL,
		  X("B/dir/z.bin") X("dir/x.bin") X("dir/y z.bin") },
		{ "/dir", NULL, X("dir/x.bin") X("dir/y z.bin") },
		{ "/dir/", NULL, X("dir/x.bin") X("dir/y z.bin") },
		{ "dir/x*.bin", NULL, X("dir/x.bin") },
		{ "B/*.bin", NULL, "" },
		{ "B/**/*.bin", NULL, X("B/dir/z.bin") },
		{ " a, /dir/y z.bin ,", NULL, X("dir/y z.bin") },
		{ "a?b.bin", NULL, X("a,b.bin") },
		{ "\\[1\\].txt", NULL, X("[1].txt") },
		{ "!dir", NULL, "" },
		{ "./dir", NULL, "" },
		{ "dir//x.bin", NULL, X("dir/x.bin") },
		{ "//dir", NULL, X("dir/x.bin") X("dir/y z.bin") },
		{ "/", NULL, "" },
		{ " , ,", NULL, "" },
		{ ":(icase)*.BIN", NULL, "" },
		{ "*.bin", "dir/", X("a,b.bin") },
		{ "*.bin", "/dir,nothing", X("B/dir/z.bin") X("a,b.bin") },
		{ NULL, "*.bin", X("[1].txt") },
		{ NULL, "dir/y z.bin,*.txt",
		  X("B/dir/z.bin") X("a,b.bin") X("dir/x.bin") },
	};
#undef X

	(void)state;
	assert_int_equal(system("git init -q . && "
				"mkdir -p dir B/dir && "
				"touch dir/x.bin 'dir/y z.bin' B/dir/z.bin "
				"a,b.bin '[1].txt' && git add ."),
			 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf files = BUF_INIT(1000);

		ls_files(&files, cases[i].include, cases[i].exclude);
		if (strcmp(buf_str(&files), cases[i].files))
			fail_msg("case %zu: %s", i, buf_str(&files));
		buf_release(&files);
	}
}

static void none_at_all(void **state)
{
	static const char *const all[] = { NULL, "", " " };
	static const char *const none[] = {
		NULL, "", " ", " , ,", "/", "//,/"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		for (size_t j = 0; j < COUNT(none); j++) {
			char **specs = patterns_to_pathspecs(all[i], none[j]);

			assert_null(specs[0]);
			patterns_free(specs);
		}
	patterns_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(none_at_all),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
