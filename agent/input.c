/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/input.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static atomic_int stop_signal;	/* written by the handler */
static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };

#define NSTOP (sizeof(stop_signals) / sizeof(stop_signals[0]))

static void input_on_signal(int signum)
{
	atomic_store(&stop_signal, signum);
}

void input_setup(struct input *input, int fd)
{
	struct sigaction action = { .sa_handler = input_on_signal }, before;
	sigset_t set;

	memset(input, 0, sizeof(*input));
	input->fd = fd;
	sigemptyset(&set);
	for (size_t i = 0; i < NSTOP; i++) {
		/* A signal that was ignored before, as by nohup, stays ignored. */
		if (sigaction(stop_signals[i], NULL, &before) ||
		    before.sa_handler == SIG_IGN)
			continue;
		sigaddset(&set, stop_signals[i]);
		sigaction(stop_signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	/* Make a file over `ulimit -f` an error like any other. */
	sigaction(SIGXFSZ, &action, NULL);
}

int input_signal(void)
{
	sigset_t set;

	if (atomic_load(&stop_signal) || sigpending(&set))
		return atomic_load(&stop_signal);
	for (size_t i = 0; i < NSTOP; i++)
		if (sigismember(&set, stop_signals[i]))
			return stop_signals[i];
	return 0;
}

static void get_unblocked(sigset_t *set)
{
	sigprocmask(SIG_BLOCK, NULL, set);
	for (size_t i = 0; i < NSTOP; i++)
		sigdelset(set, stop_signals[i]);
}

/* Move the rest to the front of `data`; true if that leaves room for more. */
static bool make_room(struct input *input)
{
	if (input->pos) {
		memmove(input->data, input->data + input->pos,
			input->len - input->pos);
		input->len -= input->pos;
		input->pos = 0;
	}
	return input->len < sizeof(input->data);
}

static void fill_data(struct input *input)
{
	ssize_t got = read(input->fd, input->data + input->len,
			   sizeof(input->data) - input->len);

	if (got > 0)
		input->len += (size_t)got;
	else if (!got || (errno != EINTR && errno != EAGAIN))
		input->ended = true;
}

bool input_look(struct input *input, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000,
				    timeout_ms % 1000 * 1000000L };
	bool has_room = make_room(input) && input->fd >= 0;
	sigset_t set;
	fd_set fds;
	int ready;

	if (input->ended)
		return false;
	FD_ZERO(&fds);
	if (has_room)
		FD_SET(input->fd, &fds);
	get_unblocked(&set);
	ready = pselect(has_room ? input->fd + 1 : 0, &fds, NULL, NULL,
			timeout_ms < 0 ? NULL : &timeout, &set);
	if (ready > 0)
		fill_data(input);
	return !input->ended && !input_signal();
}

/* Wait for bytes to consume, and return how many there are; 0 at the end. */
static size_t available(struct input *input)
{
	while (input->pos == input->len && input_look(input, -1))
		;
	return input_signal() ? 0 : input->len - input->pos;
}

bool input_begin_line(struct input *input)
{
	while (available(input)) {
		if (input->data[input->pos] == '\n') {
			input->pos++;
			continue;
		}
		input->line = 0;
		input->in_line = true;
		input->too_long = false;
		return true;
	}
	return false;
}

size_t input_read(void *data, size_t n, void *ctx)
{
	struct input *input = ctx;
	size_t left = input->in_line ? available(input) : 0;
	const char *from = input->data + input->pos;
	const char *newline;

	if (!left) {
		input->in_line = false;
		return 0;
	}
	if (input->line > INPUT_LINE_MAX) {
		input->too_long = true;
		return (size_t)-1;
	}
	if (n > left)
		n = left;
	newline = memchr(from, '\n', n);
	if (newline) {
		n = (size_t)(newline - from);
		input->in_line = false;
	}
	memcpy(data, from, n);
	input->pos += n + (newline != NULL);
	input->line += n;
	return n;
}

void input_end_line(struct input *input)
{
	char ignored[4096];

	while (input->in_line) {
		input->line = 0;
		input_read(ignored, sizeof(ignored), input);
	}
}
