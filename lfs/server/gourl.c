/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/gourl.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

enum {
	ESCAPED_MAX = 4 * GOURL_MAX	/* "%20" for " " */
};

static const char alnum[] = "0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Besides letters and digits, these stand for themselves in each place ... */
static const char user_plain[] = "-_.~$&+,;=";
static const char host_plain[] = "-_.~!$&'()*+,;=:[]<>\"";
static const char path_plain[] = "-_.~$&+,/:;=@";
static const char fragment_plain[] = "-_.~$&+,/:;=?@!()*";
/* ... and a part that has only these is left as it was written. */
static const char user_allowed[] = "-_.~$&+,;=:!'()*%@";
static const char path_allowed[] = "-_.~$&+,/:;=@!'()*[]%";

static bool is_one_of(char c, const char *set)
{
	return c && (strchr(alnum, c) || strchr(set, c));
}

static bool consists_of(const char *s, const char *set)
{
	for (; *s; s++)
		if (!is_one_of(*s, set))
			return false;
	return true;
}

static char *unescape(const char *s)
{
	return text_unescape(s, strlen(s));
}

/* The length of the scheme: 0 if there is none, -1 if only its colon is. */
static long scheme_length(const char *text)
{
	size_t n = strspn(text, alnum);

	if (*text == ':')
		return -1;
	if (!n || (*text >= '0' && *text <= '9'))
		return 0;
	while (is_one_of(text[n], "+-."))
		n++;
	return text[n] == ':' ? (long)n : 0;
}

static bool is_port(const char *s)
{
	return !*s || (*s == ':' && !s[1 + strspn(s + 1, "0123456789")]);
}

/* A host name may have escapes only for what is not ASCII. */
static bool is_host(const char *host)
{
	const char *port = *host == '[' ? strrchr(host, ']') : NULL;

	if (*host == '[')
		port = port ? port + 1 : "no";
	else
		port = strrchr(host, ':');
	if (port && !is_port(port))
		return false;
	for (const char *c = host; *c; c++) {
		if (*c == '%' && text_hex(c[1]) < 8)
			return false;
		if ((unsigned char)*c < 0x80 && *c != '%' &&
		    !is_one_of(*c, host_plain))
			return false;
	}
	return true;
}

static int parse_user(struct gourl *url, char *text)
{
	char *colon = strchr(text, ':');

	if (!consists_of(text, user_allowed))
		return -1;
	if (colon) {
		*colon = '\0';
		url->password = unescape(colon + 1);
		if (!url->password)
			return -1;
	}
	url->user = unescape(text);
	return url->user ? 0 : -1;
}

static int parse_authority(struct gourl *url, char *text)
{
	char *at = strrchr(text, '@');
	const char *host = text;

	if (at) {
		*at = '\0';
		host = at + 1;
		if (parse_user(url, text))
			return -1;
	}
	if (!is_host(host))
		return -1;
	url->host = unescape(host);
	return url->host ? 0 : -1;
}

/* Take apart what follows the scheme, without query and fragment. */
static int parse_rest(struct gourl *url, const char *rest)
{
	size_t segment = strcspn(rest, "/"), n;
	char *authority;
	int ret;

	if (*rest != '/' && *url->scheme) {
		url->opaque = xstrdup(rest);
		return 0;
	}
	if (*rest != '/' && memchr(rest, ':', segment))
		return -1;
	if (!strncmp(rest, "//", 2) &&
	    (*url->scheme || strncmp(rest, "///", 3))) {
		n = strcspn(rest + 2, "/");
		authority = xstrndup(rest + 2, n);
		ret = parse_authority(url, authority);
		free(authority);
		if (ret)
			return -1;
		rest += 2 + n;
	}
	url->raw_path = xstrdup(rest);
	url->path = unescape(rest);
	return url->path ? 0 : -1;
}

