/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/urlmatch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

#define HOST_CHARS                   \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"abcdefghijklmnopqrstuvwxyz0123456789.-_[:]"
#define RESERVED ":/?#[]@!$&'()*+,;="
#define UNSAFE " <>\"%{}|\\^`"

/* Normalised; all owned. */
struct urlmatch {
	char *scheme;
	char *user;	/* NULL: none */
	char *host;
	char *port;	/* "": the scheme's own */
	char *path;	/* begins with a slash */
};

/* Read one character, perhaps escaped; returns its bytes, or 0 if malformed. */
static size_t decode_char(const char *s, size_t n, unsigned char *c)
{
	int byte = text_percent(s, n);

	*c = (unsigned char)s[0];
	if (*c != '%')
		return 1;
	if (byte < 0)
		return 0;
	*c = (unsigned char)byte;
	return 3;
}

/*
 * Keep the escapes that are needed and those of delimiters, undo the others, and
 * escape the characters that lack it.  `out` has room for 3 * n.  -1 if an escape
 * is malformed.
 */
static int add_normalized(struct buf *out, const char *s, size_t n)
{
	while (n) {
		unsigned char c;
		size_t took = decode_char(s, n, &c);

		if (!took)
			return -1;
		if (c <= 0x1f || c >= 0x7f || strchr(UNSAFE, c) ||
		    (took == 3 && strchr(RESERVED, c)))
			buf_printf(out, "%%%02X", c);
		else
			buf_add(out, &c, 1);
		s += took;
		n -= took;
	}
	return 0;
}

/* Read the scheme, and move `s` past "://". */
static int normalize_scheme(struct urlmatch *match, const char **s)
{
	const char *colon = strstr(*s, "://");

	if (!colon || !isalpha((unsigned char)**s))
		return -1;
	for (const char *p = *s; p < colon; p++)
		if (!isalnum((unsigned char)*p) && !strchr("+.-", *p))
			return -1;
	match->scheme = text_lower(*s, (size_t)(colon - *s));
	*s = colon + 3;
	return 0;
}

/* Read the user without the password, and move `s` past the "@". */
static int normalize_user(struct urlmatch *match, const char **s,
			  const char *end)
{
	const char *at = memchr(*s, '@', (size_t)(end - *s));
	struct buf user;
	size_t len;
	int ret;

	if (!at)
		return 0;
	len = (size_t)(at - *s);
	user = (struct buf)BUF_INIT(3 * len + 1);
	ret = add_normalized(&user, *s, len);
	if (!ret)
		match->user = xstrndup(buf_str(&user),
				       strcspn(buf_str(&user), ":"));
	buf_release(&user);
	*s = at + 1;
	return ret;
}

static int normalize_port(struct urlmatch *match, const char *s, size_t n)
{
	const char *usual = !strcmp(match->scheme, "http")  ? "80" :
			    !strcmp(match->scheme, "https") ? "443" :
							      "";
	size_t zeros = strspn(s, "0");

	if (n && zeros >= n)
		return -1;
	s += zeros;
	n -= zeros;
	if (strspn(s, "0123456789") < n || n > 5)
		return -1;
	match->port = xstrndup(s, n);
	if (strtoul(match->port, NULL, 10) > 65535)
		return -1;
	if (!strcmp(match->port, usual))
		match->port[0] = '\0';
	return 0;
}

static int normalize_host(struct urlmatch *match, const char *s,
			  const char *end, bool may_glob)
{
	const char *colon = end;

	/* The colons in "[...]" belong to the address. */
	while (colon > s && colon[-1] != ':' && colon[-1] != ']')
		colon--;
	if (colon > s && colon[-1] == ':')
		colon--;
	else
		colon = end;
	if (colon == s)
		return -1;
	for (const char *p = s; p < colon; p++)
		if (!strchr(HOST_CHARS, *p) && !(may_glob && *p == '*'))
			return -1;
	match->host = text_lower(s, (size_t)(colon - s));
	if (colon < end)
		colon++;
	return normalize_port(match, colon, (size_t)(end - colon));
}

/* Take a "." or ".." out of the path again; tells if a slash may follow. */
static int fold_dots(struct buf *path, size_t start, bool *add_slash)
{
	const char *part = path->data + start;

	*add_slash = true;
	if (!strcmp(part, "..")) {
		if (start == 1)
			return -1;
		start--;
		while (path->data[start - 1] != '/')
			start--;
	} else if (strcmp(part, ".")) {
		return 0;
	}
	*add_slash = start > 1;
	path->len = start > 1 ? start - 1 : 1;
	path->data[path->len] = '\0';
	return 0;
}

