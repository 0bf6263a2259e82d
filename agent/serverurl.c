/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/serverurl.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"
#include "lfs/server/gourl.h"

static bool is_remote(const struct gitconfig *config, const char *name)
{
	return gitconfig_get_sub(config, "remote", name, "url") ||
	       gitconfig_get_sub(config, "remote", name, "pushurl") ||
	       gitconfig_get_sub(config, "remote", name, "lfsurl");
}

bool serverurl_is_one(const struct gitconfig *config, const char *text)
{
	return text_has_prefix(text, SERVERURL_SHARED) ||
	       endpoint_is_url(text) || strstr(text, "://") ||
	       is_remote(config, text);
}

/* The length without the slashes at the end. */
static size_t trimmed_length(const char *path)
{
	size_t len = strlen(path);

	while (len && path[len - 1] == '/')
		len--;
	return len;
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
		key[trimmed_length(key)] = '\0';
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
	char *url = xstrndup(text, trimmed_length(text));
	struct endpoint endpoint = ENDPOINT_INIT;
	int ret;

	if (!is_foreign(url))
		endpoint_read_lfs(&endpoint, config, url, false);
	if (!url_is_http(url) && endpoint.url && url_is_http(endpoint.url) &&
	    has_path(endpoint.url))
		endpoint_read_clone(&endpoint, config, url, false);
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
	for (int is_upload = 0; !ret && is_upload < 2; is_upload++) {
		struct endpoint endpoint = ENDPOINT_INIT;

		ret = endpoint_find(&endpoint, lfsconfig, name, is_upload, err);
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
	if (text && text_has_prefix(text, SERVERURL_SHARED)) {
		text += strlen(SERVERURL_SHARED);
		if (*text)
			return find_by_url(found, config, text, err);
		found->urls[found->n++] = xstrdup(SERVERURL_SHARED);
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
