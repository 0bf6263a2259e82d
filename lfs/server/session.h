/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SESSION_H
#define LFS_SERVER_SESSION_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/gitconfig.h"
#include "lfs/net/http.h"
#include "lfs/server/batch.h"
#include "lfs/server/credential.h"
#include "lfs/server/endpoint.h"

/*
 * A conversation with one LFS server: which headers a request carries, and
 * what follows from its answer.  Requests are anonymous until the server wants
 * a login; then one is found, tried, and approved or rejected.
 *
 *	session_run(ask_once, ctx, &err), where ask_once() does this:
 *
 *		next = session_prepare(session, &err);
 *		if (next != SESSION_DONE)
 *			return next;
 *		url = session_url(session);
 *		session_headers(session, url, &headers, &err);
 *		... batch_perform() with them, as a job of the pool ...
 *		return session_answered(session, &headers, &batch, &err);
 *
 * With a server that a git server names by ssh (ssh.h), url and headers are what
 * git-lfs-authenticate said.
 *
 * It sends nothing itself.  Main thread only, and only prepare, answered and
 * log_in block: these may wait for a person.  Several requests may be under way
 * at once.
 */

enum session_next {
	SESSION_DONE,	/* it went well */
	SESSION_AGAIN,	/* there is another login to try; err may say why */
	SESSION_FAILED	/* err says why */
};

struct session_options {
	const struct gitconfig *config;	/* borrowed, as the next */
	struct credentials *credentials;
	const char *api_url;	/* copied, as the next */
	const char *remote_url;	/* of the git remote, or NULL */
	const struct ssh_address *ssh;	/* borrowed; NULL, or without host: none */
	enum direction direction;
	struct stop stop;
};

struct session;

struct session *session_new(const struct session_options *options);

/*
 * Make a request, with one login after the other, until it needs no other or
 * there is none: `once` makes it, and says what follows.
 */
int session_run(enum session_next (*once)(void *ctx, struct err *err),
		void *ctx, struct err *err);

/*
 * Before a request: ask by ssh if the reply has expired, and get a credential
 * where `lfs.<url>.access` says that one is needed, or the URL holds it.
 * SESSION_AGAIN: ssh has failed, and is to be run again.
 */
enum session_next session_prepare(struct session *session, struct err *err);

/* The API's URL, by ssh or the options; borrowed until the next prepare. */
const char *session_url(const struct session *session);

/* Is `url` at the API's server, by url_keeps_headers()? */
bool session_is_with(const struct session *session, const char *url);

/*
 * Add to `headers` what a request to `url` carries: http.extraHeader and, if
 * session_is_with() it, session_add_login().
 */
int session_headers(struct session *session, const char *url,
		    struct headers *headers, struct err *err);

/* Add what ssh gave, and Authorization if there is none yet. */
int session_add_login(const struct session *session, struct headers *headers,
		      struct err *err);

/*
 * Does a request of an action to `url` carry session_add_login()?  It does where
 * git-lfs would know of `lfs.<url>.access`: below the API's URL, where the config
 * says so, and once an action has asked for it (session_log_in()); but not if the
 * link is signed.
 */
bool session_gives_login(const struct session *session, const char *url);

/*
 * Add to the `headers` of an action at `url` those of http.<url>.extraHeader
 * whose names the action does not have itself.  An http.extraHeader for all URLs
 * may be a login, and is added only if the action is at the API's server.
 */
int session_extra_headers(const struct session *session, const char *url,
			  struct headers *headers, struct err *err);

/*
 * A request to the API that was sent with `sent` came back with `err`; `batch`
 * (or NULL) has the challenges of a 401.
 */
enum session_next session_answered(struct session *session,
				   const struct headers *sent,
				   const struct batch *batch, struct err *err);

/*
 * An action at the API's server came back with a 401; `sent` is the value of
 * its Authorization, or NULL.  If that is the session's credential it is
 * rejected, and another one is found; without one, the login of the API is sent.
 * The answer to a batch cannot approve that login, as the server may answer
 * anybody: it is on trial until an action that was sent with it has ended well.
 *
 * 1 if there is a new login; 0 if the login is not ours to choose, because it is
 * the action's own, or the user's config or ssh says what to send; -1 if there
 * is none.
 */
int session_log_in(struct session *session, const char *sent, struct err *err);

/*
 * An action that was sent with `sent`, or NULL, has ended with `err`, and none
 * follows at once: if a credential is on trial, it is approved, or other
 * agents no longer wait for it.
 */
void session_settle(struct session *session, const char *sent,
		    const struct err *err);

/* NULL is fine. */
void session_free(struct session *session);

#endif
