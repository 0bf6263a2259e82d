/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_URL_H
#define LFS_NET_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * URLs as strings: what may be asked of one, and how to print one.
 *
 * Three programs read URLs, and each question has the reading of the one whose
 * answer counts:
 *
 *	libcurl	url.h		may we go there, is it the same server, where
 *				does a redirect lead
 *	git	urlmatch.h	which section.<url>.key is meant for it
 *	git-lfs	gourl.h		is it a URL at all, which server does a
 *				remote lead to, for whom is its login (Go's net/url)
 *
 * Nothing here keeps state, and all of it may be called from any thread; before
 * http_setup() from one thread alone, since it may load libcurl (libcurl.h).
 */

enum {
	URL_MAX = 64 << 10,
	URL_DISPLAY_MAX = 256,	/* a good size for url_display() */
	URL_PORT_MAX = 8	/* room for that of url_port() */
};

/*
 * Is this a URL that we go to: http or https, with a host, at most URL_MAX
 * bytes, nothing in it that ends a line?  The error, ERR_PROTOCOL, says what
 * is wrong without quoting what may be secret.
 */
int url_check(const char *url, struct err *err);

/*
 * The parts of a URL that may be shown: scheme, host, port and path.  The user
 * info, the query and the fragment can hold secrets and are left out, and all
 * after the scheme if the port is not a number: it may be a password with a
 * slash in it.  Bytes that are not printable ASCII become '?'; a text that does
 * not fit ends in "...".  Returns `out`.
 */
const char *url_display(const char *url, char *out, size_t size);

/*
 * The parts that may be shown of a text that is a URL, or the name of a remote,
 * a path or the key of a setting: without "://" in it, all but what looks like a
 * password.
 */
const char *url_display_any(const char *text, char *out, size_t size);

/* The same scheme, host and port?  False if either is not an http(s) URL. */
bool url_is_same_origin(const char *a, const char *b);

/*
 * May headers that are meant for `from` be sent to `to`?  To the same origin,
 * and from http to https of the same host, both at their usual ports.
 */
bool url_keeps_headers(const char *from, const char *to);

/*
 * The host and, if it is not the scheme's own, the port, as url_display()
 * shows them.  Returns `out`; "" if the URL names no host.
 */
const char *url_display_host(const char *url, char *out, size_t size);

/* The port in decimal, by default the scheme's own; "" for no http(s) URL. */
void url_port(const char *url, char *out, size_t size);

/* Does it begin with http: or https:? */
bool url_is_http(const char *url);

bool url_is_https(const char *url);

/*
 * The URL with a slash and `suffix` at the end of its path, before the query;
 * the caller's.  The user info goes: libcurl would make an Authorization of it.
 */
char *url_join(const char *url, const char *suffix);

/* A hash of the part before the path; two hosts seldom have the same. */
uint64_t url_host_id(const char *url);

/*
 * The URL to which a Location header of the answer from `base` points.  It has
 * passed url_check() and is the caller's.
 */
char *url_resolve(const char *base, const char *location, struct err *err);

/*
 * The first query parameter `name`, letter case ignored, with its escapes undone,
 * as a string in `out`.  False, with "" in `out`, if there is none, if an escape
 * is malformed or stands for a NUL, or if it does not fit.
 */
bool url_query(const char *url, const char *name, char *out, size_t size);

/* Is there such a parameter, and is it not empty? */
bool url_has_query(const char *url, const char *name);

#endif
