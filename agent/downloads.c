/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/downloads.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/urlmatch.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"

#define BEFORE "before"
#define LOCKS "locksverify"

enum {
	CONFIG_MAX = 16 << 20
};

/* The two keys for a remote, or for all remotes if `remote` is NULL. */
struct pair {
	char *keys[2];	/* owned; by enum direction */
};

static struct pair pair_new(const char *remote)
{
	if (!remote)
		return (struct pair){ { [DOWNLOAD] = xstrdup("lfs.url"),
					[UPLOAD] = xstrdup("lfs.pushurl") } };
	return (struct pair){
		{ [DOWNLOAD] = xstrfmt("remote.%s.lfsurl", remote),
		  [UPLOAD] = xstrfmt("remote.%s.lfspushurl", remote) }
	};
}

static void pair_release(struct pair *pair)
{
	free(pair->keys[DOWNLOAD]);
	free(pair->keys[UPLOAD]);
}

/* Without lfs-multipart:: in front. */
static const char *plain(const char *url)
{
	return text_has_prefix(url, ENDPOINT_SHARED) ?
		       url + strlen(ENDPOINT_SHARED) :
		       url;
}

static bool is_for_us(const char *url)
{
	return url && text_has_prefix(url, ENDPOINT_SHARED);
}

/* Did install write the pair?  By hand, people write the first key alone. */
static bool is_written(const struct gitconfig *config, const struct pair *pair)
{
	const char *up = gitconfig_get(config, pair->keys[UPLOAD]);

	return is_for_us(gitconfig_get(config, pair->keys[DOWNLOAD])) && up &&
	       !is_for_us(up);
}

/* One of the keys, or what it was before? */
static bool is_of_pair(const struct gitconfig_entry *entry)
{
	static const char *const lfs[] = { "url", "pushurl", "url" BEFORE,
					   "pushurl" BEFORE, NULL };
	static const char *const remote[] = { "lfsurl", "lfspushurl",
					      "lfsurl" BEFORE,
					      "lfspushurl" BEFORE, NULL };

	if (!strcasecmp(entry->section, "remote") && entry->sub)
		return text_is_any(entry->name, remote);
	return !strcasecmp(entry->section, "lfs") && !entry->sub &&
	       text_is_any(entry->name, lfs);
}

static int copy_entry(struct buf *text, const struct gitconfig *config,
		      const struct gitconfig_entry *entry)
{
	bool is_before = text_has_suffix(entry->name, BEFORE);
	size_t len = strlen(entry->key);

	if (is_of_pair(entry)) {
		struct pair pair = pair_new(entry->sub);
		bool was_written = is_written(config, &pair);

		pair_release(&pair);
		if (was_written && is_before)
			len -= strlen(BEFORE);
		else if (is_before)
			return 0;
		else if (was_written &&
			 gitconfig_find(config, entry->key) == entry)
			return 0;
	}
	if (buf_add(text, entry->key, len) || buf_puts(text, "\n") ||
	    buf_puts(text, entry->value))
		return -1;
	return buf_add(text, "", 1);
}

struct gitconfig *downloads_before(const struct gitconfig *config,
				   struct err *err)
{
	struct buf text = BUF_INIT(CONFIG_MAX);
	const struct gitconfig_entry *entry;
	struct gitconfig *before = NULL;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos)))
		if (copy_entry(&text, config, entry))
			break;
	if (entry)
		err_set(err, ERR_USAGE, "the git config is too large");
	else
		before = gitconfig_parse(buf_str(&text), text.len, err);
	buf_release(&text);
	return before;
}

/* Does git-lfs take the value of the key for that of an LFS server? */
static bool names_lfs(const char *key)
{
	return text_has_prefix(key, "lfs.") ||
	       text_has_suffix(key, ".lfsurl") ||
	       text_has_suffix(key, ".lfspushurl");
}

/*
 * The URL of an endpoint as a person writes it: before insteadOf applies, which
 * git-lfs does each time that it reads the URL, and which may add a password.
 * That of a git repository becomes its LFS server's; ssh knows only the former.
 * The caller's.
 */
