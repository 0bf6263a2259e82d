/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/remoteurl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/server/gourl.h"

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len >= n && !strcmp(s + len - n, suffix);
}

/* By the longest prefix, as git does it; NULL if there is none. */
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

static char *expand(const struct gitconfig *config, const char *text,
		    bool is_upload)
{
	char *url = NULL;

	if (is_upload)
		url = replace_alias(config, "pushInsteadOf", text);
	if (!url)
		url = replace_alias(config, "insteadOf", text);
	return url ? url : xstrdup(text);
}

/* HOST or HOST:PORT; anything else, such as an IPv6 address, is no host. */
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

/* The https server is guessed: that of the same name and path. */
static void take_ssh(struct remoteurl *remote, const struct gourl *url)
{
	struct gourl https = *url;
	char *host;

	if (gourl_has_control(url->path) ||
	    split_port(url->host, &host, &remote->ssh.port))
		return;
	if (url->user && *url->user)
		remote->ssh.host = xstrfmt("%s@%s", url->user, host);
	else
		remote->ssh.host = xstrdup(host);
	remote->ssh.path = xstrdup(url->path);
	https.scheme = (char[]){ "https" };
	https.user = NULL;
	https.host = host;
	https.raw_path = (char[]){ "" };
	https.tail = (char[]){ "" };
	remote->url = gourl_format(&https);
	free(host);
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

static void take_scp(struct remoteurl *remote, const char *text)
{
	struct gourl url;
	char *ssh;
	int ret;

	if (!strchr(text, ':')) {
		remote->url = xstrdup(text);
		return;
	}
	ssh = scp_to_ssh(text);
	ret = gourl_parse(&url, ssh);
	free(ssh);
	if (ret)
		return;
	take_ssh(remote, &url);
	gourl_release(&url);
	/* The slash that was put in is not part of the path there. */
	if (remote->ssh.path && *remote->ssh.path == '/')
		memmove(remote->ssh.path, remote->ssh.path + 1,
			strlen(remote->ssh.path));
}

static void take_git(struct remoteurl *remote, const struct gitconfig *config,
		     const struct gourl *url)
{
	const char *protocol = gitconfig_get(config, "lfs.gitprotocol");
	struct gourl other = *url;

	other.scheme = xstrdup(protocol ? protocol : "https");
	remote->url = gourl_format(&other);
	free(other.scheme);
}

static bool is_helper(const char *text, const char *scheme)
{
	size_t n = strlen(scheme);

	return !strncasecmp(text, scheme, n) && text_has_prefix(text + n, "::");
}

/* Anything else is a path that is there, or a host with a path. */
static void take_other(struct remoteurl *remote, const struct gourl *url,
		       const char *text)
{
	char *formatted;

	if (*url->scheme && is_helper(text, url->scheme)) {
		remote->url = xstrdup(text);
	} else if (localpath_exists(text)) {
		remote->url = localpath_to_url(text);
	} else {
		formatted = gourl_format(url);
		take_scp(remote, formatted);
		free(formatted);
	}
}

static bool is_scheme(const struct gourl *url, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(url->scheme, *names))
			return true;
	return false;
}

static void take(struct remoteurl *remote, const struct gitconfig *config,
		 const char *text)
{
	static const char *const ssh[] = { "ssh", "git+ssh", "ssh+git", NULL };
	static const char *const as_is[] = { "http", "https", "file", NULL };
	struct gourl url;

	if (*text == '/') {
		remote->url = localpath_to_url(text);
		return;
	}
	if (gourl_parse(&url, text)) {
		take_scp(remote, text);
		return;
	}
	if (is_scheme(&url, ssh))
		take_ssh(remote, &url);
	else if (is_scheme(&url, as_is))
		remote->url = gourl_format(&url);
	else if (!strcmp(url.scheme, "git"))
		take_git(remote, config, &url);
	else
		take_other(remote, &url, text);
	gourl_release(&url);
}

void remoteurl_from_lfs(struct remoteurl *remote,
			const struct gitconfig *config, const char *text,
			bool is_upload)
{
	char *expanded = expand(config, text, is_upload);

	*remote = (struct remoteurl){ .url = NULL };
	take(remote, config, expanded);
	free(expanded);
}

void remoteurl_from_clone(struct remoteurl *remote,
			  const struct gitconfig *config, const char *text,
			  bool is_upload)
{
	char *expanded = expand(config, text, is_upload);
	char *url;

	*remote = (struct remoteurl){ .url = NULL };
	take(remote, config, expanded);
	free(expanded);
	if (!remote->url)
		return;
	if (text_has_prefix(remote->url, "file://"))
		return;
	if (has_suffix(remote->url, "/"))
		remote->url[strlen(remote->url) - 1] = '\0';
	url = xstrfmt("%s%s/info/lfs", remote->url,
		      has_suffix(remote->url, ".git") ? "" : ".git");
	free(remote->url);
	remote->url = url;
}

bool remoteurl_is_url(const char *text)
{
	static const char *const schemes[] = { "ssh", "http", "https",
					       "git", "file", NULL };
	struct gourl url;
	bool is_url;

	if (gourl_parse(&url, text))
		return strchr(text, ':');
	is_url = *url.scheme ? is_scheme(&url, schemes) : !!strchr(text, ':');
	gourl_release(&url);
	return is_url;
}

void ssh_address_release(struct ssh_address *ssh)
{
	free(ssh->host);
	free(ssh->port);
	free(ssh->path);
	*ssh = (struct ssh_address){ .host = NULL };
}

void remoteurl_release(struct remoteurl *remote)
{
	free(remote->url);
	ssh_address_release(&remote->ssh);
	*remote = (struct remoteurl){ .url = NULL };
}

bool localpath_exists(const char *path)
{
	return !access(path, F_OK);
}

/* Append one name of a path, or go back by one. */
static char *append(char *out, const char *start, const char *name, size_t n)
{
	if (!n || (n == 1 && name[0] == '.'))
		return out;
	if (n == 2 && !memcmp(name, "..", 2)) {
		while (out > start && *--out != '/')
			;
		return out;
	}
	*out++ = '/';
	memcpy(out, name, n);
	return out + n;
}

/* By the names alone, as git-lfs does: links are not looked at. */
char *localpath_clean(const char *path)
{
	char *clean = xmalloc(strlen(path) + 2), *out = clean;

	while (*path) {
		size_t n = strcspn(path, "/");

		out = append(out, clean, path, n);
		path += n;
		path += *path == '/';
	}
	if (out == clean)
		*out++ = '/';
	*out = '\0';
	return clean;
}

static char *absolute(const char *path)
{
	char cwd[PATH_MAX], *joined, *clean;

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		return localpath_clean(path);
	joined = xstrfmt("%s/%s", cwd, path);
	clean = localpath_clean(joined);
	free(joined);
	return clean;
}

char *localpath_to_url(const char *path)
{
	char *top = absolute(path), *git, *url;
	size_t len = strlen(top);

	if (len > 5 && !strcmp(top + len - 5, "/.git"))
		top[len - 5] = '\0';
	git = xstrfmt("%s/.git", top);
	if (localpath_exists(git))
		url = xstrfmt("file://%s", git);
	else if (localpath_exists(top))
		url = xstrfmt("file://%s", top);
	else
		url = xstrdup(top);
	free(git);
	free(top);
	return url;
}
