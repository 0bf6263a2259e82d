/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_SOURCE_H
#define LFS_TRANSFER_SOURCE_H

#include <stdbool.h>

#include "lfs/base/err.h"

/*
 * Where the bytes of a download come from, as its answers have told: what
 * `href` redirects to, and the strong ETag of what is there.
 *
 * Later ranges go straight to that target, with the ETag as If-Range, until
 * the target fails; then `href` is asked again.  One that refuses the first
 * request that comes without a redirect (its link may be signed for one range)
 * is the last one that is tried.  While it serves other requests, one that it
 * refuses is no more than one too many, and the target is kept.
 *
 * An ETag that changes says that the bytes may be others.  That is no more
 * than a doubt, as mirrors of one object have ETags of their own: ranges are
 * asked for without a condition from then on, and the hash has the last word.
 * So it is not kept for another run, either, which may go to another server.
 *
 * From any thread.
 */

struct source;

/* What one request is to ask; its strings are owned. */
struct source_route {
	char *target;	/* NULL: `href` */
	char *etag;	/* of If-Range, or NULL: none */
	bool is_served;	/* its answer is on its way */
};

struct source *source_new(void);

/* The way for the next request. */
void source_take(struct source *source, struct source_route *route);

/*
 * The head of a good answer is here, from `url` after redirects; `etag` is its
 * header, or NULL.
 */
void source_heard(struct source *source, struct source_route *route,
		  const char *href, const char *url, const char *etag);

/* The server answers If-Range by the whole: it is not what it was. */
void source_changed(struct source *source);

/*
 * The request has failed.  True if `href` may do better, at once; the target is
 * given up, unless it only wants fewer requests at a time.
 */
bool source_failed(struct source *source, const struct source_route *route,
		   const struct err *err);

/* The request is over, whatever became of it. */
void source_done(struct source *source, struct source_route *route);

/* `href` is another link now. */
void source_renew(struct source *source);

/* Were there two ETags? */
bool source_has_changed(struct source *source);

/* NULL is fine. */
void source_free(struct source *source);

#endif
