/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_ACTION_H
#define LFS_MODE_ACTION_H

#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/net/headers.h"
#include "lfs/net/http.h"

/*
 * An action as the Batch API gives it and git-lfs hands it on: where to send
 * one object, and with which headers (git-lfs's docs/api/batch.md, lfs/wire.md,
 * The lines).
 */

enum { ACTION_HEADERS_MAX = 64 };

struct action {
	const char *href;	/* borrowed from the tree */
	const json_t *header;	/* borrowed; NULL if there is none */
	struct http_header *headers;	/* owned; its strings are borrowed */
	size_t nheaders;
	char *own_href;	/* owned, as the next: what replaces the tree's */
	struct headers own_headers;
	int64_t expires;	/* seconds since 1970; 0: it does not say */
};

/*
 * Check `tree`, which must outlive the action, and take `href` and `header`
 * from it.  Header members are not looked at: action_headers() does that.
 * `expires_in` counts from now, which may be some minutes late: git-lfs does not
 * tell when the server answered.
 */
int action_parse(struct action *action, const json_t *tree, struct err *err);

/* Fill `headers` with all of `header`: names and values that HTTP allows. */
int action_headers(struct action *action, struct err *err);

/* Copies, in place of what the server said; NULL: that. */
void action_replace_href(struct action *action, const char *href);
void action_replace_headers(struct action *action,
			    const struct headers *headers);

void action_release(struct action *action);

#endif
