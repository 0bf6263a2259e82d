/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>

#include "lfs/server/endpoint.h"
#include "test/unit/unit.h"

#define CONFIG(text) (text), sizeof(text)

/*
 * test/endpoints.table says where an endpoint is found; these cases are those
 * that git-lfs does not show.
 */

static struct gitconfig *parse(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(text, len, &err);

	assert_non_null(config);
	return config;
}

static const char remotes[] =
	"remote.origin.url\nhttps://me@h.example/a\0"
	"remote.origin.pushurl\ngit@p.example:a\0"
	"remote.origin.lfsurl\nhttps://l.example/x\0"
	"remote.ssh.url\nssh://git@h.example:22/a\0"
	"remote.file.url\nfile:///nowhere\0"
	"remote.store.lfsurl\nlfs-multipart::s3://bucket/a\0"
	"remote.agent.lfsurl\nlfs-multipart::https://l.example/a b\0"
	"remote.shared.lfsurl\nlfs-multipart::git@h.example:me/a\0"
	"remote.port.lfsurl\nlfs-multipart::[git@h.example:22]:me/a\0"
	"remote.short.lfsurl\nlfs-multipart::SSH://h.example/a\0"
	"remote.cut.lfsurl\nlfs-multipart::ssh://h.example:x/a\0"
	"remote.odd.url\nftp://h.example:21/a\0"
	"remote.line.url\nssh://h.example/%0a\0"
	"remote.path.url\n/nowhere/at/all\0"
	"remote.helper.url\nx::/a\0";

static void find(struct endpoint *endpoint, const char *remote,
		 enum direction direction)
{
	struct gitconfig *config = parse(CONFIG(remotes));
	struct err err = ERR_INIT;

	assert_int_equal(endpoint_find(endpoint, config, remote, direction,
				       &err),
			 0);
	assert_string_equal(err.msg, "");
	gitconfig_free(config);
}

static void fields(void **state)
{
	struct endpoint endpoint;

	(void)state;
	find(&endpoint, "origin", DOWNLOAD);
	assert_int_equal(endpoint.kind, ENDPOINT_HTTP);
	assert_string_equal(endpoint.url, "https://l.example/x");
	assert_string_equal(endpoint.remote, "origin");
	assert_string_equal(endpoint.remote_url, "https://me@h.example/a");
	assert_null(endpoint.ssh.host);
	endpoint_release(&endpoint);

	find(&endpoint, "origin", UPLOAD);
	assert_string_equal(endpoint.remote_url, "git@p.example:a");
	endpoint_release(&endpoint);

	find(&endpoint, "ssh", UPLOAD);
	assert_string_equal(endpoint.url, "https://h.example/a.git/info/lfs");
	assert_string_equal(endpoint.ssh.host, "git@h.example");
	assert_string_equal(endpoint.ssh.port, "22");
	assert_string_equal(endpoint.ssh.path, "/a");
	endpoint_release(&endpoint);

	/* Not a remote: that of origin, but with no git URL of its own. */
	find(&endpoint, "nobody", UPLOAD);
	assert_string_equal(endpoint.url, "https://l.example/x");
	assert_string_equal(endpoint.remote, "nobody");
	assert_null(endpoint.remote_url);
	endpoint_release(&endpoint);
}

