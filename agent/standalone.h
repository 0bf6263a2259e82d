/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_STANDALONE_H
#define AGENT_STANDALONE_H

#include <stdbool.h>

#include "agent/keys.h"
#include "agent/serverurl.h"

/*
 * Standalone mode: which keys make git-lfs leave everything to this program,
 *
 *	lfs.<url>.standalonetransferagent	for one server
 *	lfs.standalonetransferagent		for all
 *
 * and the sharable form, in which a repository's .lfsconfig says it for
 * everyone by "lfs-multipart::" in front of its lfs.url.
 */

#define STANDALONE_AGENT "lfs-multipart"

/*
 * The keys for these servers, all if there are none, with the group that
 * starts the program at `path`.  URLs that begin with "lfs-multipart::" are
 * always meant, too: nothing else could make sense of them.
 */
void standalone_add_keys(struct keys *keys, const struct serverurl *servers,
			 const char *path);

/*
 * Is it one of the keys that name the agent, for these servers if there are
 * any?  Not those of the group.
 */
bool standalone_is_key(const struct gitconfig_entry *entry,
		       const struct serverurl *servers);

/* Warn of what keeps git-lfs from doing so where the scope is. */
void standalone_warn(const struct serverurl *servers, const struct scope *scope,
		     const struct gitconfig *config);

/* Is there a work tree, for a .lfsconfig, and none there that git cannot read? */
int standalone_can_share(struct err *err);

/*
 * Make the .lfsconfig of the work tree that we are in say the sharable form of
 * the first URL, and tell what to do about it.
 */
int standalone_share(const struct serverurl *servers, struct err *err);

/*
 * Take "lfs-multipart::" off the URL there, or if not `really` only tell that
 * it is there.  Returns 1 if it was changed, 0 if not, or -1.
 */
int standalone_unshare(bool really, struct err *err);

#endif
