/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "lfs/git/repo.h"
#include "test/unit/unit.h"

#define CONFIG(text) (text), sizeof(text)

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
		      "git worktree add -q --detach ../detached &&"
		      "git init -q ../branch && cd ../branch &&"
		      "git symbolic-ref HEAD refs/heads/a/b.c &&"
		      "git -c user.name=A -c user.email=a@b commit -q "
		      "--allow-empty -m one");
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

static void current_branch(void **state)
{
	(void)state;
	assert_int_equal(chdir(home) || chdir("branch"), 0);
	is_on("a/b.c");
	assert_int_equal(system("git tag a/b.c && git tag heads/a/b.c"), 0);
	is_on("a/b.c");
	assert_int_equal(system("git worktree add -q -b w w 2>/dev/null"), 0);
	assert_int_equal(chdir("w"), 0);
	is_on("w");
	assert_int_equal(chdir(".."), 0);
	assert_int_equal(system("git checkout -q --detach"), 0);
	is_on(NULL);
	assert_int_equal(system("git symbolic-ref HEAD refs/heads/unborn"), 0);
	is_on("unborn");
	assert_int_equal(system("git symbolic-ref HEAD refs/remotes/o/main"),
			 0);
	is_on(NULL);
}

/* A repository that repo_find() has found is not looked for again. */
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
static void hostile_heads(void **state)
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
	assert_int_equal(chdir(home) || chdir("branch"), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		char *branch = home;

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

static void refs_of_branches(void **state)
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

#define OID "743b1b21bb5703834932e56f46f4f0a654097fd3"

/* As git writes them, then as it does not; test/t-standalone.sh has a file. */
static void fetch_heads(void **state)
{
	static const char *const cases[][2] = {
		{ OID "\t\tbranch 'main' of https://h/a/b\n", "https://h/a/b" },
		{ OID "\t\thttps://h/a\n", "https://h/a" },
		{ OID "\tnot-for-merge\ttag 'v1' of h:a/b\n", "h:a/b" },
		{ OID "\t\tbranch 'a' of /x/b' of c\nmore\t\tlines\n",
		  "/x/b' of c" },
		{ OID "\t\t'x' of y' of z\n", "y' of z" },
		{ "", NULL },
		{ "\n", NULL },
		{ OID "\n", NULL },
		{ OID "\t\n", NULL },
		{ OID "\t\t\n", NULL },
		{ OID "\t\tbranch 'a' of \n", NULL },
		{ OID "\t\thttps://h/a\tb\n", NULL },
		{ OID "\t\thttps://cut.off/he", NULL },
		{ "\n\t\thttps://h/a\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *url = fetchhead_parse(cases[i][0], strlen(cases[i][0]));

		if (cases[i][1])
			assert_string_equal(url, cases[i][1]);
		else
			assert_null(url);
		free(url);
	}
}

static void zero_bytes_in_fetch_heads(void **state)
{
	static const char text[] = "\0\t\thttps://h/a\n";
	static const char inside[] = "a\t\thttps://h/a\0b\n";
	char *url = fetchhead_parse(inside, sizeof(inside) - 1);

	(void)state;
	assert_null(fetchhead_parse(text, sizeof(text) - 1));
	assert_string_equal(url, "https://h/a");
	free(url);
}

#define A "remote.a.promisor\ntrue\0"
#define FILTER(name, filter) \
	"remote." name ".partialclonefilter\n" filter "\0"
#define CASE(text) text, sizeof(text) - 1

static const struct {
	const char *config;
	size_t len;
	const char *remotes;	/* with a blank after each */
} clones[] = {
	{ CASE("core.bare\nfalse\0"), "" },
	{ CASE(FILTER("a", "blob:none")), "a " },
	{ CASE(A FILTER("a", "blob:none")), "a " },
	{ CASE(A), "a " },
	{ CASE(FILTER("a", "blob:limit=3k") FILTER("b", "tree:0")), "a b " },
	/* Each once, and only those that are. */
	{ CASE("extensions.partialclone\na\0" FILTER("a", "blob:limit=9k")),
	  "a " },
	{ CASE("extensions.partialclone\na b\0"), "a b " },
	{ CASE("remote.up/stream.promisor\ntrue\0" FILTER("up/stream",
							  "blob:none")),
	  "up/stream " },
	{ CASE("remote.a.promisor\nfalse\0"), "" },
	{ CASE("remote.promisor\ntrue\0"), "" },
};

static void promisors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(clones); i++) {
		struct err err = ERR_INIT;
		struct gitconfig *config = gitconfig_parse(clones[i].config,
							   clones[i].len, &err);
		const char **found;
		char remotes[100] = "";
		size_t len;

		assert_non_null(config);
		found = repo_promisors(config);
		for (size_t k = 0; found[k]; k++) {
			len = strlen(remotes);
			snprintf(remotes + len, sizeof(remotes) - len, "%s ",
				 found[k]);
		}
		if (strcmp(remotes, clones[i].remotes))
			fail_msg("case %zu: %s", i, remotes);
		free(found);
		gitconfig_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(git_dir_of_the_environment),
		cmocka_unit_test(no_git),
		cmocka_unit_test(current_branch),
		cmocka_unit_test(known_head),
		cmocka_unit_test(hostile_heads),
		cmocka_unit_test(refs_of_branches),
		cmocka_unit_test(push_default),
		cmocka_unit_test(fetch_heads),
		cmocka_unit_test(zero_bytes_in_fetch_heads),
		cmocka_unit_test(promisors),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repositories,
				      remove_repositories);
}