static void kinds(void **state)
{
	static const struct {
		const char *remote, *url;
		enum endpoint_kind kind;
	} cases[] = {
		{ "file", "file:///nowhere", ENDPOINT_FILE },
		{ "store", "s3://bucket/a", ENDPOINT_OTHER },
		{ "agent", "https://l.example/a%20b", ENDPOINT_HTTP },
		{ "cut", "ssh://h.example:x/a", ENDPOINT_OTHER },
		{ "helper", "/a.git/info/lfs", ENDPOINT_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct endpoint endpoint;

		find(&endpoint, cases[i].remote, DOWNLOAD);
		assert_int_equal(endpoint.kind, cases[i].kind);
		assert_string_equal(endpoint.url, cases[i].url);
		endpoint_release(&endpoint);
	}
}

/* Behind our prefix, ssh is what it is without it. */
static void shared_by_ssh(void **state)
{
	static const struct {
		const char *remote, *url, *host, *port, *path;
	} cases[] = {
		{ "shared", "https://h.example/me/a", "git@h.example", NULL,
		  "me/a" },
		{ "port", "https://h.example/me/a", "git@h.example", "22",
		  "me/a" },
		{ "short", "https://h.example/a", "h.example", NULL, "/a" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		size_t row = i / 2;
		struct endpoint endpoint;

		find(&endpoint, cases[row].remote, i % 2 ? UPLOAD : DOWNLOAD);
		assert_int_equal(endpoint.kind, ENDPOINT_HTTP);
		assert_string_equal(endpoint.url, cases[row].url);
		assert_string_equal(endpoint.ssh.host, cases[row].host);
		assert_string_equal(endpoint.ssh.path, cases[row].path);
		if (cases[row].port)
			assert_string_equal(endpoint.ssh.port, cases[row].port);
		else
			assert_null(endpoint.ssh.port);
		endpoint_release(&endpoint);
	}
}

static void errors(void **state)
{
	static const char *const names[] = { "odd", "line", "path" };
	struct gitconfig *config = parse(CONFIG(remotes));
	struct gitconfig *empty = parse("", 0);
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(endpoint_find(&endpoint, config, names[i],
					       DOWNLOAD, &err),
				 -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.msg, names[i]));
		assert_null(endpoint.url);
		assert_null(endpoint.remote);
	}
	for (int i = 0; i < 2; i++) {
		struct err err = ERR_INIT;

		assert_int_equal(endpoint_find(&endpoint, empty, "origin",
					       i ? UPLOAD : DOWNLOAD, &err),
				 -1);
		assert_non_null(strstr(err.msg, "lfs.url"));
	}
	gitconfig_free(config);
	gitconfig_free(empty);
}

/* The key that named the endpoint, for messages; the last one counts. */
static void keys(void **state)
{
	static const char texts[][120] = {
		"remote.a.url\nhttps://h/a\0remote.b.url\nhttps://h/b",
		"remote.a.url\nhttps://h/a\0remote.a.pushurl\nhttps://h/p",
		"remote.a.url\nhttps://h/a\0remote.a.lfsurl\nhttps://h/l",
		"remote.a.url\nhttps://h/a\0lfs.url\nhttps://h/l",
		"lfs.url\nhttps://h/l\0lfs.pushurl\nhttps://h/p",
		"remote.origin.url\nhttps://h/a",
	};
	static const struct {
		const char *remote, *download, *upload;
	} cases[] = {
		{ "a", "remote.a.url", "remote.a.url" },
		{ "a", "remote.a.url", "remote.a.pushurl" },
		{ "a", "remote.a.lfsurl", "remote.a.lfsurl" },
		{ "a", "lfs.url", "lfs.url" },
		{ "a", "lfs.url", "lfs.pushurl" },
		{ "a", "remote.origin.url", "remote.origin.url" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct gitconfig *config = parse(CONFIG(texts[i / 2]));
		struct endpoint endpoint;
		struct err err = ERR_INIT;

		assert_int_equal(endpoint_find(&endpoint, config,
					       cases[i / 2].remote,
					       i % 2 ? UPLOAD : DOWNLOAD, &err),
				 0);
		assert_string_equal(endpoint.key,
				    i % 2 ? cases[i / 2].upload :
					    cases[i / 2].download);
		endpoint_release(&endpoint);
		gitconfig_free(config);
	}
}

/* As if it were lfs.url: no key, no remote, and rewritten like one. */
static void lfs_urls(void **state)
{
	static const struct {
		const char *given, *url;	/* NULL: refused */
	} cases[] = {
		{ "https://h.example/a/info/lfs",
		  "https://h.example/a/info/lfs" },
		{ "short:a", "https://long.example/a" },
		{ "ssh://git@h.example/a", "https://h.example/a" },
		{ "ftp://me:secret@h.example/a", NULL },
		{ "ftp://h.example/a", NULL },
		{ "FTP://h.example/a", NULL },
		{ "ftp://h.example:21/a", NULL },
		{ "git+ssh://h.example/a", "https://h.example/a" },
		{ "ftp:a", "https://ftp/a" },
		{ "https://h.example/a\nb", NULL },
		{ "", NULL },
	};
	static const char text[] =
		"lfs.url\nhttps://other.example/x\0"
		"url.https://long.example/.insteadof\nshort:\0";
	struct gitconfig *config = parse(CONFIG(text));

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct endpoint endpoint;
		struct err err = ERR_INIT;
		int ret = endpoint_from_lfs(&endpoint, config, cases[i].given,
					    UPLOAD, &err);

		if (ret != (cases[i].url ? 0 : -1))
			fail_msg("%s: %s", cases[i].given, err.msg);
		if (cases[i].url) {
			assert_string_equal(endpoint.url, cases[i].url);
			assert_string_equal(endpoint.remote, cases[i].given);
			assert_null(endpoint.remote_url);
			assert_null(endpoint.key);
		} else {
			assert_int_equal(err.kind, ERR_USAGE);
			assert_null(strstr(err.msg, "secret"));
			assert_null(endpoint.remote);
		}
		endpoint_release(&endpoint);
	}
	gitconfig_free(config);
}

