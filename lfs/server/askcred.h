/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_ASKCRED_H
#define LFS_SERVER_ASKCRED_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/base/stop.h"
#include "lfs/git/gitconfig.h"
#include "lfs/server/credtext.h"

/*
 * The programs that know credentials, or ask a person for them: git credential
 * with its helpers, askpass, and git's cache daemon on a socket of ours.
 *
 * Main thread only.  No child gets our stderr: a helper may leave a daemon
 * behind, and git-lfs would wait for it.  Prompts go to the terminal itself, and
 * so does what a helper says to a person while git credential may ask.
 */

enum { ASKCRED_CACHE_S = 300 };	/* how long the cache daemon remembers */

struct askcred {
	const struct gitconfig *config;	/* borrowed */
	struct stop stop;	/* ends a child's run, and a wait for a lock */
};

/*
 * `git credential VERB`: fill, approve or reject, with these lines.  The
 * answer's lines are added to `answer`; none if git has no credential and got
 * none.
 */
int askcred_git(const struct askcred *ask, const char *verb,
		const struct credtext *lines, struct credtext *answer,
		struct err *err);

/* Is a helper configured for what these lines ask for? */
bool askcred_has_helper(const struct askcred *ask,
			const struct credtext *lines);

/* `git credential fill` that asks nobody: only what a helper has. */
int askcred_git_quietly(const struct askcred *ask, const struct credtext *lines,
			struct credtext *answer, struct err *err);

/*
 * The askpass program: GIT_ASKPASS, else core.askPass, else SSH_ASKPASS; NULL
 * if there is none, or if the first of them that is set is empty.  Borrowed.
 */
const char *askcred_program(const struct askcred *ask);

/*
 * Ask that program for the user name, if `lines` has none, and the password.
 * The answer has all of `lines` and these two.  Empty answers are an error.
 */
int askcred_askpass(const struct askcred *ask, const char *program,
		    const struct credtext *lines, struct credtext *answer,
		    struct err *err);

/*
 * `git credential-cache VERB` on `socket`, an absolute path: get, store, erase
 * or exit.  Only `store` starts the daemon.
 */
struct askcred_cache {
	const char *socket;
	const char *verb;
};

int askcred_cache(const struct askcred *ask, const struct askcred_cache *cache,
		  const struct credtext *lines, struct credtext *answer,
		  struct err *err);

#endif
