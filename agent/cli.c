/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/cli.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/mem.h"

enum {
	OPTIONS_MAX = 32,
	WORD = 1,	/* in getopt_long()'s answers: no option */
	LONG = 256	/* an option by its name */
};

/* A table in the form of getopt_long(). */
struct names {
	struct option names[OPTIONS_MAX + 2];	/* --help, and the end */
	char letters[2 * OPTIONS_MAX + 4];
};

/* A command line, and those of its words that are no options. */
struct line {
	int argc;
	char **argv;
	char **words;	/* owned, but each of them is of argv */
	size_t nwords;
};

static void make_names(struct names *names, const struct cli_option *options)
{
	struct option *name = names->names;
	char *letter = names->letters;

	*letter++ = '-';	/* a word that is no option comes in its turn */
	*letter++ = ':';
	*letter++ = 'h';
	for (int i = 0; options[i].name; i++) {
		bool has_argument = options[i].argument != NULL;

		assert(i < OPTIONS_MAX);
		*name++ = (struct option){ options[i].name, has_argument, NULL,
					   LONG + i };
		if (options[i].letter)
			*letter++ = options[i].letter;
		if (options[i].letter && has_argument)
			*letter++ = ':';
	}
	*name++ = (struct option){ "help", no_argument, NULL, 'h' };
	*name = (struct option){ NULL, 0, NULL, 0 };
	*letter = '\0';
}

static const struct cli_option *find_option(const struct cli_option *options,
					    int answer)
{
	if (answer >= LONG)
		return &options[answer - LONG];
	while (options->letter != answer)
		options++;
	return options;
}

/* Is the letter one of a word such as "-xyz"? */
static bool has_letter(const char *word, int letter)
{
	return word && word[0] == '-' && word[1] != '-' && letter &&
	       letter < LONG && strchr(word, letter);
}

/* getopt_long() has answered '?' or ':'. */
static int refuse_option(int answer, char *const argv[], struct err *err)
{
	const char *word = argv[optind - 1];

	if (answer == ':')
		return err_set(err, ERR_USAGE, "%s needs a value", word);
	/* While more letters follow in a word, optind is still at that word. */
	if (has_letter(argv[optind], optopt) || has_letter(word, optopt))
		return err_set(err, ERR_USAGE, "unknown option '-%c'", optopt);
	return err_set(err, ERR_USAGE, "unknown option '%s'", word);
}

static int set_number(const struct cli_option *option, unsigned *target,
		      struct err *err)
{
	unsigned long long n = 0;
	char *end = optarg;

	if (*optarg >= '0' && *optarg <= '9')
		n = strtoull(optarg, &end, 10);
	if (!n || n > option->max || *end)
		return err_set(err, ERR_USAGE,
			       "--%s is '%.40s'; it must be 1 to %u",
			       option->name, optarg, option->max);
	*target = (unsigned)n;
	return 0;
}

static int set_option(const struct cli_option *option, void *args,
		      struct err *err)
{
	void *target = (char *)args + option->target;

	if (option->set)
		return option->set(args, option, optarg, err);
	if (option->max)
		return set_number(option, target, err);
	if (option->argument)
		*(const char **)target = optarg;
	else
		*(bool *)target = true;
	return 0;
}

/* Returns 0, 1 if help was asked for, or -1. */
static int read_options(const struct cli_command *command, struct line *line,
			void *args, struct err *err)
{
	struct names names;
	int answer;

	make_names(&names, command->options);
	opterr = 0;
	while ((answer = getopt_long(line->argc, line->argv, names.letters,
				     names.names, NULL)) >= 0) {
		if (answer == 'h')
			return 1;
		if (answer == ':' || answer == '?')
			return refuse_option(answer, line->argv, err);
		if (answer == WORD)
			line->words[line->nwords++] = optarg;
		else if (set_option(find_option(command->options, answer), args,
				    err))
			return -1;
	}
	if (command->keeps_separator && !strcmp(line->argv[optind - 1], "--"))
		line->words[line->nwords++] = line->argv[optind - 1];
	return 0;
}

/* The whole command line; returns as read_options(). */
static int read_words(const struct cli_command *command, struct line *line,
		      void *args, struct err *err)
{
	int ret = 0;

	if (command->options)
		ret = read_options(command, line, args, err);
	if (ret)
		return ret;
	while (optind < line->argc)
		line->words[line->nwords++] = line->argv[optind++];
	if (command->set_words)
		return command->set_words(args, line->nwords, line->words, err);
	if (command->options && line->nwords)
		return err_set(err, ERR_USAGE, "unknown argument '%s'",
			       line->words[0]);
	return 0;
}

int cli_run(const struct cli_command *command, int argc, char **argv)
{
	void *args = xcalloc(1, command->args_size);
	struct err err = ERR_INIT;
	char **words = xcalloc((size_t)argc + 1, sizeof(char *));
	struct line line = { argc, argv, words, 0 };
	int status, ret = read_words(command, &line, args, &err);

	if (!ret) {
		status = command->run(args);
	} else if (ret > 0) {
		fputs(command->usage, stdout);
		status = EXIT_SUCCESS;
	} else {
		cli_fail(&err);
		fputs(command->usage, stderr);
		status = CLI_EXIT_USAGE;
	}
	free(words);
	free(args);
	return status;
}

void cli_say(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs(CLI_PROGRAM ": ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_fail(const struct err *err)
{
	cli_say("%s", err->msg);
	return EXIT_FAILURE;
}

static int print_json(const char *text, size_t len, void *ctx)
{
	(void)ctx;
	return fwrite(text, 1, len, stdout) == len ? 0 : -1;
}

void cli_print_json(json_t *tree)
{
	json_format_stream(tree, print_json, NULL);
	putchar('\n');
	json_decref(tree);
}
