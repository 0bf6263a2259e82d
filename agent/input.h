/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_INPUT_H
#define AGENT_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Stdin, line by line, without ever holding a whole line; and the signals
 * that tell us to stop, which are taken only while we look at stdin.
 */

enum {
	INPUT_LINE_MAX = 64 << 20	/* bytes of one line */
};

struct input {
	int fd;
	size_t pos, len;	/* the bytes of `data` that are not consumed */
	size_t line;		/* bytes of the current line so far */
	bool in_line;		/* its newline was not reached */
	bool ended;		/* end of file */
	bool too_long;		/* the line is over INPUT_LINE_MAX */
	char data[16 << 10];
};

/*
 * Block SIGINT, SIGTERM and SIGHUP until input_look(), except those that are
 * ignored, as under nohup; ignore SIGPIPE.  With an `fd` of -1 there is no
 * input, only signals.
 */
void input_setup(struct input *input, int fd);

/*
 * Wait up to `timeout_ms` (-1: without limit) for input or a signal.  False if
 * there will be no more input: the peer is gone, or the process is to stop.
 */
bool input_look(struct input *input, int timeout_ms);

/* The signal that told the process to stop, or 0. */
int input_signal(void);

/* Move to the next line that is not empty; false at the end or when stopped. */
bool input_begin_line(struct input *input);

/*
 * Copy at most `n` bytes of the current line, without its newline; 0 at its
 * end, (size_t)-1 if it is too long.  As json_parse_stream() wants it.
 */
size_t input_read(void *data, size_t n, void *input);

/* Skip the rest of the line. */
void input_end_line(struct input *input);

#endif