static void names_of_remotes(void **state)
{
	static const char text[] = "remote.a.url\nx\0"
				   "remote.a.b.fetch\n+x\0"
				   "remote.Case.tagopt\nx\0"
				   "remote.pushdefault\nnobody\0"
				   "branch.main.remote\nnobody\0";
	static const char *const there[] = { "a", "a.b", "Case" };
	static const char *const not_there[] = { "",	   "b",
						 "case",   "a.",
						 "nobody", "pushdefault",
						 "main",   "a.b.fetch" };
	struct gitconfig *config = parse(CONFIG(text));
	struct gitconfig *none = parse("remote.pushdefault\na\0", 21);

	(void)state;
	for (size_t i = 0; i < COUNT(there); i++)
		assert_true(endpoint_has_remote(config, there[i]));
	for (size_t i = 0; i < COUNT(not_there); i++)
		if (endpoint_has_remote(config, not_there[i]))
			fail_msg("'%s'", not_there[i]);
	assert_false(endpoint_has_remote(none, "a"));
	assert_true(endpoint_has_remote(config, NULL));
	assert_false(endpoint_has_remote(none, NULL));
	gitconfig_free(config);
	gitconfig_free(none);
}

/* A remote may be a URL, and its password is nobody's business. */
static void no_secrets(void **state)
{
	static const struct {
		const char *remote, *shown;
	} cases[] = {
		{ "ftp://me:secret@h.example/a?token=secret",
		  "'ftp://h.example/a'" },
		{ "ssh://me:secret@h.example/%0a", "'ssh://h.example/%0a'" },
		{ "https://me:secret@/a", "'https:///a'" },
	};
	struct gitconfig *config = parse("core.bare\ntrue\0", 15);
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(endpoint_find(&endpoint, config,
					       cases[i].remote, DOWNLOAD, &err),
				 -1);
		assert_null(strstr(err.msg, "secret"));
		if (!strstr(err.msg, cases[i].shown))
			fail_msg("%s: %s", cases[i].remote, err.msg);
	}
	gitconfig_free(config);
}

static void default_remotes(void **state)
{
	static const char text[] = "remote.one.url\na\0"
				   "remote.two.url\nb\0"
				   "branch.main.remote\none\0"
				   "branch.main.pushremote\ntwo\0"
				   "branch.next.remote\nthree\0"
				   "remote.pushdefault\nfour\0"
				   "remote.lfsdefault\nfive\0";
	static const struct {
		const char *branch, *download, *upload;
	} cases[] = {
		{ "main", "one", "two" },
		{ "next", "three", "four" },
		{ "Main", "five", "four" },
		{ NULL, "five", "four" },
	};
	struct gitconfig *config = parse(CONFIG(text));

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *down = endpoint_default_remote(config, cases[i].branch,
						     DOWNLOAD);
		char *up = endpoint_default_remote(config, cases[i].branch,
						   UPLOAD);

		assert_string_equal(down, cases[i].download);
		assert_string_equal(up, cases[i].upload);
		free(down);
		free(up);
	}
	gitconfig_free(config);
}

static void clean_paths(void **state)
{
	static const struct {
		const char *path, *url;
	} cases[] = {
		{ "/", "file:///" },	      { "//a//b/", "/a/b" },
		{ "/a/./b", "/a/b" },	      { "/a/../b", "/b" },
		{ "/../../a", "/a" },	      { "/a/b/../../..", "file:///" },
		{ "/a/..b/.c", "/a/..b/.c" }, { "/nowhere/.git", "/nowhere" },
	};
	struct gitconfig *config = parse("", 0);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct endpoint endpoint = ENDPOINT_INIT;

		endpoint_read_lfs(&endpoint, config, cases[i].path, DOWNLOAD);
		assert_string_equal(endpoint.url, cases[i].url);
		endpoint_release(&endpoint);
	}
	gitconfig_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(kinds),
		cmocka_unit_test(shared_by_ssh),
		cmocka_unit_test(errors),
		cmocka_unit_test(keys),
		cmocka_unit_test(lfs_urls),
		cmocka_unit_test(names_of_remotes),
		cmocka_unit_test(no_secrets),
		cmocka_unit_test(default_remotes),
		cmocka_unit_test(clean_paths),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
