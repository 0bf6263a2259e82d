/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SERVER_H
#define LFS_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/base/wait.h"
#include "lfs/server/batch.h"

/*
 * The LFS server of a git remote, in standalone mode: found, logged in to and
 * asked as git-lfs would, with the requests as jobs of a pool.  No login goes to
 * any other host than its own.
 *
 *	server = server_new(&options, &err);
 *	if (!server_ask(server, &object, &err))
 *		... move it, by object.actions, href and headers ...
 *	if (err.kind == ERR_AUTH && server_log_in(server, &object, &err) == 1)
 *		... ask again and move it with that login ...
 *	server_settle(server, &object, &err);
 *	server_free(server);
 *
 * The functions block, as a login may wait for a person; they end early, with
 * ERR_CANCELED, once `stop` is wanted.  One at a time, and not while a
 * transfer is under way, unless the pool is another one.
 */

struct context;
struct credshare;
struct http;
struct pool;
struct server;
struct verification;

struct server_options {
	struct context *context;	/* borrowed, as all of these */
	struct pool *pool;	/* for the requests */
	bool is_probe;	/* upload: ask what is there, and have nothing begun */
	uint64_t began_ms;	/* when git-lfs started us, by clock_ms(); or 0 */
	const struct server *other;	/* that this process has, too; or NULL */
	struct stop stop;
};

/* Make the server of the context's remote.  NULL with ERR_USAGE if it leads to none. */
struct server *server_new(const struct server_options *options,
			  struct err *err);

/*
 * Ask what to do with one object, each time anew: fills in object->actions,
 * which is the caller's.  An error of this object alone is an error here, too.
 */
int server_ask(struct server *server, struct batch_object *object,
	       struct err *err);

/*
 * Ask about at most BATCH_OBJECTS_MAX objects: the error of each is in its
 * `err`.  -1 if the server said nothing of any.
 */
int server_ask_all(struct server *server, struct batch_object *objects,
		   size_t n, struct err *err);

/*
 * Ask about several objects, but try only once: a transient error is final.  The
 * actions are as the server gave them, and have no login of the user's: before
 * one is used, server_complete() it.
 */
int server_try_all(struct server *server, struct batch_object *objects,
		   size_t n, struct err *err);

/*
 * Fill in the object's `headers` if mode_is_plain(), and its `href` if the user
 * wants it rewritten (lfs.transfer.enableHrefRewrite); the outcome is its `err`.
 */
void server_complete(struct server *server, struct batch_object *object);

/*
 * May the object's action turn out to want a login that it is sent without?  Not
 * if it has a login of its own, or a signature.
 */
bool server_may_want_login(const struct server *server,
			   const struct batch_object *object);

/*
 * The transfer of an object was refused with a 401, `err`.  If its action
 * leaves the login to us, find another one, of the action's host, before asking
 * again: 1 if there is one, 0 if the action or the link has its own, -1 if there
 * is none, and `err` is then why.
 */
int server_log_in(struct server *server, const struct batch_object *object,
		  struct err *err);

/* Say how the transfer ended, as that tells whether such a login was good. */
void server_settle(struct server *server, const struct batch_object *object,
		   const struct err *err);

/*
 * After an upload: perform the `verify` action, if there is one, as often as
 * the pool retries, and with a login if it wants one.
 */
int server_verify(struct server *server, const struct batch_object *object,
		  struct err *err);

/*
 * The `verify` action as a job for another pool's worker, which may run it more
 * than once.  NULL if there is no such action, or with an error.
 */
struct verification *verification_new(struct server *server,
				      const struct batch_object *object,
				      struct err *err);

/* It was refused with a 401, `err`.  Returns what server_log_in() does. */
int verification_log_in(struct server *server,
			const struct batch_object *object,
			const struct verification *verification,
			struct err *err);

int verification_run(struct verification *verification, struct http *http,
		     struct err *err);
void verification_free(struct verification *verification);

/* The share of all agents of the repository; borrowed. */
struct credshare *server_share(const struct server *server);

/* NULL is fine. */
void server_free(struct server *server);

#endif
