/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_PARTS_H
#define LFS_MODE_PARTS_H

#include <stdbool.h>

#include "lfs/mode/plan.h"

/*
 * `want_digest` of a part action: `contentMD5`, or a list of algorithms as in
 * the Want-Digest header (RFC 3230, 4.3.1), each with a weight:
 *
 *	sha-256;q=1.0, md5;q=0.5
 */

/*
 * The digests to send with the part, or'ed: PLAN_CONTENT_MD5, and one of
 * PLAN_DIGEST_MD5 and PLAN_DIGEST_SHA256, the one with the larger weight.  0 if it
 * names none that we have: then the part is sent without, and the server decides.
 */
unsigned wantdigest_parse(const char *text);

/*
 * Uploads whose parts are actions of their own: `multipart-basic` of giftless
 * (its multipart-spec.md, 0.9.1) and the `multipart` that git-lfs has as a
 * proposal (lfs/wire.md, Dialects).  The actions of the object are
 *
 *	init, commit, abort	{href, header, method, body}, each optional
 *	parts	[{href, header, method, pos, size, want_digest}, ...]
 *	verify	performed by the one who asked the server, not here
 *
 * A server leaves out the parts that it has from an earlier run, perhaps all of
 * them; they are in the plan nevertheless, as stored ones.
 */

/* Are these the `actions` of an upload of that kind? */
bool parts_is(const json_t *actions);

/*
 * Fill in mode and parts of `plan` from its `tree`.  ERR_PROTOCOL, naming
 * the member, if parts overlap, reach out of the object or are more than
 * PLAN_PARTS_MAX, or if an action is bad.
 */
int parts_plan(struct plan *plan, struct err *err);

#endif
