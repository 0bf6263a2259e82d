/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_ACCESS_H
#define LFS_TRANSFER_ACCESS_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/mode/action.h"
#include "lfs/remote/batch.h"
#include "lfs/remote/gitconfig.h"
#include "lfs/remote/headers.h"
#include "lfs/remote/session.h"

/*
 * What an action needs besides what the server wrote into it: the login of the
 * API where that is left to us, headers of the user's, and another URL if the
 * user wants to have them rewritten.
 */

struct access {
	const struct session *session;	/* borrowed, as all of these */
	const struct gitconfig *config;
	bool is_upload;
};

/*
 * The action's own headers, those that the user has configured for its URL,
 * and the login of the API if it leaves that to us and session_gives_login().
 */
int access_headers(const struct access *access,
		   const struct batch_object *object,
		   const struct action *action, struct headers *headers,
		   struct err *err);

/*
 * Write them into the object's action, and rewrite its `href` as
 * lfs.transfer.enableHrefRewrite asks; links of parts carry their own.
 */
int access_complete(const struct access *access, struct batch_object *object,
		    struct err *err);

#endif
