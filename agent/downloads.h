/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_DOWNLOADS_H
#define AGENT_DOWNLOADS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/keys.h"
#include "agent/standalone.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
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

/* Who moves the objects of a remote. */
struct movers {
	char *remote;	/* owned, as is the URL */
	char *url;	/* for the key, without lfs-multipart:: */
	const char *key;	/* borrowed: the key of the download's URL */
	bool is_ours[2];	/* by enum direction: this program does */
	/* Borrowed: the rule for uploads, or the key of their URL. */
	const struct gitconfig_entry *upload;
};

/*
 * Find that out by a config with .lfsconfig in it.  `remote` is a name, or NULL
 * for the default.  Release it in any case.
 */
int movers_find(struct movers *movers, const struct gitconfig *config,
		const char *remote, struct err *err);

/* The movers of all remotes, or of the default one if there is none. */
struct movers_list {
	struct movers *items;	/* owned, as are the configs */
	size_t n;
	struct gitconfig *git, *all;
};

/*
 * Of the repository that the current directory is in.  A remote without an LFS
 * server is left out, as are all remotes but one if lfs.url leads them all to
 * this program.  Free the list in any case.
 */
void movers_load(struct movers_list *list);

void movers_free(struct movers_list *list);

/*
 * If this program moves objects, say on stdout which, and which commands of
 * git-lfs need the plain URL; `with_cost`: and what its uploads lose.
 */
void movers_print(const struct movers *movers, bool with_cost);

/* The same as {"remote", "downloads", "uploads", "key", "url"}. */
json_t *movers_json(const struct movers *movers);

void movers_release(struct movers *movers);

#endif
