/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* nftw() */
#include <ftw.h>
#include <signal.h>
#include <unistd.h>

#include "lfs/base/mem.h"
#include "lfs/git/lfsconfig.h"
#include "test/unit/unit.h"

/* May .lfsconfig set this key? */
static bool is_taken(const char *key)
{
	struct err err = ERR_INIT;
	char *text = xstrfmt("%s\nx", key);
	struct gitconfig *file = gitconfig_parse(text, strlen(text), &err);
	struct gitconfig *git = gitconfig_parse("", 0, &err);
	struct gitconfig *merged = lfsconfig_merge(git, file, &err);
	bool is = gitconfig_each(merged, &(size_t){ 0 });

	gitconfig_free(merged);
	gitconfig_free(git);
	gitconfig_free(file);
	free(text);
	return is;
}

static void safe_keys(void **state)
{
	static const char *const safe[] = {
		"lfs.url",
		"LFS.PushURL",
		"lfs.allowincompletepush",
		"lfs.fetchexclude",
		"lfs.fetchinclude",
		"lfs.gitprotocol",
		"lfs.locksverify",
		"lfs.skipdownloaderrors",
		"lfs.https://h.example/a.b.access",
		"remote.origin.lfsurl",
		"remote.my.fork.LfsUrl",
	};
	static const char *const unsafe[] = {
		"lfs.customtransfer.x.path",
		"lfs.standalonetransferagent",
		"lfs.https://h.example.standalonetransferagent",
		"lfs.storage",
		"lfs.access",
		"lfs.x.url",
		"lfs.url.x",
		"remote.lfsurl",
		"remote.origin.url",
		"remote.origin.pushurl",
		"remote.origin.lfspushurl",
		"remote.a.b.url",
		"remote.a.b.proxy",
		"remote.lfsdefault",
		"remote.lfspushdefault",
		"remote.pushdefault",
		"url.https://evil.example/.insteadof",
		"http.proxy",
		"http.https://h.example.access",
		"http.sslverify",
		"credential.helper",
		"core.sshcommand",
		"core.askpass",
		"lfsmultipart.connections",
		"include.path",
		"lfs",
		"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(safe); i++)
		if (!is_taken(safe[i]))
			fail_msg("%s is refused", safe[i]);
	for (size_t i = 0; i < COUNT(unsafe); i++)
		if (is_taken(unsafe[i]))
			fail_msg("%s passes", unsafe[i]);
}

static void merged(void **state)
{
	static const char ours[] = "lfs.url\nours\0http.proxy\nours\0"
				   "a.b\n\0a.b\ntwo\nlines\0";
	static const char theirs[] = "lfs.url\ntheirs\0lfs.pushurl\ntheirs\0"
				     "http.proxy\ntheirs\0http.x\ntheirs\0";
	struct err err = ERR_INIT;
	struct gitconfig *git = gitconfig_parse(ours, sizeof(ours), &err);
	struct gitconfig *file = gitconfig_parse(theirs, sizeof(theirs), &err);
	struct gitconfig *both = lfsconfig_merge(git, file, &err);
	struct gitconfig *copy = lfsconfig_merge(git, NULL, &err);
	size_t pos = 0;

	(void)state;
	assert_string_equal(gitconfig_get(both, "lfs.url"), "ours");
	assert_string_equal(gitconfig_get(both, "lfs.pushurl"), "theirs");
	assert_string_equal(gitconfig_get(both, "http.proxy"), "ours");
	assert_null(gitconfig_get(both, "http.x"));
	assert_string_equal(gitconfig_next(both, "a.b", &pos), "");
	assert_string_equal(gitconfig_next(both, "a.b", &pos), "two\nlines");
	assert_null(gitconfig_get(copy, "lfs.pushurl"));
	gitconfig_free(git);
	gitconfig_free(file);
	gitconfig_free(both);
	gitconfig_free(copy);
}

static char dir[] = "/tmp/lfsconfig-XXXXXX";

static int make_repository(void **state)
{
	(void)state;
	return !mkdtemp(dir) || chdir(dir) || system("git init -q");
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_repository(void **state)
{
	(void)state;
	return chdir("/") || nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct gitconfig *load(const char *text, struct err *err)
{
	struct gitconfig *git = gitconfig_parse("", 0, err), *config;
	struct repo repo = { .top = dir };
	FILE *file = text ? fopen(".lfsconfig", "w") : NULL;

	unlink(text ? "" : ".lfsconfig");
	if (file) {
		fputs(text, file);
		fclose(file);
	}
	config = lfsconfig_load(git, &repo, err);
	gitconfig_free(git);
	return config;
}

static void loaded(void **state)
{
	struct err err = ERR_INIT;
	struct gitconfig *config;

	(void)state;
	config = load("[lfs]\n\turl = \"a # b\"\n[http]\n\tproxy = evil\n",
		      &err);
	assert_string_equal(gitconfig_get(config, "lfs.url"), "a # b");
	assert_null(gitconfig_get(config, "http.proxy"));
	gitconfig_free(config);
	config = load(NULL, &err);
	assert_non_null(config);
	assert_null(gitconfig_get(config, "lfs.url"));
	gitconfig_free(config);
}

static void not_a_config(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(load("[lfs\n", &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.msg, ".lfsconfig"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_keys),
		cmocka_unit_test(merged),
		cmocka_unit_test(loaded),
		cmocka_unit_test(not_a_config),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repository,
				      remove_repository);
}
