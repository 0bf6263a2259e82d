/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>

#include "agent/clone.h"
#include "agent/fetch.h"
#include "agent/fork.h"
#include "agent/install.h"
#include "agent/prune.h"
#include "agent/pull.h"
#include "agent/status.h"
#include "test/unit/unit.h"

static const struct cli_command *const commands[] = {
	&install_command, &uninstall_command, &clone_command,  &pull_command,
	&fetch_command,	  &fork_command,      &status_command, &prune_command,
};

/* The usage has every option, with its argument. */
static void usages(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(commands); i++) {
		const struct cli_option *option = commands[i]->options;
		char begin[80], word[80];

		snprintf(begin, sizeof(begin), "usage: git lfs-multipart %s ",
			 commands[i]->name);
		assert_int_equal(strncmp(commands[i]->usage, begin,
					 strlen(begin)),
				 0);
		for (; option->name; option++) {
			const char *argument = option->argument;

			snprintf(word, sizeof(word), "--%s%s%s", option->name,
				 argument ? " " : "", argument ? argument : "");
			if (!strstr(commands[i]->usage, word))
				fail_msg("%s: no %s", commands[i]->name, word);
		}
	}
}

struct args {
	bool is_loud;
	const char *name;
	unsigned n;
	size_t nwords;
	const char *word;
	unsigned count;
};

static struct args seen;	/* by run_args() */

static int add_number(void *data, const struct cli_option *option,
		      const char *value, struct err *err)
{
	struct args *args = data;

	if (*value == '-')
		return err_set(err, ERR_USAGE, "--%s is '%s'", option->name,
			       value);
	args->n += (unsigned)strtoul(value, NULL, 10);
	return 0;
}

static int set_words(void *data, size_t n, char **words, struct err *err)
{
	struct args *args = data;

	args->nwords = n;
	args->word = n ? words[n - 1] : NULL;
	return n > 2 ? err_set(err, ERR_USAGE, "too many") : 0;
}

static int run_args(void *data)
{
	seen = *(struct args *)data;
	return 7;
}

static const struct cli_option options[] = {
	{ "loud", 'l', .target = offsetof(struct args, is_loud) },
	{ "name", .argument = "<name>", .target = offsetof(struct args, name) },
	{ "add", 'a', "<n>", .set = add_number },
	{ "count", 'c', "<n>", .target = offsetof(struct args, count),
	  .max = 30 },
	{ .name = NULL },
};

static const struct cli_command command = {
	.name = "try",
	.usage = "usage: try\n",
	.options = options,
	.args_size = sizeof(struct args),
	.set_words = set_words,
	.run = run_args,
};

static int run_words(const struct cli_command *tried, const char *const *words)
{
	char *argv[8] = { (char *)"try" };
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	seen = (struct args){ .is_loud = false };
	optind = 0;
	return cli_run(tried, argc, argv);
}

static void reading(void **state)
{
	static const struct {
		const char *words[6];
		int status;
		struct args args;
	} cases[] = {
		{ { "one" }, 7, { .nwords = 1, .word = "one" } },
		{ { "--loud", "--name", "x" },
		  7,
		  { .is_loud = true, .name = "x" } },
		{ { "-la3", "--add=4" }, 7, { .is_loud = true, .n = 7 } },
		{ { "one", "-a", "1", "two" },
		  7,
		  { .n = 1, .nwords = 2, .word = "two" } },
		{ { "--", "--loud" }, 7, { .nwords = 1, .word = "--loud" } },
		{ { "one", "--", "-l" }, 7, { .nwords = 2, .word = "-l" } },
		{ { "--name", "--", "one" },
		  7,
		  { .name = "--", .nwords = 1, .word = "one" } },
		{ { "-c30" }, 7, { .count = 30 } },
		{ { "--count", "1" }, 7, { .count = 1 } },
		{ { "--count", "31" }, CLI_EXIT_USAGE, { false } },
		{ { "--count=0" }, CLI_EXIT_USAGE, { false } },
		{ { "--count=" }, CLI_EXIT_USAGE, { false } },
		{ { "--count=3x" }, CLI_EXIT_USAGE, { false } },
		{ { "--count=-1" }, CLI_EXIT_USAGE, { false } },
		{ { "--count=18446744073709551617" },
		  CLI_EXIT_USAGE,
		  { false } },
		{ { "--na=y" }, 7, { .name = "y" } },
		{ { "one", "two", "three" }, CLI_EXIT_USAGE, { false } },
		{ { "--add" }, CLI_EXIT_USAGE, { false } },
		{ { "--add", "-1" }, CLI_EXIT_USAGE, { false } },
		{ { "--loud=1" }, CLI_EXIT_USAGE, { false } },
		{ { "--quiet" }, CLI_EXIT_USAGE, { false } },
		{ { "-n", "x" }, CLI_EXIT_USAGE, { false } },
		{ { "--loud", "-h", "--quiet" }, 0, { false } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status = run_words(&command, cases[i].words);

		if (status != cases[i].status)
			fail_msg("case %zu: status %d", i, status);
		assert_int_equal(seen.is_loud, cases[i].args.is_loud);
		assert_int_equal(seen.n, cases[i].args.n);
		assert_int_equal(seen.nwords, cases[i].args.nwords);
		assert_int_equal(seen.count, cases[i].args.count);
		assert_int_equal(!seen.name, !cases[i].args.name);
		assert_int_equal(!seen.word, !cases[i].args.word);
		if (seen.name)
			assert_string_equal(seen.name, cases[i].args.name);
		if (seen.word)
			assert_string_equal(seen.word, cases[i].args.word);
	}
}

static int set_separated(void *data, size_t n, char **words, struct err *err)
{
	struct args *args = data;

	(void)err;
	args->nwords = n;
	for (size_t i = 0; i < n; i++)
		args->n = args->n * 10 + (strcmp(words[i], "--") ? 1 : 2);
	return 0;
}

/* A command may want to know which words stand before "--". */
static void separating(void **state)
{
	static const struct {
		const char *words[6];
		unsigned seen;	/* a digit for each word: 2 is the separator */
	} cases[] = {
		{ { "one", "two" }, 11 },
		{ { "one", "--loud", "--", "two", "--loud" }, 1211 },
		{ { "--", "one" }, 21 },
		{ { "one", "--" }, 12 },
		{ { "--", "--", "--loud" }, 221 },
		{ { "--name", "--", "one" }, 1 },
	};
	struct cli_command separated = command;

	(void)state;
	separated.keeps_separator = true;
	separated.set_words = set_separated;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run_words(&separated, cases[i].words), 7);
		assert_int_equal(seen.n, cases[i].seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usages),
		cmocka_unit_test(reading),
		cmocka_unit_test(separating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
