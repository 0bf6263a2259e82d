/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_NETRC_H
#define LFS_SERVER_NETRC_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"

/*
 * Logins from ~/.netrc, read as git-lfs reads it: words between white space,
 * without quotes, `#` before a keyword begins a comment, and the first entry
 * of a host counts or, where the URL names a user, the first of that user.
 * Three things git-lfs gets wrong are done right: the text of a macro is
 * skipped, `default` may stand anywhere, and it must name that user, too.
 */

enum {
	NETRC_MAX = 1 << 20	/* bytes of the file that we would read */
};

struct netrc_login {
	char *login;	/* owned; "" if not given */
	char *password;	/* owned; "" if not given */
};

/* The login to look for; both strings are borrowed. */
struct netrc_query {
	const char *host;	/* a name without a port */
	const char *user;	/* NULL or "": any */
};

/*
 * The login in the text of a .netrc file.  False, with nothing to free, if there
 * is none.
 */
bool netrc_find(const char *text, const struct netrc_query *query,
		struct netrc_login *login);

/*
 * Find the login in the file `path`.  False, too, if there is no such file, or if
 * it cannot be read, which is logged.
 */
bool netrc_load(const char *path, const struct netrc_query *query,
		struct netrc_login *login);

void netrc_login_release(struct netrc_login *login);

#endif
