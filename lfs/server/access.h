/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_ACCESS_H
#define LFS_SERVER_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/mode/plan.h"
#include "lfs/net/http.h"
#include "lfs/server/batch.h"
#include "lfs/server/credential.h"
#include "lfs/server/session.h"

/*
 * What an action needs besides what the server wrote into it: the login of the
 * API where that is left to us, one of its own where it is at another host,
 * headers of the user's, and another URL if the user wants to have them
 * rewritten.  No login goes to any other host than its own.
 */

struct access {
	struct session *session;	/* borrowed: with the API's server */
	const struct gitconfig *config;	/* borrowed */
	struct credentials *credentials;	/* borrowed */
	bool is_upload;
	struct session **others;	/* owned: with hosts that wanted a login */
	size_t nothers;
};

/*
 * The action's own headers, those that the user has configured for its URL,
 * and if it leaves that to us, the login of its host (session_gives_login()).
 */
int access_headers(const struct access *access,
		   const struct batch_object *object,
		   const struct action *action, struct headers *headers,
		   struct err *err);

/*
 * Fill in the object's `headers` if mode_is_plain(), and its `href` if that is
 * to be rewritten (lfs.transfer.enableHrefRewrite).
 */
int access_complete(const struct access *access, struct batch_object *object,
		    struct err *err);

/*
 * A request to `href`, an action of the object's, was refused with a 401, `err`;
 * `sent` is its Authorization, or NULL.  1 if there is another login for the
 * host; 0 if it is not ours to choose: the action or the link has its own; -1
 * if none is to be had, and `err` is then why.  May wait for a person.
 */
int access_log_in(struct access *access, const struct batch_object *object,
		  const char *href, const char *sent, struct err *err);

/* A request to `href` (or NULL) was the last for now: session_settle(). */
void access_settle(struct access *access, const char *href, const char *sent,
		   const struct err *err);

/* Free what it owns. */
void access_release(struct access *access);

#endif
