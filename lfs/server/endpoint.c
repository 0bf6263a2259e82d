/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/mem.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/gourl.h"

enum {
	REMOTE_SHOWN = 81
};

struct search {
	const struct gitconfig *config;
	bool is_upload;
	const char *key;	/* that of the last value; or NULL */
};

static const char *value_of(struct search *search,
			    const struct gitconfig_entry *entry)
{
	if (!entry)
		return NULL;
	search->key = entry->key;
	return entry->value;
}

static const char *get_lfs(struct search *search, const char *name)
{
	return value_of(search, gitconfig_find(search->config, name));
}

static const char *get_remote(struct search *search, const char *remote,
			      const char *name)
{
	return value_of(search, gitconfig_find_sub(search->config, "remote",
						   remote, name));
}

/*
 * The next name of a remote after `pos`, or NULL.  Anything about it in the
 * config makes a remote, as with `git remote`.
 */
static const char *next_remote(const struct gitconfig *config, size_t *pos)
{
	const struct gitconfig_entry *entry;

	while ((entry = gitconfig_each(config, pos)))
		if (gitconfig_is(entry, "remote", entry->name) && entry->sub &&
		    *entry->sub)
			return entry->sub;
	return NULL;
}

bool endpoint_has_remotes(const struct gitconfig *config)
{
	return next_remote(config, &(size_t){ 0 });
}

bool endpoint_has_remote(const struct gitconfig *config, const char *name)
{
	const char *other;
	size_t pos = 0;

	while ((other = next_remote(config, &pos)))
		if (!strcmp(other, name))
			return true;
	return false;
}

/* git's URL of a remote, as it is written; borrowed. */
static const char *remote_url(struct search *search, const char *remote)
{
	const char *url = NULL;

	if (search->is_upload)
		url = get_remote(search, remote, "pushurl");
	if (!url)
		url = get_remote(search, remote, "url");
	if (!url && (endpoint_has_remote(search->config, remote) ||
		     remoteurl_is_url(remote)))
		url = remote;
	return url;
}

/* Returns whether there is anything to go by. */
static bool find_of_remote(struct search *search, const char *remote,
			   struct remoteurl *found)
{
	const char *url = NULL;

	if (search->is_upload)
		url = get_remote(search, remote, "lfspushurl");
	if (!url)
		url = get_remote(search, remote, "lfsurl");
	if (url) {
		remoteurl_from_lfs(found, search->config, url,
				   search->is_upload);
	} else {
		url = remote_url(search, remote);
		if (!url || !*url)
			return false;
		remoteurl_from_clone(found, search->config, url,
				     search->is_upload);
	}
	return !found->url || *found->url;
}

static bool find(struct search *search, const char *remote,
		 struct remoteurl *found)
{
	const char *url = NULL;

	if (search->is_upload)
		url = get_lfs(search, "lfs.pushurl");
	if (!url)
		url = get_lfs(search, "lfs.url");
	if (url) {
		remoteurl_from_lfs(found, search->config, url,
				   search->is_upload);
		return true;
	}
	if (find_of_remote(search, remote, found))
		return true;
	remoteurl_release(found);
	return find_of_remote(search, "origin", found);
}

static bool is_http(const char *url)
{
	return !strncmp(url, "http:", 5) || !strncmp(url, "https:", 6);
}

/* "agent::" in front names who shall move the objects: us. */
static char *without_agent(const char *url)
{
	const char *colons = strstr(url, "::");
	size_t n = strcspn(url, "/:");

	if (colons != url + n || !n)
		return NULL;
	colons += 2;
	return is_http(colons) ? gourl_normalize(colons) : xstrdup(colons);
}

static int check_http(const struct endpoint *endpoint, struct err *err)
{
	char remote[REMOTE_SHOWN];
	struct err why = ERR_INIT;

	if (!url_check(endpoint->url, &why))
		return 0;
	url_display_any(endpoint->remote, remote, sizeof(remote));
	return err_set(err, ERR_USAGE,
		       "the LFS URL of the remote '%s' cannot be used: %s",
		       remote, why.msg);
}

/* What kind of URL is it?  One that git-lfs could not use is an error. */
static int judge(struct endpoint *endpoint, struct err *err)
{
	char *rest = endpoint->url ? without_agent(endpoint->url) : NULL;
	char remote[REMOTE_SHOWN];

	url_display_any(endpoint->remote, remote, sizeof(remote));
	if (rest) {
		free(endpoint->url);
		endpoint->url = rest;
	}
	if (!endpoint->url || !*endpoint->url)
		return err_set(err, ERR_USAGE,
			       "cannot tell the LFS server of the remote "
			       "'%s'; 'git config lfs.url' sets one",
			       remote);
	if (is_http(endpoint->url)) {
		endpoint->kind = ENDPOINT_HTTP;
		return check_http(endpoint, err);
	}
	endpoint->kind = ENDPOINT_OTHER;
	if (!strncmp(endpoint->url, "file://", 7))
		endpoint->kind = ENDPOINT_FILE;
	else if (!rest)
		return err_set(err, ERR_USAGE,
			       "the LFS URL of the remote '%s' is none of "
			       "http, https, ssh or file; 'git lfs env' shows "
			       "it",
			       remote);
	return 0;
}

