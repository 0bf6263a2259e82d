/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/movers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/downloads.h"
#include "agent/standalone.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"

static bool is_for_us(const struct gitconfig_entry *entry)
{
	return entry && text_has_prefix(entry->value, ENDPOINT_SHARED);
}

static bool is_our_rule(const struct gitconfig_entry *entry)
{
	return entry && !strcmp(entry->value, STANDALONE_AGENT);
}

/* The key of an endpoint's URL, or the rule that leaves the server to us. */
static const struct gitconfig_entry *find_mover(const struct endpoint *endpoint,
						const struct gitconfig *config)
{
	const struct gitconfig_entry *url = NULL, *rule;

	if (endpoint->key)
		url = gitconfig_find(config, endpoint->key);
	if (is_for_us(url))
		return url;
	rule = gitconfig_find_url(config, "lfs", endpoint->url,
				  STANDALONE_RULE);
	return is_our_rule(rule) ? rule : NULL;
}

static bool has_rule(const struct gitconfig *config)
{
	return is_our_rule(gitconfig_find_sub(config, "lfs", ENDPOINT_SHARED,
					      STANDALONE_RULE)) ||
	       is_our_rule(gitconfig_find(config, "lfs." STANDALONE_RULE));
}

static int find(struct movers *movers, const struct gitconfig *config,
		const char *remote, struct err *err)
{
	const struct gitconfig_entry *found;
	struct endpoint endpoint;

	*movers = (struct movers){ .remote = NULL };
	if (endpoint_find(&endpoint, config, remote, DOWNLOAD, err))
		return -1;
	found = find_mover(&endpoint, config);
	movers->is_ours[DOWNLOAD] = found;
	movers->remote = xstrdup(endpoint.remote);
	if (is_for_us(found)) {
		movers->key = found->key;
		movers->url = xstrdup(found->value + strlen(ENDPOINT_SHARED));
		movers->lacks_rule = !has_rule(config);
	}
	endpoint_release(&endpoint);
	if (endpoint_find(&endpoint, config, movers->remote, UPLOAD, err))
		return -1;
	movers->upload = find_mover(&endpoint, config);
	movers->is_ours[UPLOAD] = movers->upload;
	endpoint_release(&endpoint);
	return 0;
}

/* By lfs.url, which rules every remote? */
static bool is_for_all(const struct movers *movers)
{
	return movers->key && text_has_prefix(movers->key, "lfs.");
}

static void release(struct movers *movers)
{
	free(movers->remote);
	free(movers->url);
}

/* Would install write another URL today? */
static bool is_outdated(const struct movers *movers,
			const struct movers_list *list, const struct repo *repo)
{
	struct downloads_list found = { .n = 0 };
	struct err ignored = ERR_INIT;
	bool is = movers->key &&
		  !downloads_find(&found, list->before, repo, movers->remote,
				  &ignored) &&
		  strcmp(found.items[0].urls[DOWNLOAD], movers->url);

	downloads_release(&found);
	return is;
}

static void add(struct movers_list *list, const struct repo *repo,
		const char *remote)
{
	struct err no_server = ERR_INIT;
	struct movers movers;

	for (size_t i = 0; i < list->n; i++)
		if (is_for_all(&list->items[i]) ||
		    (remote && !strcmp(list->items[i].remote, remote)))
			return;
	if (find(&movers, list->all, remote, &no_server)) {
		release(&movers);
		return;
	}
	movers.is_outdated = is_outdated(&movers, list, repo);
	list->items = xreallocarray(list->items, list->n + 1, sizeof(movers));
	list->items[list->n++] = movers;
}

