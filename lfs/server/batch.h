/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_BATCH_H
#define LFS_SERVER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/buf.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/mode/plan.h"
#include "lfs/net/http.h"

/*
 * The Batch API (git-lfs's docs/api/batch.md), which says what is to be done
 * with objects, and where; and the `verify` action, which tells the server that
 * an upload is complete.
 *
 * batch_perform() and batch_verify() are for a pool's worker.  They know no
 * credentials: the caller gives the headers, and finds the challenges of a 401
 * in the batch.
 */

enum {
	BATCH_OBJECTS_MAX = 100,	/* of one request */
	/* An action of 10000 parts with URLs of 1500 bytes takes 15 MiB. */
	BATCH_ANSWER_MAX = 64 << 20,	/* bytes of the answer */
	BATCH_VALUES_MAX = 400000,	/* JSON values in it, about */
	BATCH_CHALLENGES_MAX = 8
};

struct batch_object {
	const char *oid;	/* borrowed; 64 hex digits */
	uint64_t size;

	/* The answer: */
	struct err err;	/* kind ERR_NONE, or why not, as a sentence */
	json_t *actions;	/* owned; NULL: nothing is to be done */
	bool is_other_size;	/* the server says that it has another */
	bool authenticated;	/* its actions want no credential of ours */

	/* Added by server_complete() to an action that is one request: */
	char *href;	/* owned: in place of the action's; or NULL */
	struct headers headers;	/* owned: in place of the action's */
};

struct batch {
	const char *url;	/* borrowed, as all strings: of the API */
	enum direction direction;
	const char *const *transfers;	/* in order of preference, until NULL */
	const char *ref;	/* "refs/heads/main", or NULL */
	struct batch_object *objects;	/* the caller's */
	size_t nobjects;	/* at most BATCH_OBJECTS_MAX */
	const struct headers *headers;	/* or NULL */
	unsigned answer_ms;

	/* The answer: */
	char *challenges[BATCH_CHALLENGES_MAX];	/* owned; of a 401 */
	size_t nchallenges;
};

/*
 * Send the request and fill in the answer; from any thread, and again after an
 * error.  -1 if the whole was refused, by err.kind:
 *
 *	ERR_AUTH	401: `challenges` has all its Lfs-Authenticate and
 *			WWW-Authenticate
 *	ERR_REFUSED	err.code 413: ask for fewer objects at once; 401: it
 *			redirects to another server, which wants a login; 422,
 *			501 and all others: final
 *	ERR_BUSY	later, with err.wait_ms as Retry-After asks
 *	ERR_PROTOCOL	the answer is not one of an LFS server
 *
 * and the errors of http_perform().  An object that the server refuses, or does not
 * mention, has an `err` of its own.
 */
int batch_perform(struct http *http, struct batch *batch, struct err *err);

/* Free what it owns, and forget it; oid and size stay. */
void batch_object_release(struct batch_object *object);

/* Forget the answer, and free what it owns. */
void batch_reset(struct batch *batch);

/* The text of the request; the caller's.  For tests, and batch_perform(). */
char *batch_format(const struct batch *batch);

/* Fill in the answer from its text; for tests, and batch_perform(). */
int batch_parse(struct batch *batch, const char *text, size_t len,
		struct err *err);

struct batch_verify {
	const struct action *action;	/* borrowed, as the next */
	const char *oid;
	uint64_t size;
	json_t *params;	/* borrowed; sent back as it came, or NULL */
	unsigned answer_ms;
};

/* POST it; errors as for batch_perform(). */
int batch_verify(struct http *http, const struct batch_verify *verify,
		 struct err *err);

/*
 * It has failed for the `nth` time, 1 being the first, and may be sent `most`
 * times: a server that says no (404, 422) may only not see the object yet.
 * Makes of that a transient error, to be tried again in 1, 2, 4, ... s.  A
 * refusal of the login or the link, and one by a status of 5xx, stays as it is.
 */
void batch_verify_again(struct err *err, unsigned nth, unsigned most);

#endif
