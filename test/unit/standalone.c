/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "agent/standalone.h"
#include "test/unit/unit.h"

static const char config_text[] =
	"remote.origin.url\ngit@h.example:me/r.git\0"
	"remote.up.url\nhttps://h.example/me/r\0"
	"remote.up.pushurl\nssh://git@push.example:22/me/r\0"
	"remote.own.lfsurl\nhttps://me:secret@lfs.example/x/\0"
	"remote.here.url\nfile:///tmp/r.git\0"
	"url.https://mirror.example/.insteadOf\nmine:";

static struct gitconfig *load(void)
{
	struct err err = ERR_INIT;

	return gitconfig_parse(config_text, sizeof(config_text) - 1, &err);
}

/* The URLs of `text`, with a blank after each; "" on failure. */
static void find(const char *text, char *urls, size_t room)
{
	struct gitconfig *config = load();
	struct err err = ERR_INIT;
	struct serverurl found;

	*urls = '\0';
	if (serverurl_find(&found, config, text, &err))
		assert_int_equal(err.kind, ERR_USAGE);
	else
		for (size_t i = 0; i < found.n; i++) {
			assert_true(strlen(urls) + strlen(found.urls[i]) + 2 <
				    room);
			memcpy(urls + strlen(urls), found.urls[i],
			       strlen(found.urls[i]) + 1);
			memcpy(urls + strlen(urls), " ", 2);
		}
	serverurl_release(&found);
	gitconfig_free(config);
}

static void all_forms(void **state)
{
	static const struct {
		const char *text, *urls;
	} cases[] = {
		{ "https://h.example", "https://h.example " },
		{ "https://h.example/", "https://h.example " },
		{ "https://h.example/me//", "https://h.example/me " },
		{ "https://h.example:8443/me/r.git",
		  "https://h.example:8443/me/r.git " },
		{ "https://me:secret@h.example/r?x=1#y",
		  "https://h.example/r " },
		{ "HTTPS://h.example/r", "https://h.example/r " },
		/* git-lfs passes over a key with a blank. */
		{ "https://h.example/a%20b", "https://h.example/a%20b " },
		{ "https://h.example/a b/", "https://h.example/a%20b " },
		{ "https://h.example/50%25/%5bx%5D%2f",
		  "https://h.example/50%25/%5bx%5D%2f " },
		{ "ssh://git@h.example/a%20b",
		  "https://h.example/a%20b.git/info/lfs " },
		{ "https://*.example/me", "https://*.example/me " },
		{ "http://127.0.0.1:80", "http://127.0.0.1:80 " },
		{ "ssh://git@h.example:2222/me/r.git",
		  "https://h.example/me/r.git/info/lfs " },
		{ "ssh://git@h.example/me/r/",
		  "https://h.example/me/r.git/info/lfs " },
		{ "ssh://git@h.example", "https://h.example " },
		{ "ssh://git@h.example/", "https://h.example " },
		{ "git@h.example:me/r",
		  "https://h.example/me/r.git/info/lfs " },
		{ "git+ssh://git@h.example/me/r",
		  "https://h.example/me/r.git/info/lfs " },
		{ "git://h.example/r", "https://h.example/r.git/info/lfs " },
		{ "mine:r.git", "https://mirror.example/r.git/info/lfs " },
		{ "lfs-multipart::", "lfs-multipart:: " },
		{ "lfs-multipart::https://h.example/r",
		  "https://h.example/r " },
		{ "origin", "https://h.example/me/r.git/info/lfs " },
		{ "up", "https://h.example/me/r.git/info/lfs "
			"https://push.example/me/r.git/info/lfs " },
		{ "own", "https://lfs.example/x " },
		{ NULL, "https://h.example/me/r.git/info/lfs " },
		{ "here", "" },
		{ "file:///tmp/r.git", "" },
		{ "/tmp/r.git", "" },
		{ "ftp://h.example/x", "" },
		{ "https://", "" },
		{ "https:///x", "" },
		{ "https://h.example/%0a", "" },
		{ "https://h.example/%zz", "" },
		{ "", "" },
	};
	char urls[500];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		find(cases[i].text, urls, sizeof(urls));
		assert_string_equal(urls, cases[i].urls);
	}
}

static void no_secrets(void **state)
{
	struct gitconfig *config = load();
	struct err err = ERR_INIT;
	struct serverurl found;

	(void)state;
	assert_int_equal(serverurl_find(&found, config,
					"ftp://me:secret@h.example/a?secret",
					&err),
			 -1);
	assert_memory_equal(err.msg, "'ftp://h.example/a' ", 20);
	serverurl_release(&found);
	gitconfig_free(config);
}

static void words_that_are_no_path(void **state)
{
	static const char *const yes[] = { "origin", "own", "https://x",
					   "git@x:y", "lfs-multipart::" };
	static const char *const no[] = { ".", "r", "../r", "/tmp/r",
					  "h.example" };
	struct gitconfig *config = load();

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(serverurl_is_one(config, yes[i]));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(serverurl_is_one(config, no[i]));
	gitconfig_free(config);
}

/* Where there is no repository, no .lfsconfig and no branch has a say. */
static int leave(void **state)
{
	(void)state;
	setenv("GIT_CEILING_DIRECTORIES", "/", 1);
	return chdir("/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms),
		cmocka_unit_test(no_secrets),
		cmocka_unit_test(words_that_are_no_path),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, leave, NULL);
}
