/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "lfs/git/repo.h"
#include "test/unit/unit.h"

static char home[] = "/tmp/repo-XXXXXX";

static int make_repositories(void **state)
{
	(void)state;
	if (!mkdtemp(home) || chdir(home))
		return -1;
	setenv("GIT_CEILING_DIRECTORIES", "/tmp", 1);
	unsetenv("GIT_DIR");
	return system("git init -q -b a 'a b' && git init -q unborn &&"
		      "git init -q --bare bare.git &&"
		      "mkdir 'a b/sub' outside && cd 'a b' &&"
		      "git -c user.name=a -c user.email=a@b commit -q "
		      "--allow-empty -m m && git worktree add -q ../tree &&"
		      "git worktree add -q --detach ../detached");
}

static int remove_repositories(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", home);
	return chdir("/") || system(command);
}

/* A path below home is meant; NULL is NULL. */
static void assert_path(const char *path, const char *expected)
{
	char wanted[100];

	if (!expected) {
		assert_null(path);
		return;
	}
	snprintf(wanted, sizeof(wanted), "%s/%s", home, expected);
	assert_non_null(path);
	assert_string_equal(path, wanted);
}

static void assert_repo(const char *dir, const char *common, const char *top,
			const char *head)
{
	struct err err = ERR_INIT;
	struct repo repo;

	assert_int_equal(chdir(home) || chdir(dir), 0);
	assert_int_equal(repo_find(&repo, &err), 0);
	assert_path(repo.common, common);
	assert_path(repo.top, top);
	if (head)
		assert_string_equal(repo.head, head);
	else
		assert_null(repo.head);
	repo_release(&repo);
}

static void places(void **state)
{
	static const struct {
		const char *dir, *common, *top, *head;
	} cases[] = {
		{ "a b", "a b/.git", "a b", "refs/heads/a" },
		{ "a b/sub", "a b/.git", "a b", "refs/heads/a" },
		{ "tree", "a b/.git", "tree", "refs/heads/tree" },
		{ "detached", "a b/.git", "detached", "HEAD" },
		{ "unborn", "unborn/.git", "unborn", NULL },
		{ "a b/.git", "a b/.git", NULL, NULL },
		{ "bare.git", "bare.git", NULL, NULL },
		{ "outside", NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_repo(cases[i].dir, cases[i].common, cases[i].top,
			    cases[i].head);
}

static void git_dir_of_the_environment(void **state)
{
	(void)state;
	/* With it alone the current directory is the work tree, as for git. */
	setenv("GIT_DIR", "../a b/.git", 1);
	assert_repo("outside", "a b/.git", "outside", "refs/heads/a");
	setenv("GIT_DIR", "../bare.git", 1);
	assert_repo("outside", "bare.git", NULL, NULL);
	unsetenv("GIT_DIR");
}

static void no_git(void **state)
{
	static char path[4096];	/* not lost if one of these fails */
	struct err err = ERR_INIT;
	struct repo repo;

	(void)state;
	snprintf(path, sizeof(path), "%s", getenv("PATH"));
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(repo_find(&repo, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	repo_release(&repo);
	setenv("PATH", path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(git_dir_of_the_environment),
		cmocka_unit_test(no_git),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repositories,
				      remove_repositories);
}
