/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "test/unit/unit.h"

static char home[] = "/tmp/gitconfig-XXXXXX";
static char file[sizeof(home) + 16];

/* No config but the file that a test writes. */
static int isolate(void **state)
{
	(void)state;
	if (!mkdtemp(home) || chdir(home))
		return -1;
	snprintf(file, sizeof(file), "%s/config", home);
	setenv("HOME", home, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CONFIG_GLOBAL", file, 1);
	setenv("GIT_CEILING_DIRECTORIES", "/tmp", 1);
	unsetenv("GIT_DIR");
	unsetenv("GIT_CONFIG_COUNT");
	unsetenv("GIT_CONFIG_PARAMETERS");
	return 0;
}

static int remove_home(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(home);
}

static void write_config(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static struct gitconfig *config_of(const char *text)
{
	struct err err = ERR_INIT;
	struct gitconfig *config;

	write_config(text);
	config = gitconfig_load(NULL, &err);
	assert_string_equal(err.msg, "");
	assert_non_null(config);
	return config;
}

/* The output of `git config` for two arguments, or "-" if it fails. */
static char *ask_git(const char *first, const char *second)
{
	const char *argv[] = { "git", "config", first, second, NULL, NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(1 << 16);
	struct err err = ERR_INIT;
	int status;

	assert_int_equal(child_run(&child, &text, &status, &err), 0);
	if (status) {
		buf_reset(&text);
		buf_puts(&text, "-\n");
	}
	if (text.len)
		text.data[text.len - 1] = '\0';
	return buf_take(&text);
}

static void keys(void **state)
{
	struct gitconfig *config = config_of(
		"[Core]\n\tSharedRepository = group\n"
		"[a \"B.c D\"]\n\tKey = one\n\tkey = two\n"
		"[a \"b.c d\"]\n\tkey = other\n"
		"[a]\n\tkey = \"line\\nbreak\"\n\tflag\n\tempty =\n");
	size_t pos = 0;

	(void)state;
	assert_string_equal(gitconfig_get(config, "core.sharedRepository"),
			    "group");
	assert_string_equal(gitconfig_get(config, "CORE.SHAREDREPOSITORY"),
			    "group");
	assert_string_equal(gitconfig_get(config, "A.B.c D.KEY"), "two");
	assert_string_equal(gitconfig_get(config, "a.b.c d.key"), "other");
	assert_null(gitconfig_get(config, "a.b.C d.key"));
	assert_string_equal(gitconfig_get(config, "a.key"), "line\nbreak");
	assert_string_equal(gitconfig_get(config, "a.flag"), "true");
	assert_string_equal(gitconfig_get(config, "a.empty"), "");
	assert_null(gitconfig_get(config, "a"));
	assert_null(gitconfig_get(config, ""));
	assert_string_equal(gitconfig_next(config, "a.B.c D.key", &pos), "one");
	assert_string_equal(gitconfig_next(config, "a.B.c D.key", &pos), "two");
	assert_null(gitconfig_next(config, "a.B.c D.key", &pos));
	gitconfig_free(config);
	gitconfig_free(NULL);
}

static void subsections(void **state)
{
	struct err err = ERR_INIT;
	static const char text[] =
		"url.https://h/.insteadof\ngh:\0"
		"url.insteadof\nx\0other\0url..insteadof\ny\0";
	struct gitconfig *config = gitconfig_parse(text, sizeof(text), &err);
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	(void)state;
	entry = gitconfig_each(config, &pos);
	assert_true(gitconfig_is(entry, "URL", "insteadOf"));
	assert_false(gitconfig_is(entry, "ur", "insteadOf"));
	assert_false(gitconfig_is(entry, "url", "instead"));
	assert_string_equal(entry->sub, "https://h/");
	entry = gitconfig_each(config, &pos);
	assert_true(gitconfig_is(entry, "url", "insteadOf"));
	assert_null(entry->sub);
	entry = gitconfig_each(config, &pos);
	assert_string_equal(entry->key, "other");
	assert_false(gitconfig_is(entry, "url", ""));
	assert_null(entry->sub);
	entry = gitconfig_each(config, &pos);
	assert_true(gitconfig_is(entry, "url", "insteadof"));
	assert_string_equal(entry->sub, "");
	assert_null(gitconfig_each(config, &pos));
	assert_string_equal(gitconfig_get_sub(config, "url", "https://h/",
					      "insteadOf"),
			    "gh:");
	assert_string_equal(gitconfig_get_sub(config, "URL", "", "insteadof"),
			    "y");
	assert_null(
		gitconfig_get_sub(config, "url", "https://H/", "insteadOf"));
	gitconfig_free(config);
}

static void a_broken_config(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	write_config("[a\n");
	assert_null(gitconfig_load(NULL, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.msg, "git config --list"));
}

static void assert_as_git_reads_it(const char *value)
{
	struct err err = ERR_INIT;
	const struct gitconfig_entry *entry;
	struct gitconfig *config;
	char text[200], number[32] = "-", *git_bool, *git_int;
	bool flag = false;
	int64_t n;

	snprintf(text, sizeof(text), "[a]\n\tkey = \"%s\"\n", value);
	config = config_of(text);
	git_bool = ask_git("--type=bool", "a.key");
	git_int = ask_git("--type=int", "a.key");
	entry = gitconfig_find(config, "a.key");
	if (gitconfig_parse_bool(entry, &flag, &err))
		assert_string_equal(git_bool, "-");
	else
		assert_string_equal(git_bool, flag ? "true" : "false");
	if (!gitconfig_parse_int(entry, &n, &err))
		snprintf(number, sizeof(number), "%" PRId64, n);
	assert_string_equal(git_int, number);
	free(git_bool);
	free(git_int);
	gitconfig_free(config);
}

static void bools_and_ints(void **state)
{
	static const char *const values[] = {
		"true",
		"TRUE",
		"Yes",
		"on",
		"false",
		"No",
		"OFF",
		"",
		"0",
		"1",
		"-1",
		"2",
		"010",
		"0x10",
		"1k",
		"1K",
		"3m",
		"2G",
		"1t",
		"1kk",
		"k",
		"-5k",
		" 7",
		"7 7",
		"x",
		"tru",
		"2147483647",
		"2147483648",
		"9223372036854775807",
		"9223372036854775808",
		"9007199254740992k",
		"9007199254740991k",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++)
		assert_as_git_reads_it(values[i]);
}

static void messages(void **state)
{
	struct gitconfig *config = config_of("[a \"https://h\"]\nkey = x\n"
					     "[a \"http://u:p@h:1\"]\n"
					     "key = x\n"
					     "[a]\nyes = on\nno = off\n");
	struct err err = ERR_INIT;
	bool flag;
	int64_t n;

	(void)state;
	for (int usual = 0; usual < 2; usual++) {
		assert_true(
			gitconfig_bool(gitconfig_find(config, "a.yes"), usual));
		assert_false(
			gitconfig_bool(gitconfig_find(config, "a.no"), usual));
		assert_int_equal(gitconfig_bool(NULL, usual), usual);
		assert_int_equal(
			gitconfig_bool(gitconfig_find(config,
						      "a.https://h.key"),
				       usual),
			usual);
	}
	assert_int_equal(gitconfig_parse_bool(gitconfig_find(config,
							     "a.https://h.key"),
					      &flag, &err),
			 -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_string_equal(err.msg, "a.https://h.key is 'x' in the git "
				     "config; it must be true or false");
	err_clear(&err);
	assert_int_equal(gitconfig_parse_int(gitconfig_find(config,
							    "a.https://h.key"),
					     &n, &err),
			 -1);
	assert_non_null(strstr(err.msg, "must be a number"));
	err_clear(&err);
	assert_int_equal(gitconfig_parse_bool(
				 gitconfig_find(config, "a.http://u:p@h:1.key"),
				 &flag, &err),
			 -1);
	assert_memory_equal(err.msg, "a.http://h:1.key is", 19);
	gitconfig_free(config);
}

static void paths(void **state)
{
	static const char *const values[] = {
		"~/a",	"~",   "~root/a", "~root",	     "~nobody-at-all/a",
		"/a/b", "a/b", "./~/a",	  "%(prefix)/etc/a", "%(prefix)",
		"",
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct err err = ERR_INIT;
		struct gitconfig *config;
		char *git, *path;

		snprintf(text, sizeof(text), "[a]\n\tkey = \"%s\"\n",
			 values[i]);
		config = config_of(text);
		git = ask_git("--type=path", "a.key");
		path = gitconfig_expand_path(gitconfig_find(config, "a.key"),
					     &err);
		assert_string_equal(path ? path : "-", git);
		if (!path)
			assert_int_equal(err.kind, ERR_USAGE);
		free(path);
		free(git);
		gitconfig_free(config);
	}
}

/* Deterministic, so that a failure can be seen again. */
static unsigned pick(unsigned n)
{
	static unsigned long long seed = 42;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void make_url(char *url, size_t size, bool is_pattern)
{
	static const char *const schemes[] = { "http", "https", "HTTPS" };
	static const char *const users[] = { "",   "",	   "",	  "u@",
					     "U@", "u:p@", "%75@" };
	static const char *const hosts[] = { "h.example",   "H.Example",
					     "a.h.example", "[::1]",
					     "*.example",   "*.h.*",
					     "h.*" };
	static const char *const ports[] = { "",  "",	   ":80",   ":443",
					     ":", ":8080", ":08080" };
	static const char *const paths[] = {
		"",	      "/",	   "/a",     "/a/",    "/a/b",
		"/a/./b",     "/a/x/../b", "/%61/b", "/a%2Fb", "/a%2fb",
		"/A/b",	      "/ab",	   "/a//b",  "/a/..",  "/a b",
		"/a%20b",     "/.",	   "/a/b/c", "/./a",   "/x/../a/b",
		"/a/b/../..", "/a//../b",  "/%7Eu",  "/~u",
	};

	snprintf(url, size, "%s://%s%s%s%s", schemes[pick(COUNT(schemes))],
		 users[pick(COUNT(users))], hosts[pick(is_pattern ? 7 : 4)],
		 ports[pick(COUNT(ports))], paths[pick(COUNT(paths))]);
}

/* git itself says which value is meant. */
static void urls_as_git_matches_them(void **state)
{
	char text[4000], url[200], pattern[200];

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct gitconfig *config;
		size_t len = 0;

		for (int i = 0; i < 30; i++) {
			make_url(pattern, sizeof(pattern), true);
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"[http \"%s\"]\nkey = %s#%d\n",
						pattern, pattern, i);
		}
		snprintf(text + len, sizeof(text) - len, "[http]\nkey = -\n");
		config = config_of(text);
		for (int i = 0; i < 4; i++) {
			const struct gitconfig_entry *entry;
			const char *argv[] = {
				"git",	    "config", "--get-urlmatch",
				"http.key", url,      NULL
			};
			struct child child = { .argv = argv };
			struct buf git = BUF_INIT(1000);
			struct err err = ERR_INIT;

			make_url(url, sizeof(url), false);
			assert_int_equal(child_run(&child, &git, NULL, &err),
					 0);
			git.data[git.len - 1] = '\0';
			entry = gitconfig_find_url(config, "http", url, "key");
			if (strcmp(entry->value, git.data))
				fail_msg("%s: git says %s, not %s\n%s", url,
					 git.data, entry->value, text);
			buf_release(&git);
		}
		gitconfig_free(config);
	}
}

static void best_match_with_many_values(void **state)
{
	struct gitconfig *config = config_of(
		"[http]\nextraHeader = general\n"
		"[http \"https://h/a\"]\nextraHeader = one\n"
		"[http \"https://h\"]\nextraHeader = host\n"
		"[http \"https://h/a\"]\nextraHeader = two\n");
	const struct gitconfig_entry *best;
	size_t pos = 0;

	(void)state;
	best = gitconfig_find_url(config, "http", "https://h/a/b",
				  "extraHeader");
	assert_string_equal(best->value, "two");
	assert_string_equal(gitconfig_next(config, best->key, &pos), "one");
	assert_string_equal(gitconfig_next(config, best->key, &pos), "two");
	assert_null(gitconfig_next(config, best->key, &pos));
	best = gitconfig_find_url(config, "http", NULL, "extraHeader");
	assert_string_equal(best->value, "general");
	best = gitconfig_find_url(config, "http", "nonsense", "extraHeader");
	assert_string_equal(best->value, "general");
	assert_null(gitconfig_find_url(config, "http", "https://h", "other"));
	gitconfig_free(config);
}

/* May .lfsconfig set this key? */
static bool is_taken(const char *key)
{
	struct err err = ERR_INIT;
	char *text = xstrfmt("%s\nx", key);
	struct gitconfig *lfs = gitconfig_parse(text, strlen(text), &err);
	struct gitconfig *git = gitconfig_parse("", 0, &err);
	struct gitconfig *merged = gitconfig_merge(git, lfs);
	bool is = gitconfig_each(merged, &(size_t){ 0 });

	gitconfig_free(merged);
	gitconfig_free(git);
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
	struct gitconfig *lfs = gitconfig_parse(theirs, sizeof(theirs), &err);
	struct gitconfig *both = gitconfig_merge(git, lfs);
	struct gitconfig *copy = gitconfig_merge(git, NULL);
	size_t pos = 0;

	(void)state;
	assert_string_equal(gitconfig_get(both, "lfs.url"), "ours");
	assert_string_equal(gitconfig_get(both, "lfs.pushurl"), "theirs");
	assert_string_equal(gitconfig_get(both, "http.proxy"), "ours");
	assert_null(gitconfig_get(both, "http.x"));
	assert_string_equal(gitconfig_next(both, "a.b", &pos), "");
	assert_string_equal(gitconfig_next(both, "a.b", &pos), "two\nlines");
	assert_null(gitconfig_get(copy, "lfs.pushurl"));
	gitconfig_free(both);
	gitconfig_free(copy);
	gitconfig_free(git);
}

static struct gitconfig *load_lfsconfig(const struct gitconfig *git,
					const char *text, struct err *err)
{
	FILE *out = text ? fopen(".lfsconfig", "w") : NULL;
	struct gitconfig *config;

	if (out) {
		fputs(text, out);
		fclose(out);
	}
	config = gitconfig_add_lfsconfig(git, home, err);
	unlink(".lfsconfig");
	return config;
}

static void lfsconfig(void **state)
{
	struct err err = ERR_INIT;
	struct gitconfig *git = gitconfig_parse("", 0, &err), *config;

	(void)state;
	config = load_lfsconfig(
		git, "[lfs]\n\turl = \"a # b\"\n[http]\n\tproxy = evil\n",
		&err);
	assert_string_equal(gitconfig_get(config, "lfs.url"), "a # b");
	assert_null(gitconfig_get(config, "http.proxy"));
	gitconfig_free(config);
	config = load_lfsconfig(git, NULL, &err);
	assert_non_null(config);
	assert_null(gitconfig_get(config, "lfs.url"));
	gitconfig_free(config);
	assert_null(load_lfsconfig(git, "[lfs\n", &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.msg, ".lfsconfig"));
	gitconfig_free(git);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(subsections),
		cmocka_unit_test(a_broken_config),
		cmocka_unit_test(bools_and_ints),
		cmocka_unit_test(messages),
		cmocka_unit_test(paths),
		cmocka_unit_test(urls_as_git_matches_them),
		cmocka_unit_test(best_match_with_many_values),
		cmocka_unit_test(safe_keys),
		cmocka_unit_test(merged),
		cmocka_unit_test(lfsconfig),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, isolate, remove_home);
}
