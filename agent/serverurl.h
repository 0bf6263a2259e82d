/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SERVERURL_H
#define AGENT_SERVERURL_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * From what a person calls a server to the <url> of lfs.<url>.* by which git-lfs
 * finds it: http or https, without user and password, escaped as in a URL, and
 * without a slash at the end.  For a remote that is reached by ssh it is the
 * https URL that git-lfs derives.
 */

/* In front of the URL of any server: only this program can use it. */
#define SERVERURL_SHARED "lfs-multipart::"

struct serverurl {
	char *urls[2];	/* owned: for downloads, and for uploads if different */
	size_t n;
	bool is_ssh;	/* git-lfs would ask for access by ssh */
	bool is_overridden;	/* a remote was named, but lfs.url counts */
};

/* Is it a URL or the name of a remote, and not a path? */
bool serverurl_is_one(const struct gitconfig *config, const char *text);

/*
 * `text` is a URL (of a server, a part of it, a repository or its LFS server;
 * http, https, ssh, host:path, git, or SERVERURL_SHARED), the name of a remote
 * of the repository in the current directory, or NULL: its default remote.
 * ERR_USAGE if there is no LFS server behind it.  Release it in any case.
 */
int serverurl_find(struct serverurl *found, const struct gitconfig *config,
		   const char *text, struct err *err);

void serverurl_release(struct serverurl *found);

#endif
