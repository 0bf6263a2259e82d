/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_ENDPOINT_H
#define LFS_SERVER_ENDPOINT_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/server/remoteurl.h"

/*
 * The LFS server of a git remote, found by git-lfs's rules:
 *
 *	lfs.pushurl (uploads), lfs.url,
 *	remote.<name>.lfspushurl (uploads), remote.<name>.lfsurl,
 *	remote.<name>.pushurl (uploads), remote.<name>.url,
 *	the remote itself if it is a URL,
 *	and the same of `origin` if the remote gives nothing.
 *
 * Give it the config with that of .lfsconfig in it (lfsconfig.h).
 */

enum endpoint_kind {
	ENDPOINT_HTTP,	/* an LFS server */
	ENDPOINT_FILE,	/* a repository on this machine: file:// */
	ENDPOINT_OTHER	/* what followed "agent::", such as s3:// */
};

struct endpoint {
	enum endpoint_kind kind;
	char *url;	/* owned, as are all; http(s) has passed url_check() */
	struct ssh_address ssh;	/* ask there first: sshauth.h */
	char *remote;	/* its name or its URL */
	char *remote_url;	/* git's URL of it, for credentials; or NULL */
	char *key;	/* what of the config names it; NULL: nothing there */
};

#define ENDPOINT_INIT { .url = NULL }

/*
 * Find it.  `remote` is a name or a URL; NULL or "" is the default remote, for
 * which git is asked what the current branch is.  ERR_USAGE if there is none,
 * or none that can be used.
 */
int endpoint_find(struct endpoint *endpoint, const struct gitconfig *config,
		  const char *remote, bool is_upload, struct err *err);

/*
 * The same where the user gives the LFS URL: as if it were lfs.url, but what is
 * no URL of http, https, ssh, git or file is refused; git-lfs takes the scheme
 * of such a one for a host, and starts ssh.
 */
int endpoint_from_lfs(struct endpoint *endpoint, const struct gitconfig *config,
		      const char *url, bool is_upload, struct err *err);

/* Does anything in the config make a remote of this name? */
bool endpoint_has_remote(const struct gitconfig *config, const char *name);
/* Does the config have any remote at all? */
bool endpoint_has_remotes(const struct gitconfig *config);

/*
 * The name of the remote that git-lfs takes if none is given.  `branch` is
 * the current one, or NULL; the result is the caller's.
 */
char *endpoint_default_remote(const struct gitconfig *config,
			      const char *branch, bool is_upload);

void endpoint_release(struct endpoint *endpoint);

#endif
