/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/net/libcurl.h"

enum {
	SCHEME_SHOWN = 20
};

static bool has_blank(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return true;
	return false;
}

static int check_scheme(const char *url, struct err *err)
{
	size_t len = strcspn(url, ":/?#@");

	if (!len || strncmp(url + len, "://", 3))
		return err_set(err, ERR_PROTOCOL,
			       "the URL does not begin with http:// or "
			       "https://");
	if ((len == 4 && !strncasecmp(url, "http", 4)) ||
	    (len == 5 && !strncasecmp(url, "https", 5)))
		return 0;
	return err_set(err, ERR_PROTOCOL,
		       "the URL has the scheme '%.*s'; only http and https "
		       "will do",
		       (int)(len < SCHEME_SHOWN ? len : SCHEME_SHOWN), url);
}

/* Is it one, before libcurl has seen it? */
static int check_text(const char *url, struct err *err)
{
	size_t len = strlen(url);

	if (!len)
		return err_set(err, ERR_PROTOCOL, "the URL is empty");
	if (len > URL_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "the URL has %zu bytes; at most %d will do", len,
			       URL_MAX);
	if (has_blank(url))
		return err_set(err, ERR_PROTOCOL,
			       "the URL has a blank or control character");
	if (check_scheme(url, err))
		return -1;
	/* libcurl accepts a third slash and takes the next name for the host. */
	if (strchr("/?#", strstr(url, "://")[3]))
		return err_set(err, ERR_PROTOCOL, "the URL has no host");
	return 0;
}

/* The URL as libcurl reads it; NULL if url_check() would refuse it. */
static CURLU *parse_url(const char *url, struct err *err)
{
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	CURLU *handle;

	if (check_text(url, err) || libcurl_load(err))
		return NULL;
	handle = curl.url();
	if (handle)
		code = curl.url_set(handle, CURLUPART_URL, url,
				    CURLU_NON_SUPPORT_SCHEME);
	if (!code)
		return handle;
	err_set(err, ERR_PROTOCOL, "the URL is malformed (%s)",
		curl.url_strerror(code));
	curl.url_cleanup(handle);
	return NULL;
}

int url_check(const char *url, struct err *err)
{
	CURLU *handle = parse_url(url, err);

	if (!handle)
		return -1;
	curl.url_cleanup(handle);
	return 0;
}

/* Add the bytes that fit, and leave room for the dots. */
static bool add_shown(char *out, size_t size, const char *s, size_t n)
{
	size_t len = strlen(out);

	for (size_t i = 0; i < n; i++) {
		if (len + sizeof("...") >= size) {
			if (size > sizeof("..."))
				memcpy(out + len, "...", sizeof("..."));
			return false;
		}
		out[len++] = s[i] > ' ' && s[i] < 0x7f ? s[i] : '?';
		out[len] = '\0';
	}
	return true;
}

/* A dot and a name may follow the port, in the key of a setting. */
static bool has_bad_port(const char *host, const char *end)
{
	const char *colon = end;

	while (colon > host && colon[-1] != ':' && colon[-1] != ']')
		colon--;
	if (colon == host || colon[-1] != ':')
		return false;
	colon += strspn(colon, "0123456789");
	return colon < end && *colon != '.';
}

/* Skip the user info, which may stand at `host`. */
static const char *skip_user(const char *host, const char *end)
{
	const char *at;

	while ((at = memchr(host, '@', (size_t)(end - host))))
		host = at + 1;
	return host;
}

const char *url_display(const char *url, char *out, size_t size)
{
	static const char hidden[] = "(malformed)";
	const char *host = strstr(url, "://");
	const char *end;

	if (!size)
		return "";
	out[0] = '\0';
	if (!host || host > url + strcspn(url, "/?#@")) {
		snprintf(out, size, "(not a URL)");
		return out;
	}
	host += 3;
	if (!add_shown(out, size, url, (size_t)(host - url)))
		return out;
	end = host + strcspn(host, "/?#");
	host = skip_user(host, end);
	if (has_bad_port(host, end))
		add_shown(out, size, hidden, strlen(hidden));
	else
		add_shown(out, size, host, strcspn(host, "?#"));
	return out;
}

const char *url_display_host(const char *url, char *out, size_t size)
{
	char shown[URL_DISPLAY_MAX];
	const char *host = strstr(url_display(url, shown, sizeof(shown)),
				  "://");

	host = host ? host + strlen("://") : "";
	snprintf(out, size, "%.*s", (int)strcspn(host, "/"), host);
	return out;
}

const char *url_display_any(const char *text, char *out, size_t size)
{
	const char *end = text + strcspn(text, "/"), *at = end;

	if (strstr(text, "://"))
		return url_display(text, out, size);
	while (at > text && at[-1] != '@')
		at--;
	if (at > text && memchr(text, ':', (size_t)(at - text)))
		text = at;
	snprintf(out, size, "%s", text);
	return out;
}

struct origin {
	char *scheme;	/* libcurl's, as are all */
	char *host;
	char *port;
};

static void origin_release(struct origin *origin)
{
	curl.free(origin->scheme);
	curl.free(origin->host);
	curl.free(origin->port);
}