static int normalize_path(struct urlmatch *match, const char *s)
{
	size_t len = strcspn(s, "?#");
	struct buf path = BUF_INIT(3 * len + 2);
	int ret = buf_puts(&path, "/");

	if (*s == '/') {
		s++;
		len--;
	}
	for (;;) {
		size_t start = path.len;
		size_t n = strcspn(s, "/?#");
		bool add_slash;

		ret = add_normalized(&path, s, n);
		if (!ret)
			ret = fold_dots(&path, start, &add_slash);
		if (ret || s[n] != '/')
			break;
		if (add_slash)
			buf_puts(&path, "/");
		s += n + 1;
	}
	match->path = buf_take(&path);
	return ret;
}

static int normalize(struct urlmatch *match, const char *s, bool is_pattern)
{
	const char *end;

	if (normalize_scheme(match, &s))
		return -1;
	end = s + strcspn(s, "/?#");
	/* git would match a pattern with a query only to that query. */
	if (is_pattern && strpbrk(end, "?#"))
		return -1;
	if (normalize_user(match, &s, end) ||
	    normalize_host(match, s, end, is_pattern))
		return -1;
	return normalize_path(match, end);
}

static struct urlmatch *match_new(const char *url, bool is_pattern)
{
	struct urlmatch *match = xcalloc(1, sizeof(*match));

	if (normalize(match, url, is_pattern)) {
		urlmatch_free(match);
		return NULL;
	}
	return match;
}

struct urlmatch *urlmatch_new(const char *url)
{
	return match_new(url, false);
}

/* Compare label by label, where a label `*` stands for any. */
static bool is_host_match(const char *pattern, const char *host)
{
	while (*pattern && *host) {
		size_t np = strcspn(pattern, "."), nh = strcspn(host, ".");
		bool is_any = np == 1 && *pattern == '*';

		if (!is_any && (np != nh || memcmp(pattern, host, nh)))
			return false;
		pattern += np + (pattern[np] == '.');
		host += nh + (host[nh] == '.');
	}
	return !*pattern && !*host;
}

/* Does `.../repo` stand for `.../repo.git/info/lfs`? */
static bool is_repo_of(const char *repo, size_t len, const char *path)
{
	static const char lfs[] = ".git/info/lfs";
	const char *rest = path + len;

	if (!len || strncmp(path, repo, len) || strncmp(rest, lfs, strlen(lfs)))
		return false;
	rest += strlen(lfs);
	return !*rest || *rest == '/';
}

/* The length of the path that matches, with the slash that ends it; or 0. */
static size_t match_paths(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '/')
		len--;
	if (!strncmp(pattern, path, len) && (!path[len] || path[len] == '/'))
		return len + 1;
	return is_repo_of(pattern, len, path) ? len + 1 : 0;
}

static bool is_match(const struct urlmatch *pattern, const struct urlmatch *url)
{
	return !strcmp(pattern->scheme, url->scheme) &&
	       !strcmp(pattern->port, url->port) &&
	       (!pattern->user ||
		(url->user && !strcmp(pattern->user, url->user))) &&
	       is_host_match(pattern->host, url->host) &&
	       match_paths(pattern->path, url->path);
}

bool urlmatch_is_match(const char *pattern, const struct urlmatch *url,
		       struct urlmatch_rank *rank)
{
	struct urlmatch *match;
	bool is;

	*rank = (struct urlmatch_rank){ .host = 0 };
	if (!pattern)
		return true;
	match = match_new(pattern, true);
	is = match && url && is_match(match, url);
	if (is) {
		rank->host = strlen(match->host);
		rank->path = match_paths(match->path, url->path);
		rank->has_user = match->user != NULL;
	}
	urlmatch_free(match);
	return is;
}

bool urlmatch_is_pattern(const char *pattern)
{
	struct urlmatch *match = match_new(pattern, true);

	urlmatch_free(match);
	return match;
}

int urlmatch_compare(const struct urlmatch_rank *a,
		     const struct urlmatch_rank *b)
{
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->path != b->path)
		return a->path < b->path ? -1 : 1;
	return (int)a->has_user - (int)b->has_user;
}

void urlmatch_free(struct urlmatch *match)
{
	if (!match)
		return;
	free(match->scheme);
	free(match->user);
	free(match->host);
	free(match->port);
	free(match->path);
	free(match);
}
