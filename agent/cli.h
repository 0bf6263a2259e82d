/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CLI_H
#define AGENT_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"

/*
 * Options, usage, exit statuses and messages, the same for all commands.  A
 * command describes itself in tables:
 *
 *	static const struct cli_option options[] = {
 *		{ "json", .target = offsetof(struct prune, is_json) },
 *		{ "older-than", .argument = "<days>", .set = set_days },
 *		{ .name = NULL },
 *	};
 *	const struct cli_command prune_command = {
 *		.name = "prune", ..., .options = options,
 *		.args_size = sizeof(struct prune), .run = prune_run,
 *	};
 */

#define CLI_PROGRAM "git-lfs-multipart"

enum { CLI_EXIT_USAGE = 129 };	/* the command line is wrong; as in git */

struct cli_option {
	const char *name;	/* without dashes; NULL ends the table */
	char letter;	/* or 0 */
	/* Its value as the usage has it, such as "<n>" or "a | b"; NULL: none. */
	const char *argument;
	size_t target;	/* offset in the arguments of a bool or const char * */
	unsigned max;	/* not 0: the target is an unsigned, from 1 to this */

	/* Instead of `target`: -1 with ERR_USAGE if the value is wrong. */
	int (*set)(void *args, const struct cli_option *option,
		   const char *value, struct err *err);
};

struct cli_command {
	const char *name;
	const char *summary;	/* one line; NULL: no list names the command */
	const char *usage;	/* its forms; NULL: there is only the name */
	const struct cli_option *options;	/* NULL: no word is an option */
	size_t args_size;	/* of the arguments: zeroed, then filled in */
	bool keeps_separator;	/* a "--" is one of the words */

	/*
	 * Take the words that are not options, and check all arguments together.
	 * NULL: a command that has options takes no other words.
	 */
	int (*set_words)(void *args, size_t n, char **words, struct err *err);

	int (*run)(void *args);	/* returns the exit status */
};

/*
 * Run the command; argv[0] is its name.  Every command has --help, which prints
 * the usage.  Returns the exit status: CLI_EXIT_USAGE, with the reason and the
 * usage on stderr, if the command line is wrong.
 */
int cli_run(const struct cli_command *command, int argc, char **argv);

/* Print a line on stderr, after what went to stdout, with the program's name. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print the error as such a line.  Returns EXIT_FAILURE. */
int cli_fail(const struct err *err);

/* Print the tree as a line on stdout, and free it. */
void cli_print_json(json_t *tree);

#endif
