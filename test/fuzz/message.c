/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/message.h"

/*
 * The input: what git-lfs says, line by line.  It goes through a pipe, as it
 * does in life.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIPE_MAX = 60000 };	/* fits without a reader */

static struct input input;

static void check_object(const struct message *message)
{
	if (strlen(message->oid) != 64 || message->size > INT64_MAX)
		abort();
	if ((message->event == EVENT_UPLOAD) != !!message->path)
		abort();
	if (message->path && !*message->path)
		abort();
}

static void check_message(const struct message *message)
{
	switch (message->event) {
	case EVENT_INIT:
		if (message->nagents > 1024)
			abort();
		break;
	case EVENT_UPLOAD:
	case EVENT_DOWNLOAD:
		check_object(message);
		break;
	case EVENT_TERMINATE:
		break;
	}
}

/* Lines that ask for an answer, to hold against those that got one. */
static unsigned count_lines(const uint8_t *data, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < size; i++)
		n += data[i] != '\n' && (!i || data[i - 1] == '\n');
	return n;
}

/* A last line without a newline may be one, or a piece of one. */
static void check_count(const uint8_t *data, size_t size, unsigned answers)
{
	unsigned lines = count_lines(data, size);
	bool is_cut = size && data[size - 1] != '\n';

	if (answers > lines || answers + is_cut < lines)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message message = MESSAGE_INIT;
	struct err err = ERR_INIT;
	unsigned answers = 0;
	int pipes[2], ret;

	if (size > PIPE_MAX || pipe(pipes))
		return 0;
	json_setup();
	if (write(pipes[1], data, size) != (ssize_t)size)
		abort();
	close(pipes[1]);
	input_setup(&input, pipes[0]);
	while ((ret = message_read(&message, &input, &err))) {
		if ((ret > 0) == !!err.kind || !message.oid)
			abort();
		if (ret > 0)
			check_message(&message);
		err_clear(&err);
		answers++;
	}
	check_count(data, size, answers);
	message_release(&message);
	close(pipes[0]);
	return 0;
}