static char *written_url(const struct endpoint *endpoint,
			 const struct gitconfig *config,
			 enum direction direction)
{
	const char *key = endpoint->key;
	const char *value = key ? gitconfig_get(config, key) : NULL;
	struct endpoint again = ENDPOINT_INIT;
	char *url;

	if (value && (names_lfs(key) || endpoint->ssh.host))
		return xstrdup(plain(value));
	if (!value)
		return xstrdup(endpoint->url);
	url = xstrndup(value, strlen(value) - text_has_suffix(value, "/"));
	again.url = xstrfmt("%s%s/info/lfs", url,
			    text_has_suffix(url, ".git") ? "" : ".git");
	free(url);
	url = xstrdup(again.url);
	endpoint_read_lfs(&again, config, url, direction);
	if (!again.url || strcmp(again.url, endpoint->url)) {
		free(url);
		url = xstrdup(endpoint->url);
	}
	endpoint_release(&again);
	return url;
}

static void release_one(struct downloads *downloads)
{
	free(downloads->remote);
	for (int i = 0; i < 2; i++) {
		free(downloads->keys[i]);
		free(downloads->urls[i]);
	}
	serverurl_release(&downloads->servers);
	free(downloads->locks_key);
	free(downloads->locks_value);
	*downloads = (struct downloads){ .remote = NULL };
}

void downloads_release(struct downloads_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		release_one(&list->items[i]);
	list->n = 0;
}

/* Both configs of a repository, without our keys. */
struct configs {
	const struct gitconfig *git;
	const struct gitconfig *all;	/* and .lfsconfig */
};

static bool is_shared(const struct configs *configs)
{
	const char *up = gitconfig_get(configs->all, "lfs.pushurl");

	return !gitconfig_find(configs->git, "lfs.url") && up &&
	       !is_for_us(up) &&
	       is_for_us(gitconfig_get(configs->all, "lfs.url"));
}

/* The https URL that git-lfs derives from an ssh URL; the caller's, or NULL. */
static char *derived_url(const struct gitconfig *config, const char *url)
{
	struct endpoint endpoint = ENDPOINT_INIT;
	char *derived = NULL;

	endpoint_read_lfs(&endpoint, config, url, UPLOAD);
	if (endpoint.ssh.host && endpoint.url)
		derived = xstrdup(endpoint.url);
	endpoint_release(&endpoint);
	return derived;
}

/* Uploads by ssh: find what git-lfs does about locks now, and for which key. */
static void find_locks(struct downloads *found, const struct gitconfig *config,
		       const struct endpoint *endpoint)
{
	const struct gitconfig_entry *old, *other;
	char *url = derived_url(config, found->urls[UPLOAD]), *key;

	if (!url)
		return;
	key = xstrfmt("lfs.%s." LOCKS, url);
	old = gitconfig_find_url(config, "lfs", endpoint->url, LOCKS);
	other = gitconfig_find_url(config, "lfs", url, LOCKS);
	free(url);
	if (!old || gitconfig_find(config, key) ||
	    (other && !strcmp(other->value, old->value))) {
		free(key);
		return;
	}
	found->locks_key = key;
	found->locks_value = xstrdup(old->value);
}

/* `remote` may be NULL: the default. */
static int find_one(struct downloads *found, const struct configs *configs,
		    const char *remote, struct err *err)
{
	bool has_url = gitconfig_find(configs->all, "lfs.url");
	const char *name = remote;
	struct pair pair;

	*found = (struct downloads){ .is_shared = is_shared(configs) };
	for (int i = 0; i < 2; i++) {
		enum direction direction = i ? UPLOAD : DOWNLOAD;
		struct endpoint endpoint;

		if (endpoint_find(&endpoint, configs->all, name, direction,
				  err))
			return -1;
		found->urls[direction] = written_url(&endpoint, configs->all,
						     direction);
		if (!found->remote)
			found->remote = xstrdup(endpoint.remote);
		if (direction == UPLOAD)
			find_locks(found, configs->all, &endpoint);
		name = found->remote;
		endpoint_release(&endpoint);
	}
	pair = pair_new(has_url ? NULL : found->remote);
	found->keys[DOWNLOAD] = pair.keys[DOWNLOAD];
	found->keys[UPLOAD] = pair.keys[UPLOAD];
	return serverurl_find(&found->servers, configs->git, remote, err);
}

