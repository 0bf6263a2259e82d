/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/fork.h"
#include "agent/install.h"
#include "agent/prune.h"
#include "agent/status.h"
#include "lfs/base/log.h"

enum {
	EXIT_USAGE = 129,	/* as in git */
	DESCRIPTORS = 4096	/* to be had, if they may be */
};

struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
};

static int help_main(int argc, char **argv);
static int version_main(int argc, char **argv);

static const struct command commands[] = {
	{ "install", install_main, "switch the agent on" },
	{ "uninstall", uninstall_main, "switch it off" },
	{ "fork", fork_main, "carry all objects from one server to another" },
	{ "status", status_main, "list unfinished transfers" },
	{ "prune", prune_main, "remove what they have left" },
	{ "agent", agent_main, "talk with git-lfs (it starts this itself)" },
	{ "help", help_main, "show this list" },
	{ "version", version_main, "show the version" },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fprintf(out, "usage: git lfs-multipart <command> [<options>]\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(out, "   %-11s %s\n", commands[i].name,
			commands[i].summary);
	fprintf(out, "\nSee `man git-lfs-multipart`.\n");
}

/* What is closed would else be the number of the next file to be opened. */
static void open_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR);
}

/* A connection takes three; where git-lfs runs it may be 256. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max :
							DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("git-lfs-multipart %s\n", VERSION);
	return EXIT_SUCCESS;
}

static const struct command *find_command(const char *name)
{
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* Of a command, that command's usage. */
static int help_main(int argc, char **argv)
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	char *words[] = { argv[argc - 1], (char[]){ "--help" }, NULL };

	if (command && command->main != help_main &&
	    command->main != version_main && command->main != agent_main)
		return command->main(2, words);
	print_usage(stdout);
	return EXIT_SUCCESS;
}

/* What was printed may not have arrived. */
static int run(const struct command *command, int argc, char **argv)
{
	int status = command->main(argc, argv);

	if (fflush(stdout) || ferror(stdout)) {
		fputs("git-lfs-multipart: cannot write to standard output\n",
		      stderr);
		return status ? status : EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command;

	open_standard_files();
	raise_descriptor_limit();
	log_init();
	if (argc < 2 && !isatty(STDIN_FILENO))
		return agent_main(argc, argv);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	command = find_command(argv[1]);
	if (command)
		return run(command, argc - 1, argv + 1);
	fprintf(stderr, "git-lfs-multipart: '%s' is not a command\n\n",
		argv[1]);
	print_usage(stderr);
	return EXIT_USAGE;
}
