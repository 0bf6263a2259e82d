/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_URLPARTS_H
#define LFS_SERVER_URLPARTS_H

#include "lfs/base/err.h"

/*
 * A URL taken apart as git's credential protocol wants it: percent-encoding
 * undone, the host with its port.
 */

struct urlparts {
	char *scheme;	/* owned, as are all; lower case */
	char *user;	/* NULL: none; "" is one, too */
	char *password;	/* NULL: none */
	char *host;	/* as written, with the port if it was written */
	char *path;	/* without the slash it begins with, and the query */
};

/*
 * Take `url` apart.  ERR_USAGE if it has no scheme or host, or if something
 * in it stands for a NUL, a line feed or a carriage return; the message does
 * not quote it.
 */
int urlparts_parse(struct urlparts *parts, const char *url, struct err *err);

/* The name in the host, without port and brackets; the caller's. */
char *urlparts_host_name(const struct urlparts *parts);

/* The URL without its user info; the caller's.  Anything else stays. */
char *urlparts_without_user(const char *url);

/*
 * The URL with `suffix` at the end of its path, one slash between them, and
 * its query behind that; the caller's.
 */
char *urlparts_join(const char *url, const char *suffix);

void urlparts_release(struct urlparts *parts);

#endif