static int add_one(struct downloads_list *list, const struct configs *configs,
		   const char *remote, struct err *err)
{
	struct downloads found;

	if (find_one(&found, configs, remote, err)) {
		release_one(&found);
		return -1;
	}
	list->items[list->n++] = found;
	return 0;
}

/* Does the server's URL, or the part of it in a key, lead to this URL? */
static bool leads_to(const struct serverurl *servers, const char *url)
{
	struct urlmatch *match = urlmatch_new(url);
	struct urlmatch_rank rank;
	bool does = false;

	for (size_t i = 0; match && i < servers->n; i++)
		if (urlmatch_is_match(servers->urls[i], match, &rank))
			does = true;
	urlmatch_free(match);
	return does;
}

static bool has_one(const struct downloads_list *list, const char *remote)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i].remote, remote))
			return true;
	return false;
}

/* Add the remote if it has one of these servers; NULL: the default one. */
static void add_if_leads(struct downloads_list *list,
			 const struct configs *configs, const char *remote,
			 const struct serverurl *servers)
{
	struct err no_server = ERR_INIT;
	struct downloads *last = &list->items[list->n];

	if (add_one(list, configs, remote, &no_server) ||
	    leads_to(servers, last->servers.urls[0]))
		return;
	release_one(last);
	list->n--;
}

static int find_by_server(struct downloads_list *list,
			  const struct configs *configs, const char *text,
			  const struct serverurl *servers, struct err *err)
{
	bool has_url = gitconfig_find(configs->all, "lfs.url");
	char shown[URL_DISPLAY_MAX];
	const char *remote;
	size_t pos = 0;

	url_display_any(text, shown, sizeof(shown));
	if (has_url)
		add_if_leads(list, configs, NULL, servers);
	while (!has_url &&
	       (remote = endpoint_next_remote(configs->all, &pos))) {
		if (!has_one(list, remote))
			add_if_leads(list, configs, remote, servers);
		if (list->n > DOWNLOADS_MAX)
			return err_set(err, ERR_USAGE,
				       "more than %d remotes lead to '%s'; "
				       "name one of them",
				       DOWNLOADS_MAX, shown);
	}
	if (list->n)
		return 0;
	return err_set(err, ERR_USAGE,
		       "no remote here leads to '%s'; name a remote, or use "
		       "--uploads or --global",
		       shown);
}

int downloads_find(struct downloads_list *list, const struct gitconfig *before,
		   const struct repo *repo, const char *text, struct err *err)
{
	struct configs configs = { .git = before };
	struct serverurl servers = { .n = 0 };
	struct gitconfig *all = gitconfig_add_lfsconfig(before, repo->top, err);
	int ret = -1;

	list->n = 0;
	configs.all = all;
	if (all && (!text || endpoint_has_remote(before, text)))
		ret = add_one(list, &configs, text, err);
	else if (all && !serverurl_find(&servers, before, text, err))
		ret = find_by_server(list, &configs, text, &servers, err);
	serverurl_release(&servers);
	gitconfig_free(all);
	return ret;
}

void downloads_add_keys(struct keys *keys, const struct downloads *downloads,
			const struct gitconfig *file)
{
	const struct pair pair = { { downloads->keys[0], downloads->keys[1] } };
	bool was_written = is_written(file, &pair);
	char *shared = xstrfmt(ENDPOINT_SHARED "%s", downloads->urls[DOWNLOAD]);

	for (int i = 0; i < 2 && !was_written; i++) {
		const char *value = gitconfig_get(file, pair.keys[i]);
		char *name = xstrfmt("%s" BEFORE, pair.keys[i]);

		if (value)
			keys_add(keys, name, plain(value));
		free(name);
	}
	if (downloads->locks_key)
		keys_add(keys, downloads->locks_key, downloads->locks_value);
	/* In this order, no moment sends uploads elsewhere. */
	keys_add(keys, pair.keys[UPLOAD], downloads->urls[UPLOAD]);
	keys_add(keys, pair.keys[DOWNLOAD], shared);
	free(shared);
}

