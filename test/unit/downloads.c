/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "agent/downloads.h"
#include "lfs/mode/plan.h"
#include "test/unit/unit.h"

#define CONFIG(text) (text), sizeof(text) - 1

static struct gitconfig *parse(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(text, len, &err);

	assert_non_null(config);
	return config;
}

static struct gitconfig *before(const char *text, size_t len)
{
	struct gitconfig *config = parse(text, len);
	struct err err = ERR_INIT;
	struct gitconfig *result = downloads_before(config, &err);

	assert_non_null(result);
	gitconfig_free(config);
	return result;
}

static void is(const struct gitconfig *config, const char *key,
	       const char *value)
{
	const char *got = gitconfig_get(config, key);

	if (!value)
		assert_null(got);
	else
		assert_string_equal(got ? got : "", value);
}

static void what_was_before(void **state)
{
	struct gitconfig *config = before(
		CONFIG("remote.a.lfsurl\nlfs-multipart::https://h/a\0"
		       "remote.a.lfspushurl\nhttps://h/a\0"
		       "remote.b.lfsurl\nhttps://global/b\0"
		       "remote.b.lfsurlbefore\nhttps://h/b\0"
		       "remote.b.lfsurl\nlfs-multipart::https://h/b2\0"
		       "remote.b.lfspushurl\nhttps://h/b2\0"
		       "remote.b.url\nline\nfeed\0"
		       "lfs.url\nlfs-multipart::https://h/x\0"
		       "lfs.pushurlbefore\nhttps://h/push\0"
		       "lfs.pushurl\nhttps://h/x\0"
		       "core.bare"));

	(void)state;
	is(config, "remote.a.lfsurl", NULL);
	is(config, "remote.a.lfspushurl", NULL);
	is(config, "remote.b.lfsurlbefore", NULL);
	is(config, "remote.b.lfsurl", "https://h/b");
	is(config, "remote.b.lfspushurl", NULL);
	is(config, "remote.b.url", "line\nfeed");
	is(config, "lfs.url", NULL);
	is(config, "lfs.pushurl", "https://h/push");
	is(config, "core.bare", "true");
	gitconfig_free(config);
}

/* Without both keys in our form, they are a person's. */
static void what_is_not_ours(void **state)
{
	struct gitconfig *config = before(
		CONFIG("remote.a.lfsurl\nlfs-multipart::https://h/a\0"
		       "remote.b.lfsurl\nhttps://h/b\0"
		       "remote.b.lfspushurl\nhttps://h/b\0"
		       "remote.b.lfsurlbefore\nhttps://h/old\0"
		       "remote.c.lfsurl\nlfs-multipart::https://h/c\0"
		       "remote.c.lfspushurl\nlfs-multipart::https://h/c\0"
		       "remote.lfsurl\nx\0"
		       "lfs.https://h.url\nlfs-multipart::https://h/x"));

	(void)state;
	is(config, "remote.a.lfsurl", "lfs-multipart::https://h/a");
	is(config, "remote.b.lfsurl", "https://h/b");
	is(config, "remote.b.lfspushurl", "https://h/b");
	is(config, "remote.c.lfsurl", "lfs-multipart::https://h/c");
	is(config, "remote.c.lfspushurl", "lfs-multipart::https://h/c");
	is(config, "remote.lfsurl", "x");
	is(config, "lfs.https://h.url", "lfs-multipart::https://h/x");
	gitconfig_free(config);
}

static void nothing(void **state)
{
	struct gitconfig *config = before("", 0);
	size_t pos = 0;

	(void)state;
	assert_null(gitconfig_each(config, &pos));
	gitconfig_free(config);
}

