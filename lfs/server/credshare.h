/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CREDSHARE_H
#define LFS_SERVER_CREDSHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/server/credhelper.h"

/*
 * One question for all agents of a repository.  Who asks for a credential
 * holds a lock until the server has taken the answer; the others of its process
 * group, as the agents of one git-lfs are, wait, and then get it from where it
 * was put: a cache daemon of git's that only this user can reach, or, if that
 * cannot keep it, the helper that has it.  The daemon ends with the last agent.
 * It is there because no secret is written to a file: one would stay on the disk,
 * and in backups, if the last agent were killed.
 *
 *	<dir>/credential-UID/		0700, ours
 *		lock		record locks
 *		notes		what is known of servers (enum credshare_fact)
 *		socket		of git credential-cache--daemon
 *		answers		links to objects (lfs/server/answers.h)
 *
 * Where this cannot be had nothing is shared, and nothing fails.  Main thread
 * only.
 */

struct credshare;

/*
 * `dir` exists; NULL: nothing is shared.  What other agents say failed counts
 * if it did after `began_ms`, by clock_ms(); 0: never.  `ask` is borrowed.
 */
struct credshare *credshare_new(const char *dir, uint64_t began_ms,
				const struct askcred *ask);

/* Wait for the group's lock.  -1 only if we are to stop: ERR_CANCELED. */
int credshare_lock(struct credshare *share, struct err *err);

bool credshare_is_locked(const struct credshare *share);

/* Let the others go on; fine if it is not locked. */
void credshare_unlock(struct credshare *share);

/* What one agent can tell the others about a server, or a login for it. */
enum credshare_fact {
	/* It was approved: a helper has it, and asks no person. */
	CREDSHARE_APPROVED,
	/* The server's actions want it, too. */
	CREDSHARE_FOR_ACTIONS,
	/* The one in ~/.netrc was refused. */
	CREDSHARE_BAD_NETRC,
	/* None is to be had, or none that the server takes. */
	CREDSHARE_FAILED,
	/* The server cannot be reached. */
	CREDSHARE_UNREACHED,
	/* It has answered. */
	CREDSHARE_ANSWERED
};

/*
 * Tell the others about the login for these lines (`protocol`, `host`, `path`,
 * `username`).  The first two facts are for all who come within minutes.  The
 * others count for a minute (that it has answered, for as long as that is true of
 * any of them), for this process and those of its process group that were there
 * already: people who try again have changed something.
 * `why` is NULL where there is nothing to say.
 */
void credshare_note(struct credshare *share, enum credshare_fact fact,
		    const struct credtext *query, const struct err *why);

/* It is no longer so. */
void credshare_forget(struct credshare *share, enum credshare_fact fact,
		      const struct credtext *query);

/* Has anybody said so?  Then `why`, unless it is NULL, is set. */
bool credshare_knows(struct credshare *share, enum credshare_fact fact,
		     const struct credtext *query, struct err *why);

/* What another agent has stored; false if nothing. */
bool credshare_get(const struct credshare *share, const struct credtext *query,
		   struct credtext *answer);

/* Store a credential for other agents, or take it back. */
void credshare_store(const struct credshare *share,
		     const struct credtext *credential);
void credshare_erase(const struct credshare *share,
		     const struct credtext *credential);

/*
 * For those who look at what is left in `dir`, the folder of a storage: is this
 * the name of what this user's agents have shared there?
 */
bool credshare_is_name(const char *name);

/* The path of a file in it; the caller's. */
char *credshare_path(const char *dir, const char *name);

/*
 * Open that file for reading and writing, and make it if need be.  -1 if it
 * cannot be had, or if the folder is not this user's alone.
 */
int credshare_open(const char *dir, const char *name);

/* Call `see` for that folder, whose path this is, and for each file in it. */
void credshare_look(const char *path, void (*see)(void *ctx, const char *path),
		    void *ctx);

/* Is an agent there that uses it? */
bool credshare_is_in_use(const char *path);

/* Remove it, whatever is in it. */
int credshare_remove(const char *path, struct err *err);

/* Unlocks, and ends the daemon if nobody else is there; NULL is fine. */
void credshare_free(struct credshare *share);

#endif
