/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_RELAY_H
#define LFS_CARRY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/base/wait.h"
#include "lfs/carry/spool.h"
#include "lfs/mode/plan.h"
#include "lfs/net/pool.h"
#include "lfs/server/server.h"
#include "lfs/transfer/attempts.h"

/*
 * One object from one LFS server to another, in one pipeline: ranges of it
 * fill blocks of the spool, are hashed in file order, and sent as parts of the
 * target's plan; a block is free again when it has been both.
 *
 *	source --download--> lane --upload--> target
 *	                      |
 *	                      +--> SHA-256
 *
 * The upload is finished only if the SHA-256 is the oid.  A part goes out when
 * all of it is there, so its worker waits for nobody; but an upload in one PUT
 * reads the blocks in order as they fill, and a source that does not heed
 * ranges is read as fast as there are blocks.
 *
 * An object that is in the local storage is sent from there.
 *
 * Main thread only.
 */

struct relay;

/* What all relays of a fork share; borrowed. */
struct relay_ends {
	struct engine *source;
	struct engine *target;
	struct spool *spool;
	struct bell *data;	/* rings when bytes or blocks have come */
	struct bell *news;	/* rings when relay_advance() has something to do */
};

struct relay_request {
	const char *oid;	/* borrowed, as all of these */
	uint64_t size;
	const char *path;	/* the local file, or NULL */
	const struct batch_object *source;	/* without: the source's answer */
	const struct batch_object *target;	/* and the target's */
	struct verification *verification;	/* or NULL */
	size_t *needed;	/* filled in: the blocks that the spool must have free */
};

/*
 * Begin.  NULL with ERR_BUSY if the spool has no room for it now, or with what
 * is wrong.
 */
struct relay *relay_new(const struct relay_ends *ends,
			const struct relay_request *request, struct err *err);

/* Hand out what can go; false once it is over. */
bool relay_advance(struct relay *relay);

/* Bytes that are at the target, or on the wire to it. */
uint64_t relay_moved(const struct relay *relay);

/* Bytes that an earlier run had sent. */
uint64_t relay_resumed(const struct relay *relay);

/* How many requests to the source, and to the target, are left or under way. */
size_t relay_fetches(const struct relay *relay);
size_t relay_sends(const struct relay *relay);

/*
 * The source's link has run out, or wants a login: nothing more is fetched
 * until relay_refetch() brings a new one.  Why, or NULL; borrowed.
 */
const struct err *relay_wants_link(const struct relay *relay);
void relay_refetch(struct relay *relay, const struct batch_object *source);

/*
 * Stop it for this reason, as if the source had failed; it is over some steps
 * later.
 */
void relay_fail(struct relay *relay, const struct err *err);

/*
 * Once over: 0, or -1 and why.  ERR_EXPIRED: begin again from the start, with
 * a new answer of the target's.
 */
int relay_result(const struct relay *relay, struct err *err);

/* It failed, or its source has, and wants a link: how did that end? */
struct fate relay_fate(const struct relay *relay, enum direction direction);

/* It failed: was it the source that did, and not the target? */
bool relay_failed_at_source(const struct relay *relay);

/* It failed, and no other run shall go on with what the target has of it. */
void relay_forget(struct relay *relay);

/* Free it; it must be over.  NULL is fine. */
void relay_free(struct relay *relay);

/* A job of the source's or the target's pool is back. */
void relay_returned(struct job *job);

#endif
