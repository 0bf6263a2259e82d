/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_ENDPOINT_H
#define LFS_SERVER_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/mode/plan.h"

/*
 * The LFS server of a git remote, found by git-lfs's rules:
 *
 *	lfs.pushurl (uploads), lfs.url,
 *	remote.<name>.lfspushurl (uploads), remote.<name>.lfsurl,
 *	remote.<name>.pushurl (uploads), remote.<name>.url,
 *	the remote itself if it is a URL,
 *	and the same of `origin` if the remote gives nothing.
 *
 * git-lfs 3.3.0 is followed to the letter, its slips included (a slash at the
 * end of an ssh URL makes nothing usable of it), so that an object goes where
 * git-lfs would have put it; test/endpoints.table has them all.
 *
 * Give it the config with that of .lfsconfig in it (gitconfig.h).
 */

enum endpoint_kind {
	ENDPOINT_HTTP,	/* an LFS server */
	ENDPOINT_FILE,	/* a repository on this machine: file:// */
	ENDPOINT_OTHER	/* what followed "agent::", such as s3:// */
};

/* The host to ask for access with git-lfs-authenticate. */
struct ssh_address {
	char *host;	/* owned, as are all; with "user@"; NULL: nowhere */
	char *port;	/* digits, or NULL */
	char *path;
};

struct endpoint {
	enum endpoint_kind kind;
	char *url;	/* owned, as are all; http(s) has passed url_check() */
	struct ssh_address ssh;	/* ask there first: ssh.h */
	char *remote;	/* its name or its URL */
	char *remote_url;	/* git's URL of it, for credentials; or NULL */
	char *key;	/* of the config that names it, or NULL */
};

#define ENDPOINT_INIT { .url = NULL }

/*
 * In front of the URL of any server: only this program can use it.  What follows
 * means what it means to git-lfs without this, ssh and "host:path" included.
 */
#define ENDPOINT_SHARED "lfs-multipart::"

/*
 * Find it.  `remote` is a name or a URL; NULL or "" is the default remote, for
 * which git is asked what the current branch is.  ERR_USAGE if there is none,
 * or none that can be used.
 */
int endpoint_find(struct endpoint *endpoint, const struct gitconfig *config,
		  const char *remote, enum direction direction,
		  struct err *err);

/*
 * Find it by the LFS URL that the user gives, as if that were lfs.url; but only
 * http, https, ssh, git and file will do: git-lfs takes another scheme for the
 * name of a host, and starts ssh.
 */
int endpoint_from_lfs(struct endpoint *endpoint, const struct gitconfig *config,
		      const char *url, enum direction direction,
		      struct err *err);

/*
 * Read an LFS URL as git-lfs does: fill `url` and `ssh` of an endpoint, without
 * a check.  The URL may have another scheme than http(s); it is "" for an empty
 * text, and NULL if git-lfs makes nothing of the text.
 *
 * `url.<base>.insteadOf` of the config is applied first, for an upload
 * `pushInsteadOf` before it.  Looks at the disk, from the current directory,
 * whether a local path exists.
 */
void endpoint_read_lfs(struct endpoint *endpoint,
		       const struct gitconfig *config, const char *text,
		       enum direction direction);

/* Read the URL of a git repository in that way: the URL is its LFS server's. */
void endpoint_read_clone(struct endpoint *endpoint,
			 const struct gitconfig *config, const char *text,
			 enum direction direction);

/* Would git-lfs take it for a URL where the name of a remote is expected? */
bool endpoint_is_url(const char *text);

/*
 * The names of the remotes, which may come more than once: start with `pos` 0 and
 * call until NULL.  Anything about it in the config makes a remote, as with
 * `git remote`.
 */
const char *endpoint_next_remote(const struct gitconfig *config, size_t *pos);

/* Does the config have a remote of this name, or any for NULL? */
bool endpoint_has_remote(const struct gitconfig *config, const char *name);

/*
 * The name of the remote that git-lfs takes if none is given.  `branch` is
 * the current one, or NULL; the result is the caller's.
 */
char *endpoint_default_remote(const struct gitconfig *config,
			      const char *branch, enum direction direction);

void endpoint_release(struct endpoint *endpoint);

#endif
