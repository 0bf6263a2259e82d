/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_AHEAD_H
#define LFS_SERVER_AHEAD_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/base/stop.h"
#include "lfs/server/batch.h"

/*
 * Asking the server about small objects before git-lfs wants them.
 *
 * git-lfs hands a standalone agent one object after the other, where itself it
 * asks for a hundred at a time: a round trip an object, and a request, of which
 * servers allow only so many an hour.  But which objects it is going to want
 * can be seen: those of the tree that is fetched or checked out, and that are
 * not here.  That is HEAD's in a clone or a fetch, FETCH_HEAD's in a pull, and
 * in a checkout that of some ref.  So from the second object on, the server is
 * asked about its neighbours there, too, and what it says is kept for a minute.
 *
 * That is a guess, and how many it is asked about follows from how many were of
 * use.  What no ref has any more is asked about alone.
 *
 * For downloads only: to ask for an upload may begin it.
 */

struct ahead;
struct context;
struct server;

struct ahead_options {
	const struct context *context;	/* borrowed, as all of these */
	struct server *server;
	struct stop stop;
};

struct ahead *ahead_new(const struct ahead_options *options);

/* Fill in the actions from what the server has said; false if it has not. */
bool ahead_take(struct ahead *ahead, struct batch_object *object);

/* As server_ask(), perhaps about others as well. */
int ahead_ask(struct ahead *ahead, struct batch_object *object,
	      struct err *err);

/* What it has said of other objects counts no more: its links fail, say. */
void ahead_forget(struct ahead *ahead);

/* NULL is fine. */
void ahead_free(struct ahead *ahead);

#endif
