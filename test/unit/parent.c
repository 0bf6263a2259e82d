/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "test/unit/unit.h"

static void find(int fd)
{
	struct parent found = { .pid = 0 };

	parent_find(&found);
	_exit(write(fd, &found, sizeof(found)) < 0);
}

/* The same by way of a shell of its own. */
static void find_behind(const char *shell, int fd)
{
	pid_t pid;

	prctl(PR_SET_NAME, shell);
	pid = fork();
	if (!pid)
		find(fd);
	_exit(waitpid(pid, NULL, 0) != pid);
}

/* What a child of ours finds. */
static struct parent ask_child(const char *shell)
{
	struct parent found = { .pid = 0 };
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid && shell)
		find_behind(shell, pipes[1]);
	if (!pid)
		find(pipes[1]);
	assert_int_equal(read(pipes[0], &found, sizeof(found)), sizeof(found));
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return found;
}

static void same_for_all_children(void **state)
{
	struct parent first = ask_child(NULL), second = ask_child(NULL), other;

	(void)state;
	parent_find(&other);
	assert_int_equal(first.pid, getpid());
	assert_true(first.began > 0);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_not_equal(other.pid, first.pid);
}

static void behind_a_shell(void **state)
{
	struct parent plain = ask_child(NULL), found = ask_child("sh");

	(void)state;
	assert_memory_equal(&found, &plain, sizeof(found));
	found = ask_child("another");
	assert_int_not_equal(found.pid, plain.pid);
}

/* In /proc the name is in front of the time, as it is. */
static void odd_names(void **state)
{
	static const char *const names[] = { "a b", ") R 1 2", "(((", "))" };
	struct parent plain = ask_child(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct parent found;

		assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
		found = ask_child(NULL);
		assert_int_equal(found.began, plain.began);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_for_all_children),
		cmocka_unit_test(behind_a_shell),
		cmocka_unit_test(odd_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
