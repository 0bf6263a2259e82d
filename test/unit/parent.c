/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lfs/base/parent.h"

/* What a child of ours finds. */
static struct parent ask_child(void)
{
	struct parent found = { .pid = 0 };
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		parent_find(&found);
		_exit(write(pipes[1], &found, sizeof(found)) < 0);
	}
	assert_int_equal(read(pipes[0], &found, sizeof(found)), sizeof(found));
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return found;
}

static void same_for_all_children(void **state)
{
	struct parent first = ask_child(), second = ask_child(), other;

	(void)state;
	parent_find(&other);
	assert_int_equal(first.pid, getpid());
	assert_true(first.began > 0);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_not_equal(other.pid, first.pid);
}

/* In /proc the name is in front of the time, as it is. */
static void odd_names(void **state)
{
	static const char *const names[] = { "a b", ") R 1 2", "(((", "))" };
	struct parent plain = ask_child();

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct parent found;

		assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
		found = ask_child();
		assert_int_equal(found.began, plain.began);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_for_all_children),
		cmocka_unit_test(odd_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
