/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_REMOTE_CREDSHARE_H
#define LFS_REMOTE_CREDSHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/remote/askcred.h"

/*
 * One question for all agents of a repository.  Who asks for a credential
 * holds a lock until the server has taken the answer; the others of its process
 * group, as the agents of one git-lfs are, wait, and then get it from where it
 * was put: a cache daemon of git's that only this user can reach, or, if that
 * cannot keep it, the helper that has it.  No secret is written to a file.
 *
 *	<dir>/credential-UID/		0700, ours
 *		lock		record locks; and which credential was approved
 *				last, as a hash, and when, as its mtime
 *		failed		the question that failed last, and why
 *		socket		of git credential-cache--daemon
 *
 * Where this cannot be had nothing is shared, and nothing fails.  Main thread
 * only.
 */

struct credshare;

/*
 * `dir` exists; NULL: nothing is shared.  Failures that other agents have noted
 * count if they came after `began_ms`, by clock_ms(); 0: none does.  `ask` is
 * borrowed.
 */
struct credshare *credshare_new(const char *dir, uint64_t began_ms,
				const struct askcred *ask);

/* Wait for the group's lock.  -1 only if we are to stop: ERR_CANCELED. */
int credshare_lock(struct credshare *share, struct err *err);

bool credshare_is_locked(const struct credshare *share);

/* Let the others go on; fine if it is not locked. */
void credshare_unlock(struct credshare *share);

/*
 * Was a credential for these lines (`protocol`, `host`, `path`, `username`)
 * approved a short time ago?  Then asking for it is asking no person.
 */
bool credshare_is_known(const struct credshare *share,
			const struct credtext *query);

/* Say that it was, or, if it is the one noted, that it is no good. */
void credshare_note(struct credshare *share, const struct credtext *query);
void credshare_forget(struct credshare *share, const struct credtext *query);

/*
 * Say why the question for these lines has failed, unless we were stopped; or
 * be told so, if this process has said it within the last minute, or another one
 * of its process group within the last seconds: true with that error.
 */
void credshare_note_failure(struct credshare *share,
			    const struct credtext *query,
			    const struct err *why);
bool credshare_has_failed(struct credshare *share, const struct credtext *query,
			  struct err *err);

/* What another agent has stored; false if nothing. */
bool credshare_get(const struct credshare *share, const struct credtext *query,
		   struct credtext *answer);

/* Store a credential for other agents, or take it back. */
void credshare_store(const struct credshare *share,
		     const struct credtext *credential);
void credshare_erase(const struct credshare *share,
		     const struct credtext *credential);

/* Unlocks; NULL is fine. */
void credshare_free(struct credshare *share);

#endif
