/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_REMOTEURL_H
#define LFS_SERVER_REMOTEURL_H

#include <stdbool.h>

#include "lfs/git/gitconfig.h"

/*
 * What the URLs in a git config mean to git-lfs: which HTTP server stands
 * behind https, ssh, git and file URLs, host:path and local paths.
 *
 * git-lfs 3.3.0 is followed to the letter, its slips included (a slash at the
 * end of an ssh URL makes nothing usable of it), so that an object goes where
 * git-lfs would have put it; test/endpoints.table has them all.
 */

/* Where to ask with git-lfs-authenticate. */
struct ssh_address {
	char *host;	/* owned, as are all; with "user@"; NULL: nowhere */
	char *port;	/* digits, or NULL */
	char *path;
};

struct remoteurl {
	/*
	 * Owned.  Perhaps not http(s), then git-lfs cannot use it either; ""
	 * for an empty text, NULL if git-lfs makes nothing of the text.
	 */
	char *url;
	struct ssh_address ssh;
};

/*
 * The meaning of an LFS URL.  `url.<base>.insteadOf` of the config is applied
 * first, for an upload `pushInsteadOf` before it.  Looks at the disk, from the
 * current directory, whether a local path is there.
 */
void remoteurl_from_lfs(struct remoteurl *remote,
			const struct gitconfig *config, const char *text,
			bool is_upload);

/* The same of the URL of a git repository: its LFS server. */
void remoteurl_from_clone(struct remoteurl *remote,
			  const struct gitconfig *config, const char *text,
			  bool is_upload);

/* Would git-lfs take it for a URL where the name of a remote is expected? */
bool remoteurl_is_url(const char *text);

void remoteurl_release(struct remoteurl *remote);

void ssh_address_release(struct ssh_address *ssh);

/* Paths of repositories on this machine, as git-lfs makes file URLs of them. */

bool localpath_exists(const char *path);

/*
 * The file URL of a repository: of its .git if it has one.  Without escapes,
 * as git-lfs writes it.  Of a path that is not there just the path, absolute.
 * The caller's.
 */
char *localpath_to_url(const char *path);

/* An absolute path without ".", "..", and double slashes; the caller's. */
char *localpath_clean(const char *path);

#endif
