/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_STANDALONE_H
#define AGENT_STANDALONE_H

#include <stdbool.h>

#include "agent/keys.h"
#include "agent/serverurl.h"
#include "lfs/git/repo.h"

/*
 * Standalone mode: the rules by which git-lfs leaves all objects of a server to
 * this program,
 *
 *	lfs.<url>.standalonetransferagent	for one server
 *	lfs.standalonetransferagent		for all
 *
 * and the form that can be shared, in which the lfs.url of a repository's
 * .lfsconfig begins with SERVERURL_SHARED, and everyone has a rule for such
 * URLs.
 */

#define STANDALONE_AGENT "lfs-multipart"
#define STANDALONE_RULE "standalonetransferagent"

/* Add the rules for these servers, for all if there are none. */
void standalone_add_rules(struct keys *keys, const struct serverurl *servers);

/*
 * Is it one of our rules, for these servers (a struct serverurl) if there are
 * any?  In the form that keys_remove() wants.
 */
bool standalone_is_rule(const struct gitconfig_entry *entry,
			const void *servers);

/* Is it another agent's rule for a part of what these servers have? */
bool standalone_is_rival(const struct gitconfig_entry *entry,
			 const struct serverurl *servers);

/*
 * Write the URL of the first server to the .lfsconfig of the work tree, in the
 * form that is shared, and tell what to do about it.
 */
int standalone_share(const struct repo *repo, const struct serverurl *servers,
		     struct err *err);

/*
 * Make a shared URL there a plain one or, if not `really`, only tell that it is
 * there.  Returns how many keys were changed, or -1.
 */
int standalone_unshare(const struct repo *repo, bool really, struct err *err);

#endif
