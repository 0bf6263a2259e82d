/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_DOWNLOADS_H
#define AGENT_DOWNLOADS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/keys.h"
#include "agent/standalone.h"
#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"

/*
 * Standalone mode for the downloads of a remote alone, while git-lfs uploads:
 *
 *	remote.<name>.lfspushurl = <url>
 *	remote.<name>.lfsurl = lfs-multipart::<url>
 *
 * lfs.url would lead every remote to one server, so lfs.url and lfs.pushurl are
 * used only where lfs.url is set already.  A value that one of these keys had
 * before is kept in <key>Before, and uninstall restores it.
 *
 * git-lfs uses the URL for downloads also for `git lfs locks`, `git lfs unlock
 * PATH` and `git lfs prune --verify-remote`, which is what this mode costs.
 */

enum { DOWNLOADS_MAX = 8 };	/* remotes in one command */

struct downloads {
	char *remote;	/* owned, as are all */
	char *keys[2];	/* by enum direction: the names of the two keys */
	char *urls[2];	/* what git-lfs would use without our keys */
	struct serverurl servers;	/* to which these lead */
	bool is_shared;	/* .lfsconfig does this already: nothing to write */
	/*
	 * Whether git-lfs checks locks stands under the https URL that it derives
	 * from that of a repository, and for the ssh URL in `urls` it derives
	 * another: then this is the key to add and its value; or NULL.
	 */
	char *locks_key, *locks_value;
};

struct downloads_list {
	struct downloads items[DOWNLOADS_MAX + 1];	/* the last is one too many */
	size_t n;
};

/*
 * The config as it would be without the keys of this module, and with the values
 * that they had before.  NULL on failure.
 */
struct gitconfig *downloads_before(const struct gitconfig *config,
				   struct err *err);

/*
 * The remotes that `text` means: one by its name, all that lead to a URL, or the
 * default remote for NULL.  `before` is the result of downloads_before().
 * ERR_USAGE if there is none.  Release the list in any case.
 */
int downloads_find(struct downloads_list *list, const struct gitconfig *before,
		   const struct repo *repo, const char *text, struct err *err);

void downloads_release(struct downloads_list *list);

/* Add the keys; `file` is what the file has that they will be written to. */
void downloads_add_keys(struct keys *keys, const struct downloads *downloads,
			const struct gitconfig *file);

/*
 * Undo it in the file of the scope: for the remote of this name, for those that
 * lead to these servers, or if there is neither, for all.  Returns how many keys
 * were changed, or -1.
 */
int downloads_remove(const struct scope *scope, const char *remote,
		     const struct serverurl *servers, struct err *err);

#endif
