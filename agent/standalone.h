/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_STANDALONE_H
#define AGENT_STANDALONE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/keys.h"
#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"

/*
 * Standalone mode: the rules by which git-lfs leaves all objects of a server to
 * this program,
 *
 *	lfs.<url>.standalonetransferagent	for one server
 *	lfs.standalonetransferagent		for all
 *
 * and the form that can be shared, in which the lfs.url of a repository's
 * .lfsconfig begins with ENDPOINT_SHARED, and everyone has a rule for such
 * URLs.
 */

#define STANDALONE_AGENT "lfs-multipart"
#define STANDALONE_RULE "standalonetransferagent"

/* What uploads by this program lose, to complete "in this mode a push". */
#define STANDALONE_UPLOADS_COST                                           \
	"checks no locks of others, fails for an object that only the "   \
	"server has, and asks the server for one object at a time"

/* How a rule of this key ends that stands in another file, or for more servers. */
#define STANDALONE_RULE_END                                               \
	"`git config --unset %s`, with --global if it is the user's, ends " \
	"that"

/*
 * From what a person calls a server to the <url> of lfs.<url>.* by which git-lfs
 * finds it: http or https, without user and password, escaped as in a URL, and
 * without a slash at the end.  For a remote that is reached by ssh it is the
 * https URL that git-lfs derives.
 */

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
 * http, https, ssh, host:path, git, or ENDPOINT_SHARED), the name of a remote
 * of the repository in the current directory, or NULL: its default remote.
 * ERR_USAGE if it leads to no LFS server.  Release it in any case.
 */
int serverurl_find(struct serverurl *found, const struct gitconfig *config,
		   const char *text, struct err *err);

void serverurl_release(struct serverurl *found);

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
 * form that is shared, and tell what to do about it.  Unless uploads shall go
 * through this program, too, write lfs.pushurl beside it.
 */
int standalone_share(const struct repo *repo, const struct serverurl *servers,
		     bool with_uploads, struct err *err);

/*
 * Make a shared URL there a plain one, and remove an lfs.pushurl that is the
 * same; or, if not `really`, only tell that it is there.  Returns how many keys
 * were changed, or -1.
 */
int standalone_unshare(const struct repo *repo, bool really, struct err *err);

#endif
