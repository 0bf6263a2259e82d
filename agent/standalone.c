/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/standalone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"
#include "lfs/server/gourl.h"

/* git-lfs's own agent for file:// URLs, which a rule for all would replace. */
#define FILE_RULE "lfs.file://." STANDALONE_RULE
#define FILE_AGENT "lfs-standalone-file"

static bool is_remote(const struct gitconfig *config, const char *name)
{
	return gitconfig_get_sub(config, "remote", name, "url") ||
	       gitconfig_get_sub(config, "remote", name, "pushurl") ||
	       gitconfig_get_sub(config, "remote", name, "lfsurl");
}

bool serverurl_is_one(const struct gitconfig *config, const char *text)
{
	return text_has_prefix(text, ENDPOINT_SHARED) ||
	       endpoint_is_url(text) || strstr(text, "://") ||
	       is_remote(config, text);
}

/* The URL as it stands in a key; NULL if it is not that of a server. */
static char *to_key(const char *text)
{
	struct gourl url;
	char *key = NULL;

	if (gourl_parse(&url, text))
		return NULL;
	free(url.user);
	url.user = NULL;
	url.tail[0] = '\0';
	if (*url.host && !gourl_has_control(url.path))
		key = gourl_format(&url);
	gourl_release(&url);
	if (key && url_is_http(key)) {
		key[text_trim_slashes(key, strlen(key))] = '\0';
		return key;
	}
	free(key);
	return NULL;
}

/* `said` is what the user called it. */
static int add_url(struct serverurl *found, const char *url, const char *said,
		   struct err *err)
{
	char *key = to_key(url), shown[URL_DISPLAY_MAX];

	if (!key)
		return err_set(err, ERR_USAGE,
			       "'%s' leads to no http, https or ssh server",
			       url_display_any(said, shown, sizeof(shown)));
	if (found->n && !strcmp(found->urls[0], key))
		free(key);
	else
		found->urls[found->n++] = key;
	return 0;
}

/* Is there more than a slash after the host? */
static bool has_path(const char *url)
{
	const char *path = strstr(url, "://");

	path = path ? strchr(path + 3, '/') : NULL;
	return path && path[1];
}

/* git-lfs would take an unknown scheme for the name of a host. */
static bool is_foreign(const char *url)
{
	return strstr(url, "://") && !endpoint_is_url(url) &&
	       !text_has_prefix(url, "git+ssh:") &&
	       !text_has_prefix(url, "ssh+git:");
}

/*
 * An http URL is used as it is written, since it may stand for a whole server or
 * group.  A URL of another kind that has a path is that of a repository.
 */
static int find_by_url(struct serverurl *found, const struct gitconfig *config,
		       const char *text, struct err *err)
{
	char *url = xstrndup(text, text_trim_slashes(text, strlen(text)));
	struct endpoint endpoint = ENDPOINT_INIT;
	int ret;

	if (!is_foreign(url))
		endpoint_read_lfs(&endpoint, config, url, DOWNLOAD);
	if (!url_is_http(url) && endpoint.url && url_is_http(endpoint.url) &&
	    has_path(endpoint.url))
		endpoint_read_clone(&endpoint, config, url, DOWNLOAD);
	found->is_ssh = endpoint.ssh.host != NULL;
	ret = add_url(found, endpoint.url && *endpoint.url ? endpoint.url : url,
		      text, err);
	endpoint_release(&endpoint);
	free(url);
	return ret;
}

static int find_by_remote(struct serverurl *found,
			  const struct gitconfig *config, const char *name,
			  struct err *err)
{
	struct gitconfig *lfsconfig = NULL;
	struct repo repo;
	int ret = -1;

	if (!repo_find(&repo, err))
		lfsconfig = gitconfig_add_lfsconfig(config, repo.top, err);
	if (lfsconfig)
		ret = 0;
	for (int i = 0; !ret && i < 2; i++) {
		struct endpoint endpoint = ENDPOINT_INIT;

		ret = endpoint_find(&endpoint, lfsconfig, name,
				    i ? UPLOAD : DOWNLOAD, err);
		if (!ret)
			ret = add_url(found, endpoint.url, endpoint.url, err);
		if (endpoint.ssh.host)
			found->is_ssh = true;
		if (name && endpoint.key &&
		    text_has_prefix(endpoint.key, "lfs."))
			found->is_overridden = true;
		endpoint_release(&endpoint);
	}
	gitconfig_free(lfsconfig);
	repo_release(&repo);
	return ret;
}

