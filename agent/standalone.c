/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/standalone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/gourl.h"

#define KEY "standalonetransferagent"
/* git-lfs's own, which a general rule would replace. */
#define FILE_KEY "lfs.file://." KEY
#define FILE_AGENT "lfs-standalone-file"

enum { SHOWN = 4096 };

static void add_server(struct keys *keys, const char *url)
{
	char *name = xstrfmt("lfs.%s." KEY, url);

	keys_add(keys, name, STANDALONE_AGENT);
	free(name);
}

void standalone_add_keys(struct keys *keys, const struct serverurl *servers,
			 const char *path)
{
	keys_add_agent(keys, STANDALONE_AGENT, path, "both");
	add_server(keys, SERVERURL_SHARED);
	for (size_t i = 0; i < servers->n; i++)
		add_server(keys, servers->urls[i]);
	if (!servers->n) {
		keys_add(keys, FILE_KEY, FILE_AGENT);
		keys_add(keys, "lfs." KEY, STANDALONE_AGENT);
	}
}

/* Does the key's URL stand for it, perhaps as it was written once, decoded? */
static bool is_of_server(const char *url, const char *server)
{
	struct gourl parts;
	char *decoded = NULL;
	bool is;

	if (!gourl_parse(&parts, server)) {
		decoded = xstrfmt("%s://%s%s", parts.scheme, parts.host,
				  parts.path);
		gourl_release(&parts);
	}
	is = !strcmp(server, url) || (decoded && !strcmp(decoded, url));
	free(decoded);
	return is;
}

bool standalone_is_key(const struct gitconfig_entry *entry,
		       const struct serverurl *servers)
{
	if (!gitconfig_is(entry, "lfs", KEY))
		return false;
	if (!servers->n && !strcmp(entry->key, FILE_KEY))
		return !strcmp(entry->value, FILE_AGENT);
	if (strcmp(entry->value, STANDALONE_AGENT))
		return false;
	for (size_t i = 0; entry->sub && i < servers->n; i++)
		if (is_of_server(entry->sub, servers->urls[i]))
			return true;
	return !servers->n;
}

/* Another agent for a part of what the URL (NULL: all) stands for? */
static bool is_rival(const struct gitconfig_entry *entry, const char *url)
{
	const char *other = entry->sub;

	if (!gitconfig_is(entry, "lfs", KEY) || !other || !*other ||
	    !strcmp(entry->value, STANDALONE_AGENT) ||
	    !strcmp(entry->value, FILE_AGENT))
		return false;
	return !url || (text_has_prefix(other, url) && strcmp(other, url));
}

static void warn_of_rivals(const char *url, const struct scope *scope,
			   const struct gitconfig *config)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos)))
		if (is_rival(entry, url))
			keys_warn_of(scope, entry,
				     "git-lfs uses that agent there");
}

void standalone_warn(const struct serverurl *servers, const struct scope *scope,
		     const struct gitconfig *config)
{
	for (size_t i = 0; i < servers->n; i++)
		warn_of_rivals(servers->urls[i], scope, config);
	if (!servers->n)
		warn_of_rivals(NULL, scope, config);
}

static int find_work_tree(struct repo *repo, struct err *err)
{
	if (repo_find(repo, err))
		return -1;
	if (repo->top)
		return 0;
	return err_set(err, ERR_USAGE,
		       "there is no work tree here, and so no place for "
		       ".lfsconfig");
}

int standalone_can_share(struct err *err)
{
	struct gitconfig *config = NULL, *merged = NULL;
	struct repo repo;

	if (!find_work_tree(&repo, err))
		config = gitconfig_load(NULL, err);
	if (config)
		merged = gitconfig_add_lfsconfig(config, repo.top, err);
	gitconfig_free(merged);
	gitconfig_free(config);
	repo_release(&repo);
	return merged ? 0 : -1;
}

/* It is used as it is written; a repository's URL is not yet its server's. */
static char *shared_url(const char *url)
{
	size_t len = strlen(url);
	bool is_repository = len > 4 && !strcmp(url + len - 4, ".git");

	return xstrfmt(SERVERURL_SHARED "%s%s", url,
		       is_repository ? "/info/lfs" : "");
}

/* What makes it less than it looks. */
static void warn_of_shared(const struct serverurl *servers, const char *value,
			   struct err *err)
{
	const struct scope scope = { .option = "--local", .dir = "." };
	struct gitconfig *config = gitconfig_load(NULL, err);
	const struct gitconfig_entry *entry;

	entry = config ? gitconfig_find(config, "lfs.url") : NULL;
	if (entry && strcmp(entry->value, value))
		keys_warn_of(&scope, entry,
			     "that counts here, and not what was written");
	if (servers->is_outdone)
		cli_say("warning: lfs.url was set, and is what was written, "
			"not the URL of the remote");
	if (servers->is_ssh)
		cli_say("warning: the remote is reached by ssh, but this URL "
			"by https: it takes a login for that");
	gitconfig_free(config);
}

int standalone_share(const struct serverurl *servers, struct err *err)
{
	struct scope scope = { .option = "--file=.lfsconfig" };
	struct keys keys = { .n = 0 };
	struct repo repo;
	char *value = NULL;
	int nchanges;

	if (find_work_tree(&repo, err))
		goto out;
	scope.dir = repo.top;
	value = shared_url(servers->urls[0]);
	keys_add(&keys, "lfs.url", value);
	nchanges = keys_write(&keys, &scope, err);
	if (nchanges >= 0) {
		printf("%s in .lfsconfig:\n   lfs.url = %s\n",
		       nchanges ? "Set up" : "Already set up", value);
		printf("Commit that file.  Who clones the repository runs "
		       "once, before:\n"
		       "   git lfs-multipart install --global --standalone %s\n",
		       SERVERURL_SHARED);
		warn_of_shared(servers, value, err);
	}
out:
	keys_release(&keys);
	free(value);
	repo_release(&repo);
	return err->kind ? -1 : 0;
}

static int unshare(const struct scope *scope, const char *url, bool really,
		   struct err *err)
{
	const char *rest = url + strlen(SERVERURL_SHARED);
	char shown[SHOWN], shown_rest[SHOWN];

	url_display_any(url, shown, sizeof(shown));
	if (!really) {
		printf("Left as it is: lfs.url = %s in .lfsconfig\n", shown);
		printf("`git lfs-multipart uninstall --shared` changes it.\n");
		return 0;
	}
	if (scope_set(scope, "lfs.url", rest, err))
		return -1;
	printf("replaced lfs.url = %s by %s in .lfsconfig; commit that file\n",
	       shown, url_display_any(rest, shown_rest, sizeof(shown_rest)));
	return 1;
}

int standalone_unshare(bool really, struct err *err)
{
	struct scope scope = { .option = "--file=.lfsconfig" };
	struct err ignored = ERR_INIT;
	struct gitconfig *config = NULL;
	struct repo repo;
	const char *url = NULL;
	int ret = 0;

	if (find_work_tree(&repo, really ? err : &ignored)) {
		repo_release(&repo);
		return really ? -1 : 0;
	}
	scope.dir = repo.top;
	config = scope_load(&scope, err);
	if (config)
		url = gitconfig_get(config, "lfs.url");
	if (url && !strncmp(url, SERVERURL_SHARED, strlen(SERVERURL_SHARED)))
		ret = unshare(&scope, url, really, err);
	gitconfig_free(config);
	repo_release(&repo);
	return config ? ret : -1;
}
