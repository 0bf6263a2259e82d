/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/endpoint.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/gourl.h"

enum {
	REMOTE_SHOWN = 81
};

/* Replace the longest prefix that the config has, as git does; or NULL. */
static char *replace_alias(const struct gitconfig *config, const char *key,
			   const char *text)
{
	const struct gitconfig_entry *entry;
	const char *base = NULL;
	size_t pos = 0, longest = 0;

	while ((entry = gitconfig_each(config, &pos))) {
		if (!gitconfig_is(entry, "url", key) || !entry->sub ||
		    strlen(entry->value) < longest ||
		    !text_has_prefix(text, entry->value))
			continue;
		base = entry->sub;
		longest = strlen(entry->value);
	}
	return longest ? xstrfmt("%s%s", base, text + longest) : NULL;
}

static void release_ssh(struct ssh_address *ssh)
{
	free(ssh->host);
	free(ssh->port);
	free(ssh->path);
	*ssh = (struct ssh_address){ .host = NULL };
}

/*
 * An absolute path without ".", ".." and double slashes; the caller's.  By the
 * names alone, as git-lfs does: links are not looked at.
 */
static char *clean_path(const char *path)
{
	char cwd[PATH_MAX], *joined, *name, *rest = NULL, *clean = xstrdup("");

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		*cwd = '\0';
	joined = xstrfmt("%s/%s", cwd, path);
	for (name = strtok_r(joined, "/", &rest); name;
	     name = strtok_r(NULL, "/", &rest)) {
		char *last = strrchr(clean, '/'), *longer;

		if (!strcmp(name, "..") && last)
			*last = '\0';
		if (!strcmp(name, "..") || !strcmp(name, "."))
			continue;
		longer = xstrfmt("%s/%s", clean, name);
		free(clean);
		clean = longer;
	}
	free(joined);
	if (*clean)
		return clean;
	free(clean);
	return xstrdup("/");
}

/*
 * The file URL of a repository: of its .git if it has one.  git-lfs writes it
 * without escapes.  A path that is not there stays a path, made absolute.
 */
static char *path_to_url(const char *path)
{
	char *top = clean_path(path), *git, *url;

	if (text_has_suffix(top, "/.git") && strlen(top) > strlen("/.git"))
		top[strlen(top) - strlen("/.git")] = '\0';
	git = xstrfmt("%s/.git", top);
	if (!access(git, F_OK))
		url = xstrfmt("file://%s", git);
	else
		url = xstrfmt("%s%s", access(top, F_OK) ? "" : "file://", top);
	free(git);
	free(top);
	return url;
}

/* Split HOST or HOST:PORT; git-lfs knows no other host, and no IPv6 address. */
static int split_port(const char *text, char **host, char **port)
{
	size_t n = strcspn(text, ":"), digits;

	if (!n)
		return -1;
	if (text[n]) {
		digits = strspn(text + n + 1, "0123456789");
		if (!digits || text[n + 1 + digits])
			return -1;
		*port = xstrdup(text + n + 1);
	}
	*host = xstrndup(text, n);
	return 0;
}

/* git-lfs guesses the https server: that of the same name and path. */
static void read_ssh_url(struct endpoint *endpoint, const struct gourl *url)
{
	struct gourl https = { .scheme = (char[]){ "https" },
			       .opaque = (char[]){ "" },
			       .path = url->path,
			       .raw_path = (char[]){ "" },
			       .tail = (char[]){ "" } };
	struct ssh_address *ssh = &endpoint->ssh;
	bool has_user = url->user && *url->user;

	if (gourl_has_control(url->path) ||
	    split_port(url->host, &https.host, &ssh->port))
		return;
	ssh->host = xstrfmt("%s%s%s", has_user ? url->user : "",
			    has_user ? "@" : "", https.host);
	ssh->path = xstrdup(url->path);
	endpoint->url = gourl_format(&https);
	free(https.host);
}

/*
 * HOST:PATH becomes ssh://HOST/PATH; [HOST:PORT]:PATH and HOST:PORT:PATH have
 * a port.  Further colons turn into slashes.
 */
