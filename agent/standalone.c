/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/standalone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitconfig.h"
#include "lfs/net/url.h"
#include "lfs/server/gourl.h"

/* git-lfs's own agent for file:// URLs, which a rule for all would replace. */
#define FILE_RULE "lfs.file://." STANDALONE_RULE
#define FILE_AGENT "lfs-standalone-file"

static void add_rule(struct keys *keys, const char *url)
{
	char *name = xstrfmt("lfs.%s." STANDALONE_RULE, url);

	keys_add(keys, name, STANDALONE_AGENT);
	free(name);
}

/* The rule for shared URLs is always there: only this program reads them. */
void standalone_add_rules(struct keys *keys, const struct serverurl *servers)
{
	add_rule(keys, SERVERURL_SHARED);
	for (size_t i = 0; i < servers->n; i++)
		add_rule(keys, servers->urls[i]);
	if (!servers->n) {
		keys_add(keys, FILE_RULE, FILE_AGENT);
		keys_add(keys, "lfs." STANDALONE_RULE, STANDALONE_AGENT);
	}
}

/* Does the rule's URL name the server?  Earlier versions wrote it decoded. */
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

bool standalone_is_rule(const struct gitconfig_entry *entry, const void *ctx)
{
	const struct serverurl *servers = ctx;

	if (!gitconfig_is(entry, "lfs", STANDALONE_RULE))
		return false;
	if (!servers->n && !strcmp(entry->key, FILE_RULE))
		return !strcmp(entry->value, FILE_AGENT);
	if (strcmp(entry->value, STANDALONE_AGENT))
		return false;
	for (size_t i = 0; entry->sub && i < servers->n; i++)
		if (is_of_server(entry->sub, servers->urls[i]))
			return true;
	return !servers->n;
}

bool standalone_is_rival(const struct gitconfig_entry *entry,
			 const struct serverurl *servers)
{
	const char *other = entry->sub;

	if (!gitconfig_is(entry, "lfs", STANDALONE_RULE) || !other || !*other ||
	    !strcmp(entry->value, STANDALONE_AGENT) ||
	    !strcmp(entry->value, FILE_AGENT))
		return false;
	for (size_t i = 0; i < servers->n; i++)
		if (text_has_prefix(other, servers->urls[i]) &&
		    strcmp(other, servers->urls[i]))
			return true;
	return !servers->n;
}

static struct scope lfsconfig_scope(const struct repo *repo)
{
	return (struct scope){ "--file=.lfsconfig", repo->top };
}

int standalone_share(const struct repo *repo, const struct serverurl *servers,
		     struct err *err)
{
	const struct scope local = { "--local", "." };
	const struct scope scope = lfsconfig_scope(repo);
	const char *url = servers->urls[0];
	size_t len = strlen(url);
	/* git-lfs would use the URL of a repository as its server's. */
	bool is_repository = len > 4 && !strcmp(url + len - 4, ".git");
	struct keys keys = { .n = 0 };
	struct gitconfig *config = NULL;
	char *value = xstrfmt(SERVERURL_SHARED "%s%s", url,
			      is_repository ? "/info/lfs" : "");
	int nchanges;

	keys_add(&keys, "lfs.url", value);
	nchanges = keys_write(&keys, &scope, err);
	if (nchanges >= 0) {
		keys_print(&keys, ".lfsconfig", nchanges);
		printf("Commit that file.  Everyone who clones the repository "
		       "first runs once:\n"
		       "   git lfs-multipart install --global --standalone %s\n",
		       SERVERURL_SHARED);
		config = gitconfig_load(NULL, err);
	}
	if (config)
		keys_warn(&keys, &local, config);
	if (config && servers->is_overridden)
		cli_say("warning: lfs.url was set, and is what was written, "
			"not the URL of the remote");
	if (config && servers->is_ssh)
		cli_say("warning: the remote is reached by ssh, but this URL "
			"by https: it takes a login for that");
	gitconfig_free(config);
	keys_release(&keys);
	free(value);
	return err->kind ? -1 : 0;
}

int standalone_unshare(const struct repo *repo, bool really, struct err *err)
{
	const struct scope scope = lfsconfig_scope(repo);
	struct gitconfig *config = keys_load(&scope, err);
	const char *url = config ? gitconfig_get(config, "lfs.url") : NULL;
	char shown[URL_DISPLAY_MAX];
	struct keys keys = { .n = 0 };
	int nchanges = config ? 0 : -1;

	if (!url || !text_has_prefix(url, SERVERURL_SHARED))
		goto out;
	if (!really) {
		printf("Left as it is: lfs.url = %s in .lfsconfig\n"
		       "`git lfs-multipart uninstall --shared` changes it.\n",
		       url_display_any(url, shown, sizeof(shown)));
		goto out;
	}
	keys_add(&keys, "lfs.url", url + strlen(SERVERURL_SHARED));
	nchanges = keys_write(&keys, &scope, err);
	if (nchanges > 0)
		printf("Commit .lfsconfig, which has the plain URL now.\n");
out:
	keys_release(&keys);
	gitconfig_free(config);
	return nchanges;
}
