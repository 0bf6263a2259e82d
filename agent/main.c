/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cleanplaced.h"
#include "agent/cli.h"
#include "agent/clone.h"
#include "agent/fetch.h"
#include "agent/fork.h"
#include "agent/install.h"
#include "agent/prune.h"
#include "agent/pull.h"
#include "agent/status.h"
#include "lfs/base/log.h"

enum { DESCRIPTORS = 4096 };	/* the limit that we want */

struct help {
	const char *command;	/* or NULL: all of them */
};

static const struct cli_command help_command, version_command;

static const struct cli_command *const commands[] = {
	&install_command, &uninstall_command, &clone_command,
	&pull_command,	  &fetch_command,     &fork_command,
	&status_command,  &prune_command,     &agent_command,
	&help_command,	  &version_command,   &cleanplaced_command,
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fprintf(out, "usage: git lfs-multipart <command> [<options>]\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (commands[i]->summary)
			fprintf(out, "   %-11s %s\n", commands[i]->name,
				commands[i]->summary);
	fprintf(out, "\nSee `man git-lfs-multipart`.\n");
}

static const struct cli_command *find_command(const char *name)
{
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (!strcmp(name, commands[i]->name))
			return commands[i];
	return NULL;
}

static int help_set_words(void *args, size_t n, char **words, struct err *err)
{
	struct help *help = args;

	(void)err;
	help->command = n ? words[0] : NULL;
	return 0;
}

static int help_run(void *args)
{
	const struct help *help = args;
	const struct cli_command *command = help->command ?
						    find_command(
							    help->command) :
						    NULL;

	if (command && command->usage)
		fputs(command->usage, stdout);
	else
		print_usage(stdout);
	return EXIT_SUCCESS;
}

static const struct cli_command help_command = {
	.name = "help",
	.summary = "show this list",
	.args_size = sizeof(struct help),
	.set_words = help_set_words,
	.run = help_run,
};

static int version_run(void *args)
{
	(void)args;
	printf(CLI_PROGRAM " %s\n", VERSION);
	return EXIT_SUCCESS;
}

static const struct cli_command version_command = {
	.name = "version",
	.summary = "show the version",
	.run = version_run,
};

/* A closed standard descriptor would be reused by the next open(). */
static void open_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR);
}

/* A connection takes three, and git-lfs may run with a limit of 256. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max :
							DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	const struct cli_command *command;
	int status;

	open_standard_files();
	raise_descriptor_limit();
	log_init();
	if (argc < 2 && !isatty(STDIN_FILENO))
		return cli_run(&agent_command, argc, argv);
	command = argc < 2 ? NULL : find_command(argv[1]);
	if (!command) {
		if (argc > 1)
			cli_say("'%s' is not a command\n", argv[1]);
		print_usage(stderr);
		return CLI_EXIT_USAGE;
	}
	status = cli_run(command, argc - 1, argv + 1);
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	cli_say("cannot write to standard output");
	return status ? status : EXIT_FAILURE;
}
