/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/input.h"
#include "lfs/base/buf.h"
#include "lfs/base/clock.h"
#include "test/unit/unit.h"

static struct input input;	/* too large for comfort on the stack */

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/*
 * A child writes `text`, `step` bytes at a time with `pause_ms` between, to
 * the pipe that `input` reads.
 */
static pid_t feed(const char *text, size_t len, size_t step, long pause_ms)
{
	int pipes[2];
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(pipes[0]);
		for (size_t i = 0; i < len; i += step) {
			size_t n = step < len - i ? step : len - i;

			if (write(pipes[1], text + i, n) != (ssize_t)n)
				_exit(1);
			if (pause_ms)
				sleep_ms(pause_ms);
		}
		_exit(0);
	}
	close(pipes[1]);
	input_setup(&input, pipes[0]);
	return child;
}

static void reap(pid_t child)
{
	int status;

	close(input.fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The next line, without its newline, read `step` bytes at a time. */
static const char *next_line(struct buf *line, size_t step)
{
	char data[4096];
	size_t got;

	buf_reset(line);
	if (!input_begin_line(&input))
		return NULL;
	while ((got = input_read(data, step, &input))) {
		assert_true(got <= step);
		assert_int_equal(buf_add(line, data, got), 0);
	}
	assert_int_equal(input_read(data, step, &input), 0);
	return buf_str(line);
}

static void lines_however_they_come(void **state)
{
	static const char text[] = "one\n{\"two\": 2}\n\n\n\nthree\n";
	static const size_t steps[] = { 1, 2, 3, 5, 7, 100 };

	(void)state;
	for (size_t i = 0; i < 36; i++) {
		pid_t child = feed(text, sizeof(text) - 1, steps[i % 6], 0);
		struct buf line = BUF_INIT(100);
		size_t step = steps[i / 6];

		assert_string_equal(next_line(&line, step), "one");
		assert_string_equal(next_line(&line, step), "{\"two\": 2}");
		assert_string_equal(next_line(&line, step), "three");
		assert_null(next_line(&line, step));
		assert_null(next_line(&line, step));
		assert_true(input.ended);
		reap(child);
		buf_release(&line);
	}
}

static void slow_writes(void **state)
{
	static const char text[] = "slow\nx\n";
	pid_t child = feed(text, sizeof(text) - 1, 1, 5);
	struct buf line = BUF_INIT(100);

	(void)state;
	assert_string_equal(next_line(&line, 64), "slow");
	assert_string_equal(next_line(&line, 64), "x");
	assert_null(next_line(&line, 64));
	reap(child);
	buf_release(&line);
}

static void no_newline_at_the_end(void **state)
{
	pid_t child = feed("one\ntwo", 7, 2, 0);
	struct buf line = BUF_INIT(100);

	(void)state;
	assert_string_equal(next_line(&line, 64), "one");
	assert_string_equal(next_line(&line, 64), "two");
	assert_null(next_line(&line, 64));
	reap(child);
	buf_release(&line);
}

static void nothing_at_all(void **state)
{
	pid_t child = feed("", 0, 1, 0);

	(void)state;
	assert_false(input_begin_line(&input));
	assert_false(input_look(&input, 0));
	reap(child);
	child = feed("\n\n\n", 3, 3, 0);
	assert_false(input_begin_line(&input));
	reap(child);
}

static void the_rest_of_a_line_is_skipped(void **state)
{
	enum { SIZE = 100000 };
	char *text = malloc(SIZE), data[10];
	struct buf line = BUF_INIT(100);
	pid_t child;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', SIZE);
	memcpy(text + SIZE - 6, "\nnext\n", 6);
	child = feed(text, SIZE, 5000, 0);
	assert_true(input_begin_line(&input));
	assert_int_equal(input_read(data, sizeof(data), &input), 10);
	input_end_line(&input);
	input_end_line(&input);
	assert_string_equal(next_line(&line, 64), "next");
	reap(child);
	buf_release(&line);
	free(text);
}

/* Binary bytes are as good as any. */
static void bytes(void **state)
{
	static const char text[] = "a\0b\r\xff\n";
	struct buf line = BUF_INIT(100);
	pid_t child = feed(text, 6, 6, 0);

	(void)state;
	assert_non_null(next_line(&line, 64));
	assert_int_equal(line.len, 5);
	assert_memory_equal(line.data, text, 5);
	reap(child);
	buf_release(&line);
}

static void too_long(void **state)
{
	static char data[64 << 10];
	char *text = malloc(1 << 20);
	int pipes[2], status;
	struct buf line = BUF_INIT(100);
	size_t got, sum = 0;
	pid_t child;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 1 << 20);
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (!child) {
		for (int i = 0; i < INPUT_LINE_MAX >> 20; i++)
			if (write(pipes[1], text, 1 << 20) != 1 << 20)
				_exit(1);
		if (write(pipes[1], text, 1 << 20) != 1 << 20 ||
		    write(pipes[1], "\nnext\n", 6) != 6)
			_exit(1);
		_exit(0);
	}
	close(pipes[1]);
	input_setup(&input, pipes[0]);
	assert_true(input_begin_line(&input));
	while ((got = input_read(data, sizeof(data), &input)) &&
	       got != (size_t)-1)
		sum += got;
	assert_int_equal(got, (size_t)-1);
	assert_true(input.too_long);
	assert_in_range(sum, INPUT_LINE_MAX, INPUT_LINE_MAX + sizeof(data));
	/* It stays so until the line's end. */
	assert_int_equal(input_read(data, sizeof(data), &input), (size_t)-1);
	input_end_line(&input);
	assert_string_equal(next_line(&line, 64), "next");
	assert_false(input.too_long);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(pipes[0]);
	buf_release(&line);
	free(text);
}

static void look_does_not_wait_longer(void **state)
{
	uint64_t begun = clock_ms();
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	input_setup(&input, pipes[0]);
	assert_true(input_look(&input, 0));
	assert_true(clock_ms() - begun < 1000);
	assert_true(input_look(&input, 30));
	assert_true(clock_ms() - begun >= 30);
	assert_int_equal(write(pipes[1], "a\n", 2), 2);
	begun = clock_ms();
	assert_true(input_look(&input, 60000));
	assert_true(clock_ms() - begun < 30000);
	/* Buffered lines hide the end of the input only until they are read. */
	close(pipes[1]);
	assert_false(input_look(&input, 60000));
	assert_true(input_begin_line(&input));
	input_end_line(&input);
	assert_false(input_begin_line(&input));
	close(pipes[0]);
}

/* A full buffer is not read into, and does not spin. */
static void look_with_a_full_buffer(void **state)
{
	uint64_t begun;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	input_setup(&input, pipes[0]);
	for (size_t i = 0; i < sizeof(input.data) + 1000; i += 1000) {
		static char text[1000];

		memset(text, 'y', sizeof(text));
		assert_int_equal(write(pipes[1], text, 1000), 1000);
	}
	while (input.len < sizeof(input.data))
		assert_true(input_look(&input, 1000));
	begun = clock_ms();
	assert_true(input_look(&input, 50));
	assert_true(clock_ms() - begun >= 50);
	close(pipes[0]);
	close(pipes[1]);
}

/* The test's own process must stay: each signal has a child. */
static int stop_by(int signum)
{
	int pipes[2], status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		char data[10];

		if (pipe(pipes))
			_exit(1);
		/* It may be ignored where the tests run. */
		signal(signum, SIG_DFL);
		input_setup(&input, pipes[0]);
		if (input_signal() || !input_look(&input, 0) ||
		    write(pipes[1], "half a line", 11) != 11 ||
		    !input_begin_line(&input))
			_exit(2);
		raise(signum);
		/* Blocked, and seen all the same. */
		if (input_signal() != signum)
			_exit(3);
		if (input_look(&input, 60000) || input_signal() != signum)
			_exit(4);
		if (input_read(data, sizeof(data), &input))
			_exit(5);
		input_end_line(&input);
		_exit(input_begin_line(&input) ? 6 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void signals(void **state)
{
	(void)state;
	assert_int_equal(stop_by(SIGINT), 0);
	assert_int_equal(stop_by(SIGTERM), 0);
	assert_int_equal(stop_by(SIGHUP), 0);
}

static void ignored_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int pipes[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		sigset_t none;

		/* Other tests here have blocked them. */
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		for (size_t i = 0; i < 3; i++)
			signal(signals[i], i == 1 ? SIG_DFL : SIG_IGN);
		input_setup(&input, pipes[0]);
		raise(SIGHUP);
		raise(SIGINT);
		if (input_signal() || !input_look(&input, 0))
			_exit(1);
		raise(SIGTERM);
		_exit(input_look(&input, 0) || input_signal() != SIGTERM);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* One that comes while we wait for a line, from another process. */
static void a_signal_while_waiting(void **state)
{
	int pipes[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		input_setup(&input, pipes[0]);
		if (input_begin_line(&input))
			_exit(1);
		_exit(input_signal() == SIGTERM ? 0 : 2);
	}
	sleep_ms(100);
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_gone_reader_kills_nobody(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	input_setup(&input, pipes[0]);
	close(pipes[0]);
	assert_int_equal(write(pipes[1], "x", 1), -1);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_however_they_come),
		cmocka_unit_test(slow_writes),
		cmocka_unit_test(no_newline_at_the_end),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(the_rest_of_a_line_is_skipped),
		cmocka_unit_test(bytes),
		cmocka_unit_test(too_long),
		cmocka_unit_test(look_does_not_wait_longer),
		cmocka_unit_test(look_with_a_full_buffer),
		cmocka_unit_test(signals),
		cmocka_unit_test(ignored_signals),
		cmocka_unit_test(a_signal_while_waiting),
		cmocka_unit_test(a_gone_reader_kills_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
