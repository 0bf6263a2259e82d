/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "test/unit/unit.h"

/* Run a shell script; the other members of `child` are kept. */
static int run_sh(struct child child, const char *script, struct buf *output,
		  int *status, struct err *err)
{
	const char *argv[] = { "sh", "-c", script, NULL };

	child.argv = argv;
	return child_run(&child, output, status, err);
}

static void assert_no_child_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void output_and_status(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(100);
	struct err err = ERR_INIT;
	int status = -1;

	(void)state;
	assert_int_equal(run_sh(child, "printf 'a\\nb'; exit 3", &output,
				&status, &err),
			 0);
	assert_int_equal(status, 3);
	assert_string_equal(buf_str(&output), "a\nb");
	assert_int_equal(run_sh(child, "exit 4", &output, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_string_equal(err.msg, "'sh' failed with exit status 4");
	assert_no_child_left();
	buf_release(&output);
}

static void a_line(void **state)
{
	static const struct {
		const char *script, *line;
		int status;
	} rows[] = {
		{ "printf 'a b\\nc\\n'", "a b", 0 },
		{ "printf a", "a", 0 },
		{ ":", "", 0 },
		{ "echo a; exit 3", NULL, 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const argv[] = { "sh", "-c", rows[i].script, NULL };
		const struct child child = { .argv = argv };
		struct err err = ERR_INIT;
		int status;
		char *line = child_line(&child, &status, &err);

		assert_int_equal(err.kind, ERR_NONE);
		assert_int_equal(status, rows[i].status);
		if (rows[i].line)
			assert_string_equal(line, rows[i].line);
		else
			assert_null(line);
		free(line);
		line = child_line(&child, NULL, &err);
		assert_int_equal(line == NULL, rows[i].line == NULL);
		assert_int_equal(err.kind, line ? ERR_NONE : ERR_LOCAL);
		free(line);
	}
}

static void no_descriptor_is_inherited(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(100);
	struct err err = ERR_INIT;
	int fd = open("/dev/null", O_RDONLY);
	char script[64];

	(void)state;
	assert_true(fd > STDERR_FILENO);
	snprintf(script, sizeof(script), "test ! -e /dev/fd/%d", fd);
	assert_int_equal(run_sh(child, script, &output, NULL, &err), 0);
	close(fd);
	buf_release(&output);
}

static void input_larger_than_a_pipe(void **state)
{
	enum { SIZE = 300000 };
	char *text = malloc(SIZE + 1);
	struct child child = { .input = text };
	struct buf output = BUF_INIT(SIZE);
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', SIZE);
	text[SIZE] = '\0';
	assert_int_equal(run_sh(child, "cat", &output, NULL, &err), 0);
	assert_int_equal(output.len, SIZE);
	assert_memory_equal(output.data, text, SIZE);
	/* A child that does not read all of its input is not at fault. */
	buf_reset(&output);
	assert_int_equal(run_sh(child, "echo ok", &output, NULL, &err), 0);
	assert_string_equal(buf_str(&output), "ok\n");
	buf_release(&output);
	free(text);
}

static void no_input_is_an_empty_one(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(100);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_sh(child, "cat; echo end", &output, NULL, &err),
			 0);
	assert_string_equal(buf_str(&output), "end\n");
	buf_release(&output);
}

static void too_much_output(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(1000);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_sh(child, "yes", &output, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_string_equal(err.msg, "'sh' printed more than 1000 bytes");
	assert_no_child_left();
	buf_release(&output);
}

/* However much it is, and only that of the last run. */
static void end_of_stderr(void **state)
{
	struct child_said said;
	struct child child = { .said = &said };
	struct buf output = BUF_INIT(100);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_sh(child, "seq 100000 >&2; echo out; echo end >&2",
				&output, NULL, &err),
			 0);
	assert_string_equal(buf_str(&output), "out\n");
	assert_int_equal(said.len, CHILD_SAID_MAX);
	assert_memory_equal(said.text + said.len - 11, "100000\nend\n", 11);
	assert_int_equal(run_sh(child, "echo a >&2; exec >&-; echo b >&2",
				&output, NULL, &err),
			 0);
	assert_int_equal(said.len, 4);
	assert_memory_equal(said.text, "a\nb\n", 4);
	assert_int_equal(run_sh(child, ":", &output, NULL, &err), 0);
	assert_int_equal(said.len, 0);
	buf_release(&output);
}

static void not_found(void **state)
{
	const char *argv[] = { "no-such-program-anywhere", NULL };
	struct child child = { .argv = argv };
	struct buf output = BUF_INIT(10);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(child_run(&child, &output, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, "'no-such-program-anywhere'"));
	assert_no_child_left();
}

/* Run the program `planted` with this PATH; what it prints, or the error. */
static void run_planted(const char *path, struct buf *output, struct err *err)
{
	static const char *const argv[] = { "planted", NULL };
	const struct child child = { .argv = argv };

	if (path)
		setenv("PATH", path, 1);
	else
		unsetenv("PATH");
	buf_reset(output);
	err_clear(err);
	child_run(&child, output, NULL, err);
}

/* A work tree has a program of a name that we look for. */
static void never_from_the_current_folder(void **state)
{
	static const char *const unsafe[] = { "",    ":",      ".",
					      "sub", "./sub:", "::sub:." };
	char *old = strdup(getenv("PATH")), dir[] = "/tmp/lfsmp-child.XXXXXX";
	char path[200], command[300];
	struct buf output = BUF_INIT(200);
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(system("mkdir -p sub good folder/planted &&"
				"printf '#!/bin/sh\necho $PATH\n' >planted &&"
				"chmod +x planted && cp planted sub &&"
				"cp planted good"),
			 0);
	for (size_t i = 0; i < COUNT(unsafe); i++) {
		run_planted(unsafe[i], &output, &err);
		assert_string_equal(err.msg,
				    "cannot run 'planted': PATH names no "
				    "absolute folder");
		snprintf(path, sizeof(path), "%s:/nowhere", unsafe[i]);
		run_planted(path, &output, &err);
		assert_int_equal(err.code, ENOENT);
		/* The child gets what is left of PATH. */
		snprintf(path, sizeof(path), "%s:%s/good:%s:/bin", unsafe[i],
			 dir, unsafe[i]);
		run_planted(path, &output, &err);
		assert_int_equal(err.kind, ERR_NONE);
		snprintf(path, sizeof(path), "%s/good:/bin\n", dir);
		assert_string_equal(buf_str(&output), path);
	}
	/* A folder of that name is no program. */
	snprintf(path, sizeof(path), "%s/folder:%s/good", dir, dir);
	run_planted(path, &output, &err);
	assert_int_equal(err.kind, ERR_NONE);
	run_planted(NULL, &output, &err);
	assert_int_equal(err.code, ENOENT);
	setenv("PATH", old, 1);
	snprintf(command, sizeof(command), "cd / && rm -rf %s", dir);
	assert_int_equal(chdir("/") || system(command), 0);
	buf_release(&output);
	free(old);
}

static void killed(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(10);
	struct err err = ERR_INIT;
	int status;

	(void)state;
	assert_int_equal(run_sh(child, "kill -9 $$", &output, &status, &err),
			 -1);
	assert_string_equal(err.msg, "'sh' was killed by signal 9");
}

/* Even a child that does not heed SIGTERM, or that never pauses. */
static void timeout(void **state)
{
	static const char *const scripts[] = {
		"trap '' TERM; sleep 20 & wait; sleep 20",
		"while :; do echo; sleep 0.01; done",
		"exec >&-; sleep 20",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct child child = { .timeout_ms = 300 };
		struct buf output = BUF_INIT(1 << 20);
		struct err err = ERR_INIT;
		uint64_t start = clock_ms();

		assert_int_equal(run_sh(child, scripts[i], &output, NULL, &err),
				 -1);
		assert_in_range(clock_ms() - start, 300, 3000);
		assert_int_equal(err.kind, ERR_LOCAL);
		assert_non_null(strstr(err.msg, "did not finish"));
		assert_no_child_left();
		buf_release(&output);
	}
}

static bool is_true(void *ctx)
{
	return *(bool *)ctx;
}

static bool is_at_end(void *ctx)
{
	char c;

	return read(*(int *)ctx, &c, 1) == 0;
}

static void stopped_by_the_tick(void **state)
{
	bool flag = true;
	struct child child = { .stop = stop_when(is_true, &flag) };
	struct buf output = BUF_INIT(10);
	struct err err = ERR_INIT;
	uint64_t start = clock_ms();

	(void)state;
	assert_int_equal(run_sh(child, "sleep 20", &output, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_in_range(clock_ms() - start, 0, 10000);
	assert_no_child_left();
}

/* A byte that does not stop it, then the end of the watched pipe. */
static void stopped_by_the_descriptor(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(10);
	struct err err = ERR_INIT;
	uint64_t start = clock_ms();
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	close(fds[1]);
	child.stop = (struct stop){ is_at_end, &fds[0], fds[0] };
	assert_int_equal(run_sh(child, "sleep 20", &output, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_in_range(clock_ms() - start, 0, 10000);
	assert_no_child_left();
	close(fds[0]);
}

/* A daemon that a helper leaves behind must not hold us up. */
static void grandchild_keeps_stdout(void **state)
{
	struct child child = { 0 };
	struct buf output = BUF_INIT(100);
	struct err err = ERR_INIT;
	uint64_t start = clock_ms();

	(void)state;
	assert_int_equal(run_sh(child, "sleep 3 & echo done", &output, NULL,
				&err),
			 0);
	assert_string_equal(buf_str(&output), "done\n");
	assert_in_range(clock_ms() - start, 0, 2000);
	buf_release(&output);
}

static bool count_call(void *ctx)
{
	++*(int *)ctx;
	return false;
}

/* A descriptor that stays readable must not keep the processor busy. */
static void patience(void **state)
{
	int ncalls = 0, fd = open("/dev/zero", O_RDONLY);
	struct child child = { .stop = { count_call, &ncalls, fd } };
	struct buf output = BUF_INIT(10);
	struct err err = ERR_INIT;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(run_sh(child, "sleep 0.5", &output, NULL, &err), 0);
	assert_in_range(ncalls, 3, 30);
	close(fd);
}

/* No descriptor but three (and one on the directory), stderr nowhere. */
static void descriptors(void **state)
{
	struct child child = { .input = "x" };
	struct buf output = BUF_INIT(1000);
	struct err err = ERR_INIT;

	(void)state;
	/* The program that runs this test may have left some open. */
	for (int fd = 3; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	assert_int_equal(run_sh(child,
				"readlink /proc/$$/fd/2; ls /proc/self/fd",
				&output, NULL, &err),
			 0);
	assert_string_equal(buf_str(&output), "/dev/null\n0\n1\n2\n3\n");
	buf_release(&output);
}

/* No signal blocked, SIGPIPE not ignored; a shell would hide the first. */
static void signals(void **state)
{
	const char *argv[] = { "sed", "-n",
			       "/SigBlk/p; s/SigIgn.*\\(.\\)...$/\\1/p",
			       "/proc/self/status", NULL };
	struct child child = { .argv = argv };
	struct buf output = BUF_INIT(1000);
	struct err err = ERR_INIT;
	sigset_t mask, old;

	(void)state;
	sigfillset(&mask);
	sigprocmask(SIG_BLOCK, &mask, &old);
	assert_int_equal(child_run(&child, &output, NULL, &err), 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(buf_str(&output), "SigBlk:\t0000000000000000\n0\n");
	buf_release(&output);
}

/* A file with this text, at its beginning. */
static int file_of(const char *text)
{
	struct err err = ERR_INIT;
	int fd = file_open_unlinked("/tmp", &err);

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, text, strlen(text), 0, &err), 0);
	return fd;
}

static int run_files(struct child child, const char *script, int in, int out,
		     struct err *err)
{
	const char *argv[] = { "sh", "-c", script, NULL };

	child.argv = argv;
	return child_run_files(&child, in, out, err);
}

static void from_file_to_file(void **state)
{
	struct child child = { .input = "not this" };
	int in = file_of("a\nb\n"), out = file_of("");
	struct err err = ERR_INIT;
	char text[100] = "";

	(void)state;
	assert_int_equal(run_files(child, "tr a-z A-Z", in, out, &err), 0);
	/* The next child continues where the last one stopped writing. */
	assert_int_equal(run_files(child, "cat; echo end", -1, out, &err), 0);
	assert_int_equal(pread(out, text, sizeof(text), 0), 8);
	assert_string_equal(text, "A\nB\nend\n");
	assert_int_equal(run_files(child, "exit 4", in, out, &err), -1);
	assert_string_equal(err.msg, "'sh' failed with exit status 4");
	assert_no_child_left();
	close(in);
	close(out);
}

/* It holds the two, and none of our other descriptors. */
static void descriptors_of_files(void **state)
{
	struct child child = { 0 };
	int in = file_of(""), out = file_of("");
	struct err err = ERR_INIT;
	char text[100] = "";

	(void)state;
	for (int fd = 3; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	assert_int_equal(run_files(child,
				   "readlink /proc/$$/fd/2; ls /proc/self/fd",
				   in, out, &err),
			 0);
	assert_true(pread(out, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "/dev/null\n0\n1\n2\n3\n");
	close(in);
	close(out);
}

static void stopped_among_files(void **state)
{
	bool flag = true;
	struct child child = { .timeout_ms = 300 };
	int out = file_of("");
	struct err err = ERR_INIT;
	uint64_t start = clock_ms();

	(void)state;
	assert_int_equal(run_files(child, "exec sleep 20", -1, out, &err), -1);
	assert_in_range(clock_ms() - start, 300, 3000);
	assert_non_null(strstr(err.msg, "did not finish"));
	err_clear(&err);
	child.stop = stop_when(is_true, &flag);
	start = clock_ms();
	assert_int_equal(run_files(child, "sleep 20", -1, out, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_in_range(clock_ms() - start, 0, 10000);
	assert_no_child_left();
	close(out);
}

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

/* The program that a child of ours finds. */
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
		cmocka_unit_test(output_and_status),
		cmocka_unit_test(a_line),
		cmocka_unit_test(no_descriptor_is_inherited),
		cmocka_unit_test(input_larger_than_a_pipe),
		cmocka_unit_test(no_input_is_an_empty_one),
		cmocka_unit_test(too_much_output),
		cmocka_unit_test(end_of_stderr),
		cmocka_unit_test(not_found),
		cmocka_unit_test(never_from_the_current_folder),
		cmocka_unit_test(killed),
		cmocka_unit_test(timeout),
		cmocka_unit_test(stopped_by_the_tick),
		cmocka_unit_test(stopped_by_the_descriptor),
		cmocka_unit_test(grandchild_keeps_stdout),
		cmocka_unit_test(patience),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(signals),
		cmocka_unit_test(from_file_to_file),
		cmocka_unit_test(descriptors_of_files),
		cmocka_unit_test(stopped_among_files),
		cmocka_unit_test(same_for_all_children),
		cmocka_unit_test(behind_a_shell),
		cmocka_unit_test(odd_names),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