static char *scp_to_ssh(const char *text)
{
	const char *colon = strchr(text, ':');
	const char *port = strchr(colon + 1, ':') ? colon + 1 : NULL;
	size_t host_len = (size_t)(colon - text), port_len;
	char *path, *url;

	if (!port)
		return xstrfmt("ssh://%.*s/%s", (int)host_len, text, colon + 1);
	port_len = strcspn(port, ":");
	path = xstrdup(port + port_len + 1);
	for (char *c = strchr(path, ':'); c; c = strchr(c, ':'))
		*c = '/';
	if (*text == '[') {
		text++;
		host_len--;
	}
	if (port_len && port[port_len - 1] == ']')
		port_len--;
	url = xstrfmt("ssh://%.*s:%.*s/%s", (int)host_len, text, (int)port_len,
		      port, path);
	free(path);
	return url;
}

static void read_scp(struct endpoint *endpoint, const char *text)
{
	char *path, *ssh;
	struct gourl url;
	int ret;

	if (!strchr(text, ':')) {
		endpoint->url = xstrdup(text);
		return;
	}
	ssh = scp_to_ssh(text);
	ret = gourl_parse(&url, ssh);
	free(ssh);
	if (ret)
		return;
	read_ssh_url(endpoint, &url);
	gourl_release(&url);
	/* The slash that was put in is not part of the path there. */
	path = endpoint->ssh.path;
	if (path && *path == '/')
		memmove(path, path + 1, strlen(path));
}

static void read_git_url(struct endpoint *endpoint,
			 const struct gitconfig *config,
			 const struct gourl *url)
{
	const char *protocol = gitconfig_get(config, "lfs.gitprotocol");
	struct gourl other = *url;

	other.scheme = protocol ? text_lower(protocol, strlen(protocol)) :
				  xstrdup("https");
	endpoint->url = gourl_format(&other);
	free(other.scheme);
}

static bool is_helper(const char *text, const char *scheme)
{
	size_t n = strlen(scheme);

	return n && !strncasecmp(text, scheme, n) &&
	       text_has_prefix(text + n, "::");
}

/* A helper's URL, a path that is there, or a host with a path. */
static void read_other(struct endpoint *endpoint, const struct gourl *url,
		       const char *text)
{
	char *formatted;

	if (is_helper(text, url->scheme)) {
		endpoint->url = xstrdup(text);
	} else if (!access(text, F_OK)) {
		endpoint->url = path_to_url(text);
	} else {
		formatted = gourl_format(url);
		read_scp(endpoint, formatted);
		free(formatted);
	}
}

static void read_expanded(struct endpoint *endpoint,
			  const struct gitconfig *config, const char *text)
{
	static const char *const ssh[] = { "ssh", "git+ssh", "ssh+git", NULL };
	static const char *const as_is[] = { "http", "https", "file", NULL };
	struct gourl url;

	if (*text == '/') {
		endpoint->url = path_to_url(text);
		return;
	}
	if (gourl_parse(&url, text)) {
		read_scp(endpoint, text);
		return;
	}
	if (text_is_any(url.scheme, ssh))
		read_ssh_url(endpoint, &url);
	else if (text_is_any(url.scheme, as_is))
		endpoint->url = gourl_format(&url);
	else if (!strcmp(url.scheme, "git"))
		read_git_url(endpoint, config, &url);
	else
		read_other(endpoint, &url, text);
	gourl_release(&url);
}

void endpoint_read_lfs(struct endpoint *endpoint,
		       const struct gitconfig *config, const char *text,
		       enum direction direction)
{
	char *expanded = NULL;

	free(endpoint->url);
	endpoint->url = NULL;
	release_ssh(&endpoint->ssh);
	if (direction == UPLOAD)
		expanded = replace_alias(config, "pushInsteadOf", text);
	if (!expanded)
		expanded = replace_alias(config, "insteadOf", text);
	read_expanded(endpoint, config, expanded ? expanded : text);
	free(expanded);
}

void endpoint_read_clone(struct endpoint *endpoint,
			 const struct gitconfig *config, const char *text,
			 enum direction direction)
{
	char *url;

	endpoint_read_lfs(endpoint, config, text, direction);
	url = endpoint->url;
	if (!url || text_has_prefix(url, "file://"))
		return;
	if (text_has_suffix(url, "/"))
		url[strlen(url) - 1] = '\0';
	endpoint->url = xstrfmt("%s%s/info/lfs", url,
				text_has_suffix(url, ".git") ? "" : ".git");
	free(url);
}

