/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>

#include "agent/fork.h"
#include "agent/install.h"
#include "agent/prune.h"
#include "agent/status.h"
#include "test/unit/unit.h"

static const struct cli_command *const commands[] = {
	&install_command, &uninstall_command, &fork_command,
	&status_command,  &prune_command,
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

static void reading(void **state)
{
	static const struct {
		const char *words[6];
		int status;
		struct args args;
	} cases[] = {
		{ { "one" }, 7, { .nwords = 1, .word = "one" } },
		{ { "--loud", "--name", "x" }, 7, { true, "x", 0, 0, NULL } },
		{ { "-la3", "--add=4" }, 7, { true, NULL, 7, 0, NULL } },
		{ { "one", "-a", "1", "two" },
		  7,
		  { false, NULL, 1, 2, "two" } },
		{ { "--", "--loud" }, 7, { .nwords = 1, .word = "--loud" } },
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
		char *argv[8] = { (char *)"try" };
		int argc = 1, status;

		for (; cases[i].words[argc - 1]; argc++)
			argv[argc] = (char *)cases[i].words[argc - 1];
		seen = (struct args){ false };
		optind = 0;
		status = cli_run(&command, argc, argv);
		if (status != cases[i].status)
			fail_msg("case %zu: status %d", i, status);
		assert_int_equal(seen.is_loud, cases[i].args.is_loud);
		assert_int_equal(seen.n, cases[i].args.n);
		assert_int_equal(seen.nwords, cases[i].args.nwords);
		assert_int_equal(!seen.name, !cases[i].args.name);
		assert_int_equal(!seen.word, !cases[i].args.word);
		if (seen.name)
			assert_string_equal(seen.name, cases[i].args.name);
		if (seen.word)
			assert_string_equal(seen.word, cases[i].args.word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usages),
		cmocka_unit_test(reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
