/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_RELAY_H
#define LFS_CARRY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/carry/pipeline.h"
#include "lfs/carry/queue.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/attempts.h"
#include "lfs/transfer/engine.h"

/*
 * One object from the source server to the target server: ranges of it fill
 * blocks of the spool, are hashed in file order, and sent as parts of the
 * target's plan; a block is free again after it was hashed and sent.
 *
 *	source --download--> lane --upload--> target --> verification
 *	                      |
 *	                      +--> SHA-256
 *
 * The upload is finished only if the SHA-256 is the oid.  A part goes out when
 * all of it is there, so that no worker waits; but an upload in one PUT reads
 * the blocks in order as they fill, and a server that heeds no ranges is read
 * as fast as there are blocks.
 *
 * An object that is in the local storage is sent from there.  Without a target,
 * an object comes to a file of the local storage (partial.h), from which a later
 * run resumes.
 *
 * Main thread only.
 */

struct finished;
struct relay;

/* Shared by all relays of a command; borrowed. */
struct relay_ends {
	struct engine *engines[2];	/* by direction: queue.h; UPLOAD may be NULL */
	struct spool *spool;	/* NULL without a target */
	struct bell *news;	/* rings when relay_advance() has something to do */
};

/*
 * Begin to move an entry, which is borrowed, by the servers' answers.  NULL with
 * ERR_BUSY if the spool has no room for it now, or with what is wrong.
 */
struct relay *relay_new(const struct relay_ends *ends, struct entry *entry,
			struct err *err);

/* Hand out what can go; false once it is over. */
bool relay_advance(struct relay *relay);

/* A job of one of the two engines' pools is back. */
void relay_returned(struct job *job);

/* Bytes that are at the target or in the file, or on the wire to it. */
uint64_t relay_moved(const struct relay *relay);

/* How many requests to that server are left or under way. */
size_t relay_requests(const struct relay *relay, enum direction direction);

/*
 * The source's link has expired, or wants a login: nothing more is fetched
 * until relay_refetch(), when the entry has a new one.  Why, or NULL; borrowed.
 */
const struct err *relay_wants_link(const struct relay *relay);
void relay_refetch(struct relay *relay);

/*
 * Stop it for this reason, as if the download had failed; it is over some steps
 * later.
 */
void relay_fail(struct relay *relay, const struct err *err);

/*
 * Once over: 0, or -1, why, and which of the two failed.  ERR_EXPIRED: begin
 * again from the start, with a new answer of the target's.
 */
int relay_result(const struct relay *relay, enum direction *failed,
		 struct err *err);

/* Without a target, once its result is 0: as transfer_take(). */
int relay_take(struct relay *relay, struct finished *finished, struct err *err);

/* One of the two has failed: how? */
struct fate relay_fate(const struct relay *relay, enum direction direction);

/* It failed, and no other run must resume its upload. */
void relay_forget(struct relay *relay);

/* Free it; it must be over.  NULL is fine. */
void relay_free(struct relay *relay);

#endif