bool endpoint_is_url(const char *text)
{
	static const char *const schemes[] = { "ssh", "http", "https",
					       "git", "file", NULL };
	struct gourl url;
	bool is_url = strchr(text, ':');

	if (gourl_parse(&url, text))
		return is_url;
	if (*url.scheme)
		is_url = text_is_any(url.scheme, schemes);
	gourl_release(&url);
	return is_url;
}

struct search {
	const struct gitconfig *config;
	enum direction direction;
	const char *key;	/* that of the last value; or NULL */
};

static const struct gitconfig_entry *find_key(const struct search *search,
					      const char *remote,
					      const char *name)
{
	return remote ? gitconfig_find_sub(search->config, "remote", remote,
					   name) :
			gitconfig_find(search->config, name);
}

/*
 * The value of a key, for an upload of `for_push` if that is set; a remote's, or
 * with its whole name if `remote` is NULL.
 */
static const char *get_value(struct search *search, const char *remote,
			     const char *for_push, const char *name)
{
	const struct gitconfig_entry *entry = NULL;

	if (search->direction == UPLOAD)
		entry = find_key(search, remote, for_push);
	if (!entry)
		entry = find_key(search, remote, name);
	if (!entry)
		return NULL;
	search->key = entry->key;
	return entry->value;
}

const char *endpoint_next_remote(const struct gitconfig *config, size_t *pos)
{
	const struct gitconfig_entry *entry;

	while ((entry = gitconfig_each(config, pos)))
		if (gitconfig_is(entry, "remote", entry->name) && entry->sub &&
		    *entry->sub)
			return entry->sub;
	return NULL;
}

bool endpoint_has_remote(const struct gitconfig *config, const char *name)
{
	const char *other;
	size_t pos = 0;

	while ((other = endpoint_next_remote(config, &pos)))
		if (!name || !strcmp(other, name))
			return true;
	return false;
}

/* git's URL of a remote, as it is written; borrowed. */
static const char *remote_url(struct search *search, const char *remote)
{
	const char *url = get_value(search, remote, "pushurl", "url");

	if (!url && (endpoint_has_remote(search->config, remote) ||
		     endpoint_is_url(remote)))
		url = remote;
	return url;
}

/* Find the URL that the remote gives; false if it gives nothing. */
static bool find_of_remote(struct search *search, const char *remote,
			   struct endpoint *endpoint)
{
	const char *url = get_value(search, remote, "lfspushurl", "lfsurl");

	if (url) {
		endpoint_read_lfs(endpoint, search->config, url,
				  search->direction);
	} else {
		url = remote_url(search, remote);
		if (!url || !*url)
			return false;
		endpoint_read_clone(endpoint, search->config, url,
				    search->direction);
	}
	return !endpoint->url || *endpoint->url;
}

static void find_url(struct search *search, struct endpoint *endpoint)
{
	const char *url = get_value(search, NULL, "lfs.pushurl", "lfs.url");

	if (url)
		endpoint_read_lfs(endpoint, search->config, url,
				  search->direction);
	else if (!find_of_remote(search, endpoint->remote, endpoint))
		find_of_remote(search, "origin", endpoint);
}

/* "agent::" before a URL names the program that moves the objects: this one. */
static char *without_agent(const char *url)
{
	const char *colons = strstr(url, "::");
	size_t n = strcspn(url, "/:");

	if (colons != url + n || !n)
		return NULL;
	colons += 2;
	return url_is_http(colons) ? gourl_normalize(colons) : xstrdup(colons);
}

/* Is it a URL of http, https, git or ssh, or "host:path"? */
static bool is_of_server(const char *text)
{
	static const char *const schemes[] = { "http", "https",	  "git",
					       "ssh",  "git+ssh", "ssh+git",
					       NULL };
	size_t n = strcspn(text, ":/");
	struct gourl url;
	bool is;

	if (!n || !text_has_prefix(text + n, "://"))
		return n && text[n] == ':';
	if (gourl_parse(&url, text))
		return false;
	is = text_is_any(url.scheme, schemes);
	gourl_release(&url);
	return is;
}

