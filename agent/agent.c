/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/input.h"
#include "agent/message.h"
#include "agent/move.h"
#include "lfs/base/log.h"

struct agent {
	struct input input;
	struct message message;
	struct mover *mover;	/* owned; NULL before init */
	enum direction direction;	/* by init */
	bool has_moved;	/* or tried to */
};

static int agent_init(struct agent *agent)
{
	struct err err = ERR_INIT;

	/* git-lfs shows people this answer, and not our stderr. */
	if (log_trouble())
		return message_not_ready(log_trouble(), &err);
	mover_free(agent->mover);
	agent->mover = mover_new(&agent->input, &agent->message);
	agent->direction = agent->message.direction;
	return message_ready(&err);
}

/* git-lfs waits for an answer even to a line that is not a message. */
static int refuse_line(struct agent *agent, const struct err *why)
{
	struct err err = ERR_INIT;

	log_error("%s", why->msg);
	if (!agent->mover)
		return message_not_ready(why, &err);
	return message_failed(agent->message.oid, why, &err);
}

static int agent_move(struct agent *agent, enum direction direction)
{
	struct err why = ERR_INIT;

	if (!agent->mover)
		err_set(&why, ERR_PROTOCOL, "an object came before init");
	else if (direction != agent->direction)
		err_set(&why, ERR_PROTOCOL,
			"'%s' came, but init said another operation",
			direction == UPLOAD ? "upload" : "download");
	if (why.kind)
		return refuse_line(agent, &why);
	agent->has_moved = true;
	return mover_move(agent->mover, &agent->message);
}

/* Read and act on one line; false when the conversation is over. */
static bool converse(struct agent *agent)
{
	struct err err = ERR_INIT;
	int ret = message_read(&agent->message, &agent->input, &err);

	if (!ret)
		return false;
	if (ret < 0)
		return !refuse_line(agent, &err);
	switch (agent->message.event) {
	case EVENT_INIT:
		return !agent_init(agent);
	case EVENT_TERMINATE:
		return false;
	case EVENT_UPLOAD:
		return !agent_move(agent, UPLOAD);
	case EVENT_DOWNLOAD:
		return !agent_move(agent, DOWNLOAD);
	}
	return false;
}

/* getrusage() would also count the program that ran before exec(). */
static void log_peak(void)
{
	static const char label[] = "VmHWM:";
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, label, sizeof(label) - 1))
			log_info("peak memory %ld KiB",
				 strtol(line + sizeof(label) - 1, NULL, 10));
	if (file)
		fclose(file);
}

static int exit_status(void)
{
	return input_signal() ? 128 + input_signal() : EXIT_SUCCESS;
}

static int agent_run(void *args)
{
	struct agent *agent = args;

	agent->message = (struct message)MESSAGE_INIT;
	json_setup();
	input_setup(&agent->input, STDIN_FILENO);
	while (converse(agent))
		;
	/* git-lfs starts eight, and most get nothing to do. */
	if (agent->has_moved)
		log_peak();
	if (!mover_free(agent->mover))
		_exit(exit_status());
	message_release(&agent->message);
	return exit_status();
}

const struct cli_command agent_command = {
	.name = "agent",
	.summary = "talk with git-lfs (it starts this itself)",
	.args_size = sizeof(struct agent),
	.run = agent_run,
};