int serverurl_find(struct serverurl *found, const struct gitconfig *config,
		   const char *text, struct err *err)
{
	*found = (struct serverurl){ .n = 0 };
	if (text && text_has_prefix(text, ENDPOINT_SHARED)) {
		text += strlen(ENDPOINT_SHARED);
		if (*text)
			return find_by_url(found, config, text, err);
		found->urls[found->n++] = xstrdup(ENDPOINT_SHARED);
		return 0;
	}
	if (text && !is_remote(config, text))
		return find_by_url(found, config, text, err);
	return find_by_remote(found, config, text, err);
}

void serverurl_release(struct serverurl *found)
{
	for (size_t i = 0; i < found->n; i++)
		free(found->urls[i]);
	*found = (struct serverurl){ .n = 0 };
}

static void add_rule(struct keys *keys, const char *url)
{
	char *name = xstrfmt("lfs.%s." STANDALONE_RULE, url);

	keys_add(keys, name, STANDALONE_AGENT);
	free(name);
}

/* The rule for shared URLs is always there: only this program reads them. */
void standalone_add_rules(struct keys *keys, const struct serverurl *servers)
{
	add_rule(keys, ENDPOINT_SHARED);
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

static bool standalone_is_pushurl(const struct gitconfig_entry *entry,
				  const void *url)
{
	return !strcmp(entry->key, "lfs.pushurl") && !strcmp(entry->value, url);
}

/* lfs.pushurl of .lfsconfig, beside the URL of which `value` is the shared form. */
static int share_uploads(struct keys *keys, const struct scope *scope,
			 const char *value, bool with_uploads, struct err *err)
{
	struct gitconfig *file = keys_load(scope, err);
	const char *url = value + strlen(ENDPOINT_SHARED);
	int nchanges = file ? 0 : -1;

	if (file && with_uploads)
		nchanges = keys_remove(scope, standalone_is_pushurl, url, err);
	else if (file && !gitconfig_get(file, "lfs.pushurl"))
		keys_add(keys, "lfs.pushurl", url);
	gitconfig_free(file);
	return nchanges;
}

/* What people have to do and to know. */
static void say_shared(bool with_uploads)
{
	printf("Commit that file.  Everyone who clones the repository "
	       "first runs once:\n"
	       "   git lfs-multipart install --global --standalone %s\n"
	       "A clone without this program can %s the objects.\n",
	       ENDPOINT_SHARED,
	       with_uploads ? "neither fetch nor push" : "push, but not fetch");
	if (with_uploads)
		printf("In this mode a push " STANDALONE_UPLOADS_COST ".\n");
}

int standalone_share(const struct repo *repo, const struct serverurl *servers,
		     bool with_uploads, struct err *err)
{
	const struct scope local = { "--local", "." };
	const struct scope scope = lfsconfig_scope(repo);
	const char *url = servers->urls[0];
	size_t len = strlen(url);
	/* git-lfs would use the URL of a repository as its server's. */
	bool is_repository = len > 4 && !strcmp(url + len - 4, ".git");
	struct keys keys = { .n = 0 };
	struct gitconfig *config = NULL;
	char *value = xstrfmt(ENDPOINT_SHARED "%s%s", url,
			      is_repository ? "/info/lfs" : "");
	int nchanges = share_uploads(&keys, &scope, value, with_uploads, err);

	keys_add(&keys, "lfs.url", value);
	if (!err->kind)
		nchanges += keys_write(&keys, &scope, err);
	if (!err->kind) {
		keys_print(&keys, ".lfsconfig", nchanges);
		say_shared(with_uploads);
		config = gitconfig_load(NULL, err);
	}
	if (config)
		keys_warn(&keys, &local, config);
	if (config && servers->is_overridden)
		cli_say("warning: lfs.url is set, so that URL was written, "
			"not the remote's");
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

	if (!url || !text_has_prefix(url, ENDPOINT_SHARED))
		goto out;
	if (!really) {
		printf("Left as it is: lfs.url = %s in .lfsconfig\n"
		       "`git lfs-multipart uninstall --shared` changes it.\n",
		       url_display_any(url, shown, sizeof(shown)));
		goto out;
	}
	url += strlen(ENDPOINT_SHARED);
	keys_add(&keys, "lfs.url", url);
	nchanges = keys_write(&keys, &scope, err);
	if (!err->kind)
		nchanges += keys_remove(&scope, standalone_is_pushurl, url,
					err);
	if (nchanges > 0)
		printf("Commit .lfsconfig, which has the plain URL now.\n");
out:
	keys_release(&keys);
	gitconfig_free(config);
	return err->kind ? -1 : nchanges;
}