/* The keys that are added for `remote`, as KEY=VALUE with a blank after each. */
static void add(const char *text, size_t len, const char *remote, char *added,
		size_t room)
{
	const struct repo repo = REPO_INIT;
	struct gitconfig *config = parse(text, len);
	struct downloads_list list = { .n = 0 };
	struct keys keys = { .n = 0 };
	struct err err = ERR_INIT;
	size_t n = 0;

	*added = '\0';
	if (downloads_find(&list, config, &repo, remote, &err))
		assert_int_equal(err.kind, ERR_USAGE);
	for (size_t i = 0; !err.kind && i < list.n; i++)
		downloads_add_keys(&keys, &list.items[i], config);
	for (size_t i = 0; i < keys.n; i++)
		n += (size_t)snprintf(added + n, room - n, "%s=%s ",
				      keys.list[i].name, keys.list[i].value);
	assert_true(n < room);
	keys_release(&keys);
	downloads_release(&list);
	gitconfig_free(config);
}

static const char remotes[] = "remote.o.url\nhttps://h/o/\0"
			      "remote.my.fork.url\nhttps://h/a.git\0"
			      "remote.s.url\nssh://git@s:22/~me/a b\0"
			      "url.https://h/whole/.insteadOf\nmine\0"
			      "remote.m.url\nmine\0"
			      "remote.n.url\nmine/n\0"
			      "remote.f.url\nfile:///nowhere\0"
			      "remote.empty.url\n\0"
			      "remote.x.lfsurl\nlfs-multipart::https://h/x";

static void keys_of_remotes(void **state)
{
	static const struct {
		const char *remote, *added;
	} cases[] = {
		{ "o",
		  "remote.o.lfspushurl=https://h/o.git/info/lfs "
		  "remote.o.lfsurl=lfs-multipart::https://h/o.git/info/lfs " },
		{ "my.fork",
		  "remote.my.fork.lfspushurl=https://h/a.git/info/lfs "
		  "remote.my.fork.lfsurl="
		  "lfs-multipart::https://h/a.git/info/lfs " },
		{ "s",
		  "remote.s.lfspushurl=ssh://git@s:22/~me/a b "
		  "remote.s.lfsurl=lfs-multipart::ssh://git@s:22/~me/a b " },
		{ "m",
		  "remote.m.lfspushurl=https://h/whole.git/info/lfs "
		  "remote.m.lfsurl=lfs-multipart::https://h/whole.git/info/lfs " },
		{ "n", "remote.n.lfspushurl=mine/n.git/info/lfs "
		       "remote.n.lfsurl=lfs-multipart::mine/n.git/info/lfs " },
		{ "x", "remote.x.lfsurlbefore=https://h/x "
		       "remote.x.lfspushurl=https://h/x "
		       "remote.x.lfsurl=lfs-multipart::https://h/x " },
		{ "https://h/o",
		  "remote.o.lfspushurl=https://h/o.git/info/lfs "
		  "remote.o.lfsurl=lfs-multipart::https://h/o.git/info/lfs " },
		{ "f", "" },
		{ "empty", "" },
		{ "https://h/o/longer", "" },
		{ "https://hh", "" },
		{ "", "" },
	};
	char added[500];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		add(CONFIG(remotes), cases[i].remote, added, sizeof(added));
		assert_string_equal(added, cases[i].added);
	}
}

static void too_many_remotes(void **state)
{
	char text[1000];
	size_t n = 0;
	char added[4000];

	(void)state;
	for (int i = 0; i <= DOWNLOADS_MAX; i++) {
		add(text, n, "https://h", added, sizeof(added));
		if (i)
			assert_non_null(strstr(added, "remote.r0.lfsurl"));
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "remote.r%d.url\nhttps://h/%d", i, i) +
		     1;
	}
	add(text, n, "https://h", added, sizeof(added));
	assert_string_equal(added, "");
	add(text, n, "https://h/0", added, sizeof(added));
	assert_non_null(strstr(added, "remote.r0.lfsurl"));
}

/* Where there is no repository, no .lfsconfig and no branch has a say. */
static int leave(void **state)
{
	(void)state;
	/* As in the program: git may end before it reads what we send it. */
	signal(SIGPIPE, SIG_IGN);
	setenv("GIT_CEILING_DIRECTORIES", "/", 1);
	return chdir("/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_before),
		cmocka_unit_test(what_is_not_ours),
		cmocka_unit_test(nothing),
		cmocka_unit_test(keys_of_remotes),
		cmocka_unit_test(too_many_remotes),
	};

	return cmocka_run_group_tests(tests, leave, NULL);
}