/* The only remote, or NULL. */
static const char *sole_remote(const struct gitconfig *config)
{
	const char *sole = NULL, *name;
	size_t pos = 0;

	while ((name = next_remote(config, &pos))) {
		if (sole && strcmp(sole, name))
			return NULL;
		sole = name;
	}
	return sole;
}

char *endpoint_default_remote(const struct gitconfig *config,
			      const char *branch, bool is_upload)
{
	const char *name = NULL;

	if (is_upload) {
		if (branch)
			name = gitconfig_get_sub(config, "branch", branch,
						 "pushRemote");
		if (!name)
			name = gitconfig_get(config, "remote.lfspushdefault");
		if (!name)
			name = gitconfig_get(config, "remote.pushDefault");
	}
	if (!name && branch)
		name = gitconfig_get_sub(config, "branch", branch, "remote");
	if (!name)
		name = gitconfig_get(config, "remote.lfsdefault");
	if (!name)
		name = sole_remote(config);
	return xstrdup(name ? name : "origin");
}

static int name_remote(struct endpoint *endpoint, struct search *search,
		       const char *remote, struct err *err)
{
	char *branch;

	if (remote && *remote) {
		endpoint->remote = xstrdup(remote);
		return 0;
	}
	if (branch_current(&branch, NULL, err))
		return -1;
	endpoint->remote = endpoint_default_remote(search->config, branch,
						   search->is_upload);
	free(branch);
	return 0;
}

/* What was found becomes the endpoint, or an error. */
static int settle(struct endpoint *endpoint, struct search *search,
		  struct remoteurl *found, struct err *err)
{
	endpoint->url = found->url;
	endpoint->ssh = found->ssh;
	endpoint->key = search->key ? xstrdup(search->key) : NULL;
	if (!judge(endpoint, err))
		return 0;
	endpoint_release(endpoint);
	return -1;
}

static void find_remote_url(struct endpoint *endpoint, struct search *search)
{
	const char *url = remote_url(search, endpoint->remote);

	endpoint->remote_url = url ? xstrdup(url) : NULL;
	search->key = NULL;
}

int endpoint_find(struct endpoint *endpoint, const struct gitconfig *config,
		  const char *remote, bool is_upload, struct err *err)
{
	struct search search = { .config = config, .is_upload = is_upload };
	struct remoteurl found = { .url = NULL };

	*endpoint = (struct endpoint)ENDPOINT_INIT;
	if (name_remote(endpoint, &search, remote, err))
		return -1;
	find_remote_url(endpoint, &search);
	find(&search, endpoint->remote, &found);
	return settle(endpoint, &search, &found, err);
}

/* "ftp://h/x" has become the path "//h/x" at a host that is called ftp. */
static bool has_odd_scheme(const char *text, const struct remoteurl *found)
{
	const char *end = strstr(text, "://"), *host = found->ssh.host;
	size_t n = end ? (size_t)(end - text) : 0;

	return n && (!found->url || (host && strlen(host) == n &&
				     !strncasecmp(text, host, n)));
}

int endpoint_from_lfs(struct endpoint *endpoint, const struct gitconfig *config,
		      const char *url, bool is_upload, struct err *err)
{
	struct search search = { .config = config, .is_upload = is_upload };
	struct remoteurl found = { .url = NULL };
	char shown[REMOTE_SHOWN];

	*endpoint = (struct endpoint)ENDPOINT_INIT;
	endpoint->remote = xstrdup(url);
	remoteurl_from_lfs(&found, config, url, is_upload);
	if (!has_odd_scheme(url, &found))
		return settle(endpoint, &search, &found, err);
	url_display_any(url, shown, sizeof(shown));
	err_set(err, ERR_USAGE,
		"'%s' is no URL of an LFS server: that begins with http, "
		"https, ssh, git or file",
		shown);
	remoteurl_release(&found);
	endpoint_release(endpoint);
	return -1;
}

void endpoint_release(struct endpoint *endpoint)
{
	free(endpoint->url);
	ssh_address_release(&endpoint->ssh);
	free(endpoint->remote);
	free(endpoint->remote_url);
	free(endpoint->key);
	*endpoint = (struct endpoint)ENDPOINT_INIT;
}
