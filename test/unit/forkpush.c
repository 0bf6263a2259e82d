/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/forkpush.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char dir[] = "/tmp/lfsmp-forkpush.XXXXXX";

static int make_repository(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return system("git init -q -b main . && git -c user.name=A "
		      "-c user.email=a@b commit -q --allow-empty -m one && "
		      "git tag v1 && git tag both && git branch both && "
		      "git update-ref refs/heads/-q HEAD && "
		      "git update-ref refs/remotes/upstream/a/b HEAD && "
		      "git update-ref refs/notes/n HEAD") ?
		       -1 :
		       0;
}

static int remove_repository(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || system(command);
}

static void refspecs(void **state)
{
	static const struct {
		const char *ref, *spec;
	} cases[] = {
		{ "main", "refs/heads/main:refs/heads/main" },
		{ "HEAD", "refs/heads/main:refs/heads/main" },
		{ "v1", "refs/tags/v1:refs/tags/v1" },
		{ "upstream/a/b", "refs/remotes/upstream/a/b:refs/heads/a/b" },
		{ "refs/heads/both", "refs/heads/both:refs/heads/both" },
		{ "-q", "refs/heads/-q:refs/heads/-q" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct forkpush push = { .refs = &cases[i].ref, .nrefs = 1 };
		struct err err = ERR_INIT;

		if (forkpush_find(&push, &err))
			fail_msg("%s: %s", cases[i].ref, err.msg);
		assert_string_equal(push.refspecs[0], cases[i].spec);
		assert_null(push.refspecs[1]);
		forkpush_release(&push);
		assert_null(push.refspecs);
	}
}

static void all(void **state)
{
	struct forkpush push = { .all = true };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(forkpush_find(&push, &err), 0);
	assert_string_equal(push.refspecs[0], "refs/heads/*:refs/heads/*");
	assert_string_equal(push.refspecs[1], "refs/tags/*:refs/tags/*");
	assert_null(push.refspecs[2]);
	forkpush_release(&push);
}

static void refused(void **state)
{
	static const char *const refs[] = { "nobody",	    "HEAD^0", "HEAD~1",
					    "refs/notes/n", "--all",  "" };

	(void)state;
	for (size_t i = 0; i < COUNT(refs); i++) {
		const char *const both[] = { "main", refs[i] };
		struct forkpush push = { .refs = both, .nrefs = 2 };
		struct err err = ERR_INIT;

		if (!forkpush_find(&push, &err))
			fail_msg("%s", refs[i]);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.msg, refs[i]));
		forkpush_release(&push);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refspecs),
		cmocka_unit_test(all),
		cmocka_unit_test(refused),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repository,
				      remove_repository);
}
