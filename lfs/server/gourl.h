/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_GOURL_H
#define LFS_SERVER_GOURL_H

#include <stdbool.h>

#include "lfs/base/err.h"

/*
 * URLs taken apart and put together again as git-lfs does it: by the rules of
 * Go's net/url, under which "host:path" is a URL with the scheme "host", and a
 * part that was not quite right is escaped anew.
 *
 * These rules alone decide what is a URL and what is a path on a host;
 * url_check() decides later whether we go to it.
 */

enum {
	GOURL_MAX = 64 << 10
};

struct gourl {
	char *scheme;	/* owned, as are all; lower case; "" if there is none */
	char *opaque;	/* what follows "scheme:" if that is no slash, or "" */
	char *user;	/* not escaped; NULL if there is none */
	char *password;	/* not escaped; NULL if there is none */
	char *host;	/* not escaped, with the port */
	char *path;	/* not escaped */
	char *raw_path;	/* as it was written, or "" */
	char *tail;	/* the query and the fragment with "?" and "#" */
};

/* Does it have a control character, which Go accepts only escaped? */
bool gourl_has_control(const char *text);

/*
 * Take it apart.  Returns -1, and nothing to release, for a text that is not a
 * URL for Go, has an escaped NUL, or is longer than GOURL_MAX bytes.
 */
int gourl_parse(struct gourl *url, const char *text);

/* Put the parts together; the text is the caller's. */
char *gourl_format(const struct gourl *url);

/* The URL as git-lfs sends it, the caller's; NULL if it is not a URL for Go. */
char *gourl_normalize(const char *text);

/*
 * Take the URL of a server apart.  ERR_USAGE, and nothing to release, if it has
 * no scheme or host, or if something in it stands for a line break, which would
 * end a line of git's credential protocol.  The error does not quote it.
 */
int gourl_parse_server(struct gourl *url, const char *text, struct err *err);

/* The name in the host, without port and brackets; the caller's. */
char *gourl_host_name(const struct gourl *url);

void gourl_release(struct gourl *url);

#endif