void movers_load(struct movers_list *list)
{
	struct err ignored = ERR_INIT;
	struct repo repo = REPO_INIT;
	const char *remote;
	size_t pos = 0;

	*list = (struct movers_list){ .n = 0 };
	list->git = gitconfig_load(NULL, &ignored);
	if (list->git)
		list->before = downloads_before(list->git, &ignored);
	if (list->before && !repo_find(&repo, &ignored))
		list->all = gitconfig_add_lfsconfig(list->git, repo.top,
						    &ignored);
	while (list->all && (remote = endpoint_next_remote(list->all, &pos)))
		add(list, &repo, remote);
	if (list->all && !list->n)
		add(list, &repo, NULL);
	repo_release(&repo);
}

const struct movers *movers_of(const struct movers_list *list,
			       const char *remote)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_for_all(&list->items[i]) ||
		    !strcmp(list->items[i].remote, remote))
			return &list->items[i];
	return NULL;
}

void movers_free(struct movers_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		release(&list->items[i]);
	free(list->items);
	gitconfig_free(list->all);
	gitconfig_free(list->before);
	gitconfig_free(list->git);
	*list = (struct movers_list){ .n = 0 };
}

static void print_cure(const struct movers *movers)
{
	char shown[URL_DISPLAY_MAX];

	if (!movers->url || movers->is_ours[UPLOAD])
		return;
	printf("`git lfs locks` and `git lfs unlock <path>` need the plain URL: "
	       "git -c %s=%s lfs locks\n",
	       movers->key, url_display_any(movers->url, shown, sizeof(shown)));
}

/* A rule for all servers stays if one remote is set up in another way. */
static void print_cost(const struct movers *movers, const char *remote)
{
	printf("So a push " STANDALONE_UPLOADS_COST "; ");
	if (!movers->upload->sub && !is_for_us(movers->upload))
		printf(STANDALONE_RULE_END ".\n", movers->upload->key);
	else
		printf("`git lfs-multipart install --standalone %s` leaves "
		       "uploads to git-lfs.\n",
		       remote);
}

void movers_print(const struct movers *movers, bool with_cost)
{
	char shown[URL_DISPLAY_MAX];

	url_display_any(movers->remote, shown, sizeof(shown));
	if (!movers->is_ours[DOWNLOAD] && !movers->is_ours[UPLOAD])
		return;
	printf("%s: this program downloads%s uploads.\n",
	       is_for_all(movers) ? "All remotes" : shown,
	       movers->is_ours[UPLOAD] ? " and" : ", git-lfs");
	if (movers->lacks_rule)
		printf("But git-lfs does not know this program yet; run "
		       "`git lfs-multipart install --global --standalone " ENDPOINT_SHARED
		       "`.\n");
	if (movers->is_outdated)
		printf("But not from the server that the remote leads to now; "
		       "`git lfs-multipart install --standalone %s` follows "
		       "it.\n",
		       shown);
	print_cure(movers);
	if (with_cost && movers->is_ours[UPLOAD])
		print_cost(movers, shown);
}

void movers_warn(const struct movers *movers, const struct scope *scope)
{
	const struct gitconfig_entry *entry = movers->upload;
	char key[URL_DISPLAY_MAX];
	char *effect = xstrfmt("so uploads go through this program, too, and "
			       "a push " STANDALONE_UPLOADS_COST
			       "; " STANDALONE_RULE_END,
			       url_display_any(entry->key, key, sizeof(key)));

	keys_warn_of(scope, entry, effect);
	free(effect);
}

json_t *movers_json(const struct movers *movers)
{
	static const char *const names[] = { "git-lfs", STANDALONE_AGENT };
	char shown[URL_DISPLAY_MAX];
	/* A name that is not UTF-8 has no JSON string, and is left out. */
	json_t *remote = json_string(movers->remote), *url = NULL;

	if (movers->url)
		url = json_string(
			url_display_any(movers->url, shown, sizeof(shown)));
	return json_pack("{s:o*, s:s, s:s, s:s*, s:o*}", "remote", remote,
			 "downloads", names[movers->is_ours[DOWNLOAD]],
			 "uploads", names[movers->is_ours[UPLOAD]], "key",
			 movers->key, "url", url);
}