bool gourl_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* The fragment is escaped anew as the path is, the query never. */
static char *parse_tail(const char *text)
{
	struct buf tail = BUF_INIT(ESCAPED_MAX);
	size_t query = strcspn(text, "#");
	char *fragment;

	buf_add(&tail, text, query);
	if (text[query] && text[query + 1]) {
		fragment = unescape(text + query + 1);
		if (!fragment) {
			buf_release(&tail);
			return NULL;
		}
		buf_puts(&tail, "#");
		if (consists_of(text + query + 1, path_allowed))
			buf_puts(&tail, text + query + 1);
		else
			text_escape(&tail, fragment, fragment_plain);
		free(fragment);
	}
	return tail.data ? buf_take(&tail) : xstrdup("");
}

/* Make an empty string of each part that is not there. */
static void fill_gaps(struct gourl *url)
{
	char **const parts[] = { &url->opaque, &url->host, &url->path,
				 &url->raw_path };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!*parts[i])
			*parts[i] = xstrdup("");
}

int gourl_parse(struct gourl *url, const char *text)
{
	long scheme = scheme_length(text);
	char *rest;
	size_t n;
	int ret;

	*url = (struct gourl){ .scheme = NULL };
	if (scheme < 0 || strlen(text) > GOURL_MAX || gourl_has_control(text))
		return -1;
	url->scheme = text_lower(text, (size_t)scheme);
	text += scheme ? scheme + 1 : 0;
	n = strcspn(text, "?#");
	url->tail = parse_tail(text + n);
	rest = xstrndup(text, n);
	ret = url->tail ? parse_rest(url, rest) : -1;
	free(rest);
	if (ret)
		gourl_release(url);
	else
		fill_gaps(url);
	return ret;
}

static void add_authority(const struct gourl *url, struct buf *out)
{
	if (!*url->host && !*url->path && !url->user)
		return;
	buf_puts(out, "//");
	if (url->user) {
		text_escape(out, url->user, user_plain);
		if (url->password) {
			buf_puts(out, ":");
			text_escape(out, url->password, user_plain);
		}
		buf_puts(out, "@");
	}
	text_escape(out, url->host, host_plain);
}

char *gourl_format(const struct gourl *url)
{
	struct buf out = BUF_INIT(ESCAPED_MAX);

	if (*url->scheme)
		buf_printf(&out, "%s:", url->scheme);
	if (*url->opaque) {
		buf_puts(&out, url->opaque);
	} else {
		if (*url->scheme || *url->host || url->user)
			add_authority(url, &out);
		if (*url->raw_path && consists_of(url->raw_path, path_allowed))
			buf_puts(&out, url->raw_path);
		else
			text_escape(&out, url->path, path_plain);
	}
	buf_puts(&out, url->tail);
	return out.data ? buf_take(&out) : xstrdup("");
}

char *gourl_normalize(const char *text)
{
	struct gourl url;
	char *normal;

	if (gourl_parse(&url, text))
		return NULL;
	normal = gourl_format(&url);
	gourl_release(&url);
	return normal;
}

static bool has_newline(const char *part)
{
	return part && strchr(part, '\n');
}

int gourl_parse_server(struct gourl *url, const char *text, struct err *err)
{
	if (gourl_parse(url, text))
		return err_set(err, ERR_USAGE, "the URL is malformed");
	if (!*url->scheme || !*url->host)
		err_set(err, ERR_USAGE, "the URL has no host");
	else if (has_newline(url->user) || has_newline(url->password) ||
		 has_newline(url->host) || has_newline(url->path))
		err_set(err, ERR_USAGE, "the URL has a line break in it");
	else
		return 0;
	gourl_release(url);
	return -1;
}

char *gourl_host_name(const struct gourl *url)
{
	const char *host = url->host;

	if (*host == '[')
		return xstrndup(host + 1, strcspn(host + 1, "]"));
	return xstrndup(host, strcspn(host, ":"));
}

void gourl_release(struct gourl *url)
{
	free(url->scheme);
	free(url->opaque);
	free(url->user);
	free(url->password);
	free(url->host);
	free(url->path);
	free(url->raw_path);
	free(url->tail);
	*url = (struct gourl){ .scheme = NULL };
}