/* False, and nothing to release, for what is not an http(s) URL. */
static bool get_origin(const char *url, struct origin *origin)
{
	struct err ignored = ERR_INIT;
	CURLU *handle = parse_url(url, &ignored);
	bool ok;

	if (!handle)
		return false;
	*origin = (struct origin){ .scheme = NULL };
	ok = !curl.url_get(handle, CURLUPART_SCHEME, &origin->scheme, 0) &&
	     !curl.url_get(handle, CURLUPART_HOST, &origin->host, 0) &&
	     !curl.url_get(handle, CURLUPART_PORT, &origin->port,
			   CURLU_DEFAULT_PORT);
	curl.url_cleanup(handle);
	if (!ok)
		origin_release(origin);
	return ok;
}

static bool is_at(const struct origin *origin, const char *scheme,
		  const char *port)
{
	return !strcasecmp(origin->scheme, scheme) &&
	       !strcmp(origin->port, port);
}

static bool compare_origins(const char *from, const char *to, bool or_upgrade)
{
	struct origin a, b;
	bool is_same;

	if (!get_origin(from, &a))
		return false;
	if (!get_origin(to, &b)) {
		origin_release(&a);
		return false;
	}
	is_same = !strcasecmp(a.host, b.host) &&
		  (is_at(&a, b.scheme, b.port) ||
		   (or_upgrade && is_at(&a, "http", "80") &&
		    is_at(&b, "https", "443")));
	origin_release(&a);
	origin_release(&b);
	return is_same;
}

bool url_is_same_origin(const char *a, const char *b)
{
	return compare_origins(a, b, false);
}

bool url_keeps_headers(const char *from, const char *to)
{
	return compare_origins(from, to, true);
}

void url_port(const char *url, char *out, size_t size)
{
	struct origin origin;

	out[0] = '\0';
	if (!get_origin(url, &origin))
		return;
	snprintf(out, size, "%s", origin.port);
	origin_release(&origin);
}

/* FNV-1a. */
uint64_t url_host_id(const char *url)
{
	const char *host = strstr(url, "://");
	size_t n = host ? (size_t)(host + 3 - url) : 0;
	uint64_t hash = 0xcbf29ce484222325;

	n += strcspn(url + n, "/?#");
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)url[i]) * 0x100000001b3;
	return hash;
}

char *url_join(const char *url, const char *suffix)
{
	const char *start = strstr(url, "://"), *host, *query;
	size_t len;

	start = start ? start + strlen("://") : url;
	host = skip_user(start, start + strcspn(start, "/?#"));
	query = host + strcspn(host, "?#");
	len = text_trim_slashes(host, (size_t)(query - host));
	return xstrfmt("%.*s%.*s/%s%s", (int)(start - url), url, (int)len, host,
		       suffix, query);
}

bool url_is_http(const char *url)
{
	return !strncasecmp(url, "http:", 5) || !strncasecmp(url, "https:", 6);
}

bool url_is_https(const char *url)
{
	return !strncasecmp(url, "https://", 8);
}

/* libcurl knows how to resolve, and escapes what a server forgot to. */
static char *resolve_location(CURLU *base, const char *location)
{
	char *url = NULL, *copy = NULL;

	if (strlen(location) <= URL_MAX &&
	    !curl.url_set(base, CURLUPART_URL, location,
			  CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) &&
	    !curl.url_set(base, CURLUPART_FRAGMENT, NULL, 0) &&
	    !curl.url_get(base, CURLUPART_URL, &url, 0))
		copy = xstrdup(url);
	curl.free(url);
	return copy;
}

char *url_resolve(const char *base, const char *location, struct err *err)
{
	CURLU *handle = parse_url(base, err);
	struct err why = ERR_INIT;
	char *url;

	if (!handle)
		return NULL;
	url = resolve_location(handle, location);
	curl.url_cleanup(handle);
	if (!url)
		err_set(&why, ERR_PROTOCOL, "it is malformed or too long");
	else if (!url_check(url, &why))
		return url;
	err_set(err, ERR_PROTOCOL, "the redirect's Location: %s", why.msg);
	free(url);
	return NULL;
}

/* The value as it is written, with its length; NULL if there is none. */
static const char *find_query(const char *url, const char *name, size_t *n)
{
	size_t path = strcspn(url, "?#"), len = strlen(name);
	const char *p = url + path;

	while (*p == '?' || *p == '&') {
		*n = strcspn(++p, "&#");
		if (*n > len && p[len] == '=' && !strncasecmp(p, name, len)) {
			*n -= len + 1;
			return p + len + 1;
		}
		p += *n;
	}
	return NULL;
}

bool url_query(const char *url, const char *name, char *out, size_t size)
{
	size_t n;
	const char *written = find_query(url, name, &n);
	char *value = written ? text_unescape(written, n) : NULL;
	bool fits = value && strlen(value) < size;

	snprintf(out, size, "%s", fits ? value : "");
	free(value);
	return fits;
}

bool url_has_query(const char *url, const char *name)
{
	size_t n;

	return find_query(url, name, &n) && n;
}
