/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CONTEXT_H
#define LFS_SERVER_CONTEXT_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/git/repo.h"
#include "lfs/git/settings.h"
#include "lfs/git/storage.h"
#include "lfs/server/endpoint.h"

/*
 * The knowledge of a command about the repository and one remote: git's
 * configuration, the settings, the folders of objects, and how to reach the LFS
 * server.  All modules that need one of these take a context; its maker may
 * change the settings before others see it, and nothing changes them later.
 *
 * Loading it asks git for its config, so the agent does that when the first
 * object comes, not before.
 */

struct gitconfig;
struct httpconf;

struct context {
	char *remote;	/* owned, as all below; or NULL */
	char *lfs_url;	/* or NULL */
	enum direction direction;
	struct settings settings;
	struct repo repo;
	struct storage storage;
	struct gitconfig *config;
	/* These two are there after context_endpoint(). */
	struct gitconfig *lfsconfig;	/* `config` and .lfsconfig */
	struct endpoint endpoint;
	struct httpconf *httpconf;
};

struct context_options {
	const char *remote;	/* the git remote's name or URL, or NULL */
	const char *lfs_url;	/* its LFS server, if the user says so; or NULL */
	enum direction direction;
};

/* Returns NULL if the config cannot be read or holds a bad value. */
struct context *context_new(const struct context_options *options,
			    struct err *err);

/*
 * The LFS server that the remote leads to, borrowed.  The first call finds it,
 * which may take some child processes, and loads `lfsconfig`.  For a download in
 * a repository without remotes, it is that of the last fetch.  NULL with
 * ERR_USAGE if there is none.  Main thread.
 */
const struct endpoint *context_endpoint(struct context *context,
					struct err *err);

/* NULL is fine. */
void context_free(struct context *context);

#endif