/* What follows ENDPOINT_SHARED is read as if it stood alone. */
static void read_shared(struct endpoint *endpoint,
			const struct gitconfig *config,
			enum direction direction)
{
	char *text;

	if (!endpoint->url || !text_has_prefix(endpoint->url, ENDPOINT_SHARED))
		return;
	text = xstrdup(endpoint->url + strlen(ENDPOINT_SHARED));
	if (is_of_server(text))
		endpoint_read_lfs(endpoint, config, text, direction);
	free(text);
}

/* Tell the kind of the URL; one that git-lfs could not use is an error. */
static int judge_url(struct endpoint *endpoint, struct err *err)
{
	char *rest = endpoint->url ? without_agent(endpoint->url) : NULL;
	struct err why = ERR_INIT;
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
	if (url_is_http(endpoint->url)) {
		endpoint->kind = ENDPOINT_HTTP;
		if (!url_check(endpoint->url, &why))
			return 0;
		return err_set(err, ERR_USAGE,
			       "the LFS URL of the remote '%s' cannot be "
			       "used: %s",
			       remote, why.msg);
	}
	endpoint->kind = ENDPOINT_OTHER;
	if (text_has_prefix(endpoint->url, "file://"))
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

	while ((name = endpoint_next_remote(config, &pos))) {
		if (sole && strcmp(sole, name))
			return NULL;
		sole = name;
	}
	return sole;
}

char *endpoint_default_remote(const struct gitconfig *config,
			      const char *branch, enum direction direction)
{
	const char *name = NULL;

	if (direction == UPLOAD) {
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

static int name_remote(struct endpoint *endpoint,
		       const struct gitconfig *config, const char *remote,
		       enum direction direction, struct err *err)
{
	char *branch;

	if (remote && *remote) {
		endpoint->remote = xstrdup(remote);
		return 0;
	}
	if (branch_current(&branch, NULL, err))
		return -1;
	endpoint->remote = endpoint_default_remote(config, branch, direction);
	free(branch);
	return 0;
}

int endpoint_find(struct endpoint *endpoint, const struct gitconfig *config,
		  const char *remote, enum direction direction, struct err *err)
{
	struct search search = { .config = config, .direction = direction };
	const char *url;

	*endpoint = (struct endpoint)ENDPOINT_INIT;
	if (name_remote(endpoint, config, remote, direction, err))
		return -1;
	url = remote_url(&search, endpoint->remote);
	endpoint->remote_url = url ? xstrdup(url) : NULL;
	search.key = NULL;
	find_url(&search, endpoint);
	read_shared(endpoint, config, direction);
	endpoint->key = search.key ? xstrdup(search.key) : NULL;
	if (!judge_url(endpoint, err))
		return 0;
	endpoint_release(endpoint);
	return -1;
}

/* "ftp://h/x" has become the path "//h/x" at a host that is called ftp. */
static bool has_odd_scheme(const char *text, const struct endpoint *endpoint)
{
	const char *end = strstr(text, "://"), *host = endpoint->ssh.host;
	size_t n = end ? (size_t)(end - text) : 0;

	return n && (!endpoint->url || (host && strlen(host) == n &&
					!strncasecmp(text, host, n)));
}

int endpoint_from_lfs(struct endpoint *endpoint, const struct gitconfig *config,
		      const char *url, enum direction direction,
		      struct err *err)
{
	char shown[REMOTE_SHOWN];

	*endpoint = (struct endpoint)ENDPOINT_INIT;
	endpoint->remote = xstrdup(url);
	endpoint_read_lfs(endpoint, config, url, direction);
	read_shared(endpoint, config, direction);
	if (has_odd_scheme(url, endpoint))
		err_set(err, ERR_USAGE,
			"'%s' is not the URL of an LFS server: that begins "
			"with http, https, ssh, git or file",
			url_display_any(url, shown, sizeof(shown)));
	else if (!judge_url(endpoint, err))
		return 0;
	endpoint_release(endpoint);
	return -1;
}

void endpoint_release(struct endpoint *endpoint)
{
	free(endpoint->url);
	release_ssh(&endpoint->ssh);
	free(endpoint->remote);
	free(endpoint->remote_url);
	free(endpoint->key);
	*endpoint = (struct endpoint)ENDPOINT_INIT;
}
