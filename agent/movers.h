/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MOVERS_H
#define AGENT_MOVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/keys.h"
#include "lfs/base/json.h"
#include "lfs/git/gitconfig.h"

/*
 * Who moves the objects of each remote, this program or git-lfs, however that
 * was set up, and what people have to know about it.
 */

struct movers {
	char *remote;	/* owned, as is the URL */
	char *url;	/* that of the key, without lfs-multipart:: */
	const char *key;	/* borrowed: the key of the download's URL */
	bool is_ours[2];	/* by enum direction: this program does */
	/* Borrowed: the rule for uploads, or the key of their URL. */
	const struct gitconfig_entry *upload;
	bool lacks_rule;	/* git-lfs cannot read the URL of `key` */
	bool is_outdated;	/* the remote has got another URL since */
};

/* The movers of all remotes, or of the default one if there is none. */
struct movers_list {
	struct movers *items;	/* owned, as are the configs */
	size_t n;
	struct gitconfig *git, *before, *all;
};

/*
 * Of the repository that the current directory is in.  A remote without an LFS
 * server is left out, as are all remotes but one if lfs.url leads them all to
 * this program.  Free the list in any case.
 */
void movers_load(struct movers_list *list);

void movers_free(struct movers_list *list);

/* Those of a remote, by its name; of all remotes if lfs.url rules them; or NULL. */
const struct movers *movers_of(const struct movers_list *list,
			       const char *remote);

/*
 * If this program moves objects, say on stdout which, and which commands of
 * git-lfs need the plain URL; `with_cost`: and what its uploads lose.
 */
void movers_print(const struct movers *movers, bool with_cost);

/*
 * Warn on stderr of what still leaves uploads to this program, which is_ours
 * says, and how that ends.
 */
void movers_warn(const struct movers *movers, const struct scope *scope);

/*
 * What movers_print() says as {"remote", "downloads", "uploads", "key", "url"}; the caller's.
 */
json_t *movers_json(const struct movers *movers);

#endif
