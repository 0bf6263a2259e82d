/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/urlparts.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"

/* Undo percent-encoding; NULL if it hides what would end a line or a string. */
static char *decode(const char *s, size_t n, struct err *err)
{
	char *text = xmalloc(n + 1), *out = text;

	while (n) {
		int byte = text_percent(s, n);
		size_t took = byte < 0 ? 1 : 3;

		if (byte < 0)
			byte = (unsigned char)*s;
		if (!byte || byte == '\n') {
			err_set(err, ERR_USAGE,
				"the URL has a line break or NUL in it");
			free(text);
			return NULL;
		}
		*out++ = (char)byte;
		s += took;
		n -= took;
	}
	*out = '\0';
	return text;
}

/* The user info: from `s` up to `at`. */
static int parse_user(struct urlparts *parts, const char *s, const char *at,
		      struct err *err)
{
	const char *colon = memchr(s, ':', (size_t)(at - s));
	const char *end = colon ? colon : at;

	parts->user = decode(s, (size_t)(end - s), err);
	if (!parts->user)
		return -1;
	if (!colon)
		return 0;
	parts->password = decode(colon + 1, (size_t)(at - colon - 1), err);
	return parts->password ? 0 : -1;
}

/* Where the authority begins; NULL if there is none. */
static const char *find_authority(const char *url)
{
	size_t len = strcspn(url, ":/?#@");

	return len && !strncmp(url + len, "://", 3) ? url + len + 3 : NULL;
}

/* The `@` that ends the user info, or NULL. */
static const char *find_at(const char *s, const char *end)
{
	const char *at = end;

	while (at > s && at[-1] != '@')
		at--;
	return at > s ? at - 1 : NULL;
}

int urlparts_parse(struct urlparts *parts, const char *url, struct err *err)
{
	const char *s = find_authority(url), *end, *at, *path;

	*parts = (struct urlparts){ .user = NULL };
	if (!s)
		return err_set(err, ERR_USAGE, "the URL has no scheme");
	parts->scheme = text_lower(url, (size_t)(s - 3 - url));
	end = s + strcspn(s, "/?#");
	at = find_at(s, end);
	if (at && parse_user(parts, s, at, err))
		goto fail;
	if (at)
		s = at + 1;
	parts->host = decode(s, (size_t)(end - s), err);
	path = *end == '/' ? end + 1 : end;
	parts->path = decode(path, strcspn(path, "?#"), err);
	if (parts->host && !*parts->host)
		err_set(err, ERR_USAGE, "the URL has no host");
	if (!err->kind)
		return 0;
fail:
	urlparts_release(parts);
	return -1;
}

char *urlparts_host_name(const struct urlparts *parts)
{
	const char *host = parts->host;

	if (*host == '[')
		return xstrndup(host + 1, strcspn(host + 1, "]"));
	return xstrndup(host, strcspn(host, ":"));
}

char *urlparts_without_user(const char *url)
{
	const char *s = find_authority(url);
	const char *at = s ? find_at(s, s + strcspn(s, "/?#")) : NULL;

	if (!at)
		return xstrdup(url);
	return xstrfmt("%.*s%s", (int)(s - url), url, at + 1);
}

char *urlparts_join(const char *url, const char *suffix)
{
	size_t len = strcspn(url, "?#");
	const char *query = url + len;

	while (len && url[len - 1] == '/')
		len--;
	return xstrfmt("%.*s/%s%s", (int)len, url, suffix, query);
}

void urlparts_release(struct urlparts *parts)
{
	free(parts->scheme);
	free(parts->user);
	free(parts->password);
	free(parts->host);
	free(parts->path);
	*parts = (struct urlparts){ .user = NULL };
}