static bool downloads_is_key(const struct gitconfig_entry *entry,
			     const void *key)
{
	return !strcmp(entry->key, key);
}

/* Set one key to `value`, or remove it for NULL; returns how many changed. */
static int set_key(const struct scope *scope, const char *key,
		   const char *value, struct err *err)
{
	struct keys keys = { .n = 0 };
	int nchanges;

	if (!value)
		return keys_remove(scope, downloads_is_key, key, err);
	keys_add(&keys, key, value);
	nchanges = keys_write(&keys, scope, err);
	keys_release(&keys);
	return nchanges;
}

/* Remove the copy of what git-lfs does about locks, if it still is one. */
static int undo_locks(const struct scope *scope, const struct gitconfig *file,
		      const struct pair *pair, struct err *err)
{
	char *url = derived_url(file, gitconfig_get(file, pair->keys[UPLOAD]));
	char *copy, *key;
	const char *value, *old;
	int nchanges = 0;

	if (!url)
		return 0;
	copy = xstrfmt("lfs.%s." LOCKS, url);
	key = xstrfmt("lfs.%s%s/info/lfs." LOCKS, url,
		      text_has_suffix(url, ".git") ? "" : ".git");
	value = gitconfig_get(file, copy);
	old = gitconfig_get(file, key);
	if (value && old && !strcmp(value, old))
		nchanges = set_key(scope, copy, NULL, err);
	free(key);
	free(copy);
	free(url);
	return nchanges;
}

static int undo(const struct scope *scope, const struct gitconfig *file,
		const struct pair *pair, struct err *err)
{
	const char *url = gitconfig_get(file, pair->keys[DOWNLOAD]);
	int nchanges = 0;

	if (!is_written(file, pair))
		return set_key(scope, pair->keys[DOWNLOAD], plain(url), err);
	nchanges = undo_locks(scope, file, pair, err);
	for (int i = 0; i < 2 && !err->kind; i++) {
		const char *key = pair->keys[i ? UPLOAD : DOWNLOAD];
		char *before = xstrfmt("%s" BEFORE, key);

		nchanges += set_key(scope, key, gitconfig_get(file, before),
				    err);
		if (!err->kind)
			nchanges += set_key(scope, before, NULL, err);
		free(before);
	}
	return err->kind ? -1 : nchanges;
}

/* Is the entry the key of a download by us, and one that is meant? */
static bool is_meant(const struct gitconfig *file,
		     const struct gitconfig_entry *entry, const char *remote,
		     const struct serverurl *servers)
{
	struct endpoint endpoint = ENDPOINT_INIT;
	bool is;

	if (!is_of_pair(entry) || !is_for_us(entry->value) ||
	    text_has_suffix(entry->name, "pushurl") ||
	    gitconfig_find(file, entry->key) != entry)
		return false;
	/* Without the rule for lfs-multipart:: none of them would work. */
	if (!servers->n || !strcmp(servers->urls[0], ENDPOINT_SHARED) ||
	    (remote && entry->sub && !strcmp(remote, entry->sub)))
		return true;
	endpoint_read_lfs(&endpoint, file, plain(entry->value), DOWNLOAD);
	is = endpoint.url && leads_to(servers, endpoint.url);
	endpoint_release(&endpoint);
	return is;
}

int downloads_remove(const struct scope *scope, const char *remote,
		     const struct serverurl *servers, struct err *err)
{
	struct gitconfig *file = keys_load(scope, err);
	const struct gitconfig_entry *entry;
	int nchanges = 0;
	size_t pos = 0;

	while (file && !err->kind && (entry = gitconfig_each(file, &pos))) {
		struct pair pair;

		if (!is_meant(file, entry, remote, servers))
			continue;
		pair = pair_new(entry->sub);
		nchanges += undo(scope, file, &pair, err);
		pair_release(&pair);
	}
	gitconfig_free(file);
	return err->kind ? -1 : nchanges;
}
