/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <unistd.h>

#include "agent/fork.h"
#include "test/unit/unit.h"

enum { WORDS_MAX = 5, TEXT_MAX = 4000 };

/* Run the command; what it says on both outputs is in `text`. */
static int run(const char *const *words, char *text)
{
	char path[] = "/tmp/lfsmp-fork.XXXXXX";
	char *argv[WORDS_MAX + 2] = { (char *)"fork" };
	int file = mkstemp(path), out = dup(STDOUT_FILENO),
	    err = dup(STDERR_FILENO), argc = 1, status;
	ssize_t n;

	assert_true(file >= 0 && out >= 0 && err >= 0);
	unlink(path);
	while (*words)
		argv[argc++] = (char *)*words++;
	fflush(NULL);
	dup2(file, STDOUT_FILENO);
	dup2(file, STDERR_FILENO);
	optind = 0;
	status = cli_run(&fork_command, argc, argv);
	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	n = pread(file, text, TEXT_MAX - 1, 0);
	close(file);
	close(out);
	close(err);
	assert_true(n >= 0);
	text[n] = '\0';
	return status;
}

static const struct {
	const char *words[WORDS_MAX];
	const char *message;
} wrong[] = {
	{ { "--jobs", "0" }, "--jobs is '0'; it must be 1 to 1024" },
	{ { "--jobs", "1025" }, "--jobs is '1025'; " },
	{ { "-j", "4294967297" }, "--jobs is '4294967297'; " },
	{ { "-j", "99999999999999999999999" },
	  "--jobs is '99999999999999999999999'; " },
	{ { "-j", "" }, "--jobs is ''; " },
	{ { "-j-1" }, "--jobs is '-1'; " },
	{ { "-j", "+1" }, "--jobs is '+1'; " },
	{ { "-j", " 1" }, "--jobs is ' 1'; " },
	{ { "-j", "1x" }, "--jobs is '1x'; " },
	{ { "-j", "0x10" }, "--jobs is '0x10'; " },
	{ { "-j" }, "-j needs a value" },
	{ { "--shard", "1" },
	  "--shard is '1'; it must be K/N, such as 1/4 to 4/4" },
	{ { "--shard", "0/4" }, "--shard is '0/4'; " },
	{ { "--shard", "5/4" }, "--shard is '5/4'; " },
	{ { "--shard", "1/0" }, "--shard is '1/0'; " },
	{ { "--shard", "1/" }, "--shard is '1/'; " },
	{ { "--shard", "/4" }, "--shard is '/4'; " },
	{ { "--shard", "1/4/4" }, "--shard is '1/4/4'; " },
	{ { "--shard", "1 /4" }, "--shard is '1 /4'; " },
	{ { "--shard", "1/ 4" }, "--shard is '1/ 4'; " },
	{ { "--shard", "1/-4" }, "--shard is '1/-4'; " },
	{ { "--shard", "1/1000001" }, "--shard is '1/1000001'; " },
	{ { "--shard", "4294967297/4294967297" },
	  "--shard is '4294967297/4294967297'; " },
	{ { "--shard" }, "--shard needs a value" },
	{ { "--max-disk", "" },
	  "--max-disk is ''; it must be a size of 2M or more, "
	  "such as 500M or 4GiB" },
	{ { "--max-disk", "0" }, "--max-disk is '0'; " },
	{ { "--max-disk", "2097151" }, "--max-disk is '2097151'; " },
	{ { "--max-disk", "2MB" }, "--max-disk is '2MB'; " },
	{ { "--max-disk", "-4G" }, "--max-disk is '-4G'; " },
	{ { "--max-disk", "1.5G" }, "--max-disk is '1.5G'; " },
	{ { "--max-disk", "4X" }, "--max-disk is '4X'; " },
	{ { "--max-disk", "4GG" }, "--max-disk is '4GG'; " },
	{ { "--max-disk", "4GiBs" }, "--max-disk is '4GiBs'; " },
	{ { "--max-disk", "4G 4G" }, "--max-disk is '4G 4G'; " },
	{ { "--max-disk", "16777216T" }, "--max-disk is '16777216T'; " },
	{ { "--max-disk", "18446744073709551617" },
	  "--max-disk is '18446744073709551617'; " },
	{ { "--sideways" }, "unknown option '--sideways'" },
	{ { "--all=x" }, "unknown option '--all=x'" },
	{ { "-Z" }, "unknown option '-Z'" },
	{ { "-Zq" }, "unknown option '-Z'" },
	{ { "-qZ" }, "unknown option '-Z'" },
	{ { "--all", "-qZn" }, "unknown option '-Z'" },
	{ { "main", "-\xc3\xa9" }, "unknown option '-?'" },
	{ { "--all=a", "-q" }, "unknown option '--all=a'" },
	{ { "--all", "main" }, "--all cannot be combined with refs" },
	{ { "--push", "--dry-run" },
	  "--push cannot be combined with --dry-run" },
	{ { "--force" }, "--force is for --push" },
	{ { "--push", "--include", "*" },
	  "--push cannot be combined with --include, " },
	{ { "--push", "-X*.bin" },
	  "--push cannot be combined with --include, " },
	{ { "--shard", "1/2", "--push" },
	  "--push cannot be combined with --include, " },
};

/* The wrong usage is named in one line, and the right one follows. */
static void refused(void **state)
{
	char text[TEXT_MAX], expected[300];

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		int status = run(wrong[i].words, text);

		snprintf(expected, sizeof(expected), "git-lfs-multipart: %s",
			 wrong[i].message);
		if (strncmp(text, expected, strlen(expected)))
			fail_msg("case %zu: %s", i, text);
		assert_int_equal(status, CLI_EXIT_USAGE);
		assert_non_null(
			strstr(text, "\nusage: git lfs-multipart fork "));
	}
}

/* With --help after them, options are looked at, and nothing is done. */
static void taken(void **state)
{
	static const char *const cases[][WORDS_MAX] = {
		{ "-h" },
		{ "--help" },
		{ "--jobs", "1", "-h" },
		{ "-j1024", "-h" },
		{ "--shard", "1/1", "--push", "-h" },
		{ "--shard=1000000/1000000", "-h" },
		{ "--max-disk", "2M", "-h" },
		{ "--max-disk=2097152", "-h" },
		{ "--max-disk=4 GiB", "-h" },
		{ "--max-disk=500mb", "-h" },
		{ "--max-disk=3145728B", "-h" },
		{ "--max-disk=8388607T", "-h" },
		{ "-anq", "-h" },
		{ "--push", "--force", "-ha" },
		{ "--push", "-fa", "-h" },
		{ "-I", "*.bin", "-Xa,b", "-h" },
		{ "main", "-h", "--", "--all" },
	};
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status = run(cases[i], text);

		if (status || strncmp(text, "usage: ", strlen("usage: ")))
			fail_msg("case %zu: %s", i, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
