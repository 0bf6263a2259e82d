/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "lfs/git/repo.h"
#include "test/unit/unit.h"

#define CONFIG(text) (text), sizeof(text)

static char dir[] = "/tmp/lfsmp-branch.XXXXXX";

static int run(const char *command)
{
	return system(command) ? -1 : 0;
}

static int make_repository(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return run("git init -q . && git symbolic-ref HEAD refs/heads/a/b.c &&"
		   "git -c user.name=A -c user.email=a@b commit -q "
		   "--allow-empty -m one");
}

static int remove_repository(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || run(command);
}

static void assert_branch(const char *head, const char *expected)
{
	struct err err = ERR_INIT;
	char *branch;

	assert_int_equal(branch_current(&branch, head, &err), 0);
	assert_int_equal(err.kind, ERR_NONE);
	if (expected)
		assert_string_equal(branch, expected);
	else
		assert_null(branch);
	free(branch);
}

static void is_on(const char *expected)
{
	assert_branch(NULL, expected);
}

static void current(void **state)
{
	(void)state;
	is_on("a/b.c");
	assert_int_equal(run("git tag a/b.c && git tag heads/a/b.c"), 0);
	is_on("a/b.c");
	assert_int_equal(run("git worktree add -q -b w w 2>/dev/null"), 0);
	assert_int_equal(chdir("w"), 0);
	is_on("w");
	assert_int_equal(chdir(".."), 0);
	assert_int_equal(run("git checkout -q --detach"), 0);
	is_on(NULL);
	assert_int_equal(run("git symbolic-ref HEAD refs/heads/unborn"), 0);
	is_on("unborn");
	assert_int_equal(run("git symbolic-ref HEAD refs/remotes/o/main"), 0);
	is_on(NULL);
}

/* What repo_find() has found is not asked for again. */
static void known_head(void **state)
{
	(void)state;
	assert_branch("refs/heads/x/y", "x/y");
	assert_branch("refs/remotes/o/main", NULL);
	assert_branch("refs/heads/", NULL);
	assert_branch("HEAD", NULL);
}

static void write_head(const char *start, size_t n)
{
	FILE *file = fopen(".git/HEAD", "w");

	assert_non_null(file);
	fputs(start, file);
	while (n--)
		fputc('a', file);
	fputc('\n', file);
	assert_int_equal(fclose(file), 0);
}

/* No branch, or an error: what git makes of it is git's to say. */
static void hostile(void **state)
{
	static const struct {
		const char *start;
		size_t n;
	} cases[] = {
		{ "", 0 },
		{ "\xff\xfe", 3 },
		{ "ref: ", 0 },
		{ "ref: refs/heads/", 0 },
		{ "ref: refs/heads/../../x", 0 },
		{ "ref: refs/heads/", 5000 },
		{ "ref: refs/heads/", 1000000 },
		{ "", 1000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		char *branch = dir;

		write_head(cases[i].start, cases[i].n);
		if (!branch_current(&branch, NULL, &err))
			assert_int_equal(err.kind, ERR_NONE);
		assert_null(branch);
	}
}

static const char upstreams[] = "branch.main.remote\norigin\0"
				"branch.main.merge\nrefs/heads/trunk\0"
				"branch.a/b.c.remote\norigin\0"
				"branch.a/b.c.merge\nrefs/for/x\0"
				"branch.short.remote\norigin\0"
				"branch.short.merge\ntrunk\0"
				"branch.half.merge\nrefs/heads/trunk\0"
				"branch.url.remote\nhttps://h/a\0"
				"branch.url.merge\nrefs/heads/trunk\0";

static void refs(void **state)
{
	static const struct {
		const char *branch, *remote, *push, *pull;
	} cases[] = {
		{ "main", "origin", "refs/heads/trunk", "refs/heads/trunk" },
		{ "main", "fork", "refs/heads/main", "refs/heads/trunk" },
		{ "Main", "origin", "refs/heads/Main", "refs/heads/Main" },
		{ "a/b.c", "origin", "refs/for/x", "refs/for/x" },
		{ "new", "origin", "refs/heads/new", "refs/heads/new" },
		{ "short", "origin", "refs/heads/short", "refs/heads/short" },
		{ "half", "origin", "refs/heads/half", "refs/heads/trunk" },
		{ "url", "https://h/a", "refs/heads/trunk",
		  "refs/heads/trunk" },
	};
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(CONFIG(upstreams), &err);

	(void)state;
	assert_non_null(config);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *push = branch_push_ref(config, cases[i].branch,
					     cases[i].remote);
		char *pull = branch_pull_ref(config, cases[i].branch);

		assert_string_equal(push, cases[i].push);
		assert_string_equal(pull, cases[i].pull);
		free(push);
		free(pull);
	}
	gitconfig_free(config);
}

static void push_default(void **state)
{
	static const struct {
		const char *value, *ref;
	} cases[] = {
		{ "simple", "refs/heads/trunk" },
		{ "upstream", "refs/heads/trunk" },
		{ "tracking", "refs/heads/trunk" },
		{ "", "refs/heads/trunk" },
		{ "current", "refs/heads/main" },
		{ "matching", "refs/heads/main" },
		{ "nothing", "refs/heads/main" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct gitconfig *config;
		char text[400], *ref;
		int n;

		memcpy(text, upstreams, sizeof(upstreams) - 1);
		n = snprintf(text + sizeof(upstreams) - 1, 40,
			     "push.default\n%s", cases[i].value);
		config = gitconfig_parse(text, sizeof(upstreams) + (size_t)n,
					 &err);
		assert_non_null(config);
		ref = branch_push_ref(config, "main", "origin");
		assert_string_equal(ref, cases[i].ref);
		free(ref);
		/* It is about pushes. */
		ref = branch_pull_ref(config, "main");
		assert_string_equal(ref, "refs/heads/trunk");
		free(ref);
		gitconfig_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(current),	cmocka_unit_test(known_head),
		cmocka_unit_test(hostile),	cmocka_unit_test(refs),
		cmocka_unit_test(push_default),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repository,
				      remove_repository);
}
