/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_LOOKAHEAD_H
#define LFS_SERVER_LOOKAHEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/base/wait.h"
#include "lfs/server/batch.h"
#include "lfs/server/credshare.h"

/*
 * Answers of the server about many objects, for all agents of a repository: one
 * asks, while the others wait for CREDSHARE_ANSWERS, and then they have its
 * answer.
 *
 * It counts for a minute, in a file of the share's, as it holds links.  It holds
 * no header, as that may be the user's login: an agent that is given one shares
 * nothing from then on.  If there can be no such file, nothing is shared.  The
 * file of an agent that was killed is emptied by the next one that starts after
 * that minute.
 */

enum { ANSWERS_KEPT_S = 60 };

struct answers {
	const struct credshare *share;	/* borrowed, as the next */
	const char *url;
	bool is_off;	/* nothing is shared */
};

/* The answers of the server with this URL. */
struct answers answers_of(const struct credshare *share, const char *url);

/*
 * Needs the lock.  An array of objects, each with `oid`, `size`, `authenticated`
 * and perhaps `actions`, and when they were asked for, in seconds since 1970.
 * The caller's; NULL if there is none that counts.
 */
json_t *answers_load(const struct answers *answers, int64_t *asked);

/*
 * Needs the lock.  Keep those of these objects that have no error, unless an
 * action of any has a header.  Returns them as answers_load() gives them; the
 * caller's.
 */
json_t *answers_store(struct answers *answers,
		      const struct batch_object *objects, size_t n);

/* Forget the answers, for all agents: they are no longer good. */
void answers_forget(const struct answers *answers);

/*
 * Asking the server about small objects before git-lfs wants them.
 *
 * git-lfs hands a standalone agent one object after the other, where itself it
 * asks about a hundred at a time: each object costs a round trip, and a request,
 * of which servers allow only so many an hour.  But the objects that it is going
 * to want can be foreseen: they are those of the tree that is fetched or checked
 * out which are not here.  That tree is HEAD's in a clone or a fetch,
 * FETCH_HEAD's in a pull, and that of some ref in a checkout.  So from the second
 * object on, the server is asked about the object's neighbours there, too, and
 * its answer is kept for a minute.
 *
 * This is a guess, and the number of neighbours follows from how many answers
 * were of use.  An object that is in no ref's tree is asked about alone.
 *
 * For downloads only: to ask for an upload may begin it.
 */

struct lookahead;
struct context;
struct server;

struct lookahead_options {
	const struct context *context;	/* borrowed, as all of these */
	struct server *server;
	struct stop stop;
};

struct lookahead *lookahead_new(const struct lookahead_options *options);

/* Fill in the actions from an answer that is kept; false if there is none. */
bool lookahead_take(struct lookahead *ahead, struct batch_object *object);

/* As server_ask(), but about neighbours as well where that may help. */
int lookahead_ask(struct lookahead *ahead, struct batch_object *object,
		  struct err *err);

/* Forget the answers, for instance as their links fail. */
void lookahead_forget(struct lookahead *ahead);

/* NULL is fine. */
void lookahead_free(struct lookahead *ahead);

#endif
