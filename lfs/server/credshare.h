/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CREDSHARE_H
#define LFS_SERVER_CREDSHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/server/credhelper.h"

/*
 * Agents of a repository share one login, facts that each found out about a
 * server, and answers of the server (lookahead.h).
 *
 * An agent that asks for a credential holds a lock until the server has taken
 * the answer.  The others of its process group, as the agents of one git-lfs
 * are, wait, and then get it from where it was put: a cache daemon of git's that
 * only this user can reach, or, if that cannot keep it, the helper that has it.
 * The daemon is there because no secret is written to a file: one would stay on
 * the disk, and in backups, if the last agent were killed.
 *
 *	if (!credshare_get(share, &query, &credential) &&
 *	    !credshare_lock(share, CREDSHARE_LOGIN, &err)) {
 *		... look once more, ask a person, send it to the server ...
 *		credshare_store(share, &credential);
 *		credshare_note(share, CREDSHARE_APPROVED, &query, NULL);
 *		credshare_unlock(share, CREDSHARE_LOGIN);
 *	}
 *
 *	<dir>/credential-UID/		0700, ours
 *		lock		record locks
 *		notes		what is known of servers (enum credshare_fact)
 *		socket		of git credential-cache--daemon
 *		answers		links to objects (lookahead.h)
 *
 * The last agent ends the daemon and removes the answers.  If this folder cannot
 * be used nothing is shared, and nothing fails.  Main thread only.
 */

struct credshare;

/*
 * `dir` exists; NULL: nothing is shared.  A failure that another agent reports
 * counts if it came after `began_ms`, by clock_ms(); 0: never.  `ask` is borrowed.
 */
struct credshare *credshare_new(const char *dir, uint64_t began_ms,
				const struct askcred *ask);

enum credshare_lock {
	/* For a process group: meanwhile no other agent asks for a login. */
	CREDSHARE_LOGIN,
	/* For all agents: one is asking the server about many objects. */
	CREDSHARE_ANSWERS
};

/*
 * Wait for that lock, if it is not ours already.  -1 only if we are to stop:
 * ERR_CANCELED.
 */
int credshare_lock(struct credshare *share, enum credshare_lock which,
		   struct err *err);

bool credshare_is_locked(const struct credshare *share,
			 enum credshare_lock which);

/* Let the others have it; fine if it is not locked. */
void credshare_unlock(struct credshare *share, enum credshare_lock which);

/* The facts that agents tell each other of a server, or of a login for it. */
enum credshare_fact {
	/* The login was approved: a helper has it, and asks no person. */
	CREDSHARE_APPROVED,
	/* The server's actions want it, too. */
	CREDSHARE_FOR_ACTIONS,
	/* The one in ~/.netrc was refused. */
	CREDSHARE_BAD_NETRC,
	/* There is no login, or none that the server accepts. */
	CREDSHARE_FAILED,
	/* The server cannot be reached. */
	CREDSHARE_UNREACHED,
	/* The server has answered. */
	CREDSHARE_ANSWERED
};

/*
 * Tell the others about the login for these lines (`protocol`, `host`, `path`,
 * `username`).  The first two facts are for all who come within minutes.  The
 * others count for a minute (that it has answered, for as long as that is true of
 * any of them), for this process and those of its process group that were there
 * already: people who try again have changed something.
 * `why` is NULL where there is nothing to say; it may hold no secret.
 *
 * A note is a hint: another one may take its place, and one that cannot be
 * written or read is not there, nor is one of another boot or machine.
 */
void credshare_note(struct credshare *share, enum credshare_fact fact,
		    const struct credtext *query, const struct err *why);

/* Take such a note back. */
void credshare_forget(struct credshare *share, enum credshare_fact fact,
		      const struct credtext *query);

/* Is there such a note?  Then `why`, unless it is NULL, is set to the note's. */
bool credshare_knows(struct credshare *share, enum credshare_fact fact,
		     const struct credtext *query, struct err *why);

/* Get the login that another agent has stored; false if there is none. */
bool credshare_get(const struct credshare *share, const struct credtext *query,
		   struct credtext *answer);

/* Store a credential for other agents, or take it back. */
void credshare_store(const struct credshare *share,
		     const struct credtext *credential);
void credshare_erase(const struct credshare *share,
		     const struct credtext *credential);

/*
 * Open a file in the folder, as file_open_own() does; -1 if it cannot be had, or
 * if the folder is not this user's alone.
 */
int credshare_open(const struct credshare *share, const char *name, int flags);

/* Remove that file. */
void credshare_unlink(const struct credshare *share, const char *name);

/*
 * For those who look at what is left in the folder of a storage: is this the
 * name of what this user's agents have shared there?
 */
bool credshare_is_name(const char *name);

/* Call `see` for each file in that folder, whose path this is. */
void credshare_look(const char *path, void (*see)(void *ctx, const char *path),
		    void *ctx);

/* The file in it that each agent which uses it has locked. */
#define CREDSHARE_LOCK "lock"

/* Unlocks; the last agent removes what is shared.  NULL is fine. */
void credshare_free(struct credshare *share);

#endif
