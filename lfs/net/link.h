/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_LINK_H
#define LFS_NET_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* Facts that a presigned link states about itself. */

/*
 * When it expires, in seconds since 1970, by X-Amz-Date and X-Amz-Expires (AWS
 * Signature Version 4 in the query), X-Goog-Date and X-Goog-Expires, `Expires`
 * (version 2, CloudFront), `expiration` (Hugging Face's completion), `expiresAt`
 * (CSGHub's) or `se` (Azure), the last four as numbers or as dates.  INT64_MAX
 * if it does not say.
 */
int64_t link_expires_at(const char *url);

/*
 * Does its query prove a right, by a signature (S3, CloudFront, Azure, Google,
 * OSS, COS) or, as git-lfs has it, a `token`?  Such a link needs no login, and
 * S3 refuses one.
 */
bool link_is_signed(const char *url);

/*
 * Will an upload end before its links expire?  Otherwise it begins again at byte
 * 0 with each new set of links: people should know that before hours are lost.
 *
 * Pure: time comes in as an argument.
 */

enum {
	OUTLOOK_AFTER_MS = 10000,	/* from then on the rate is known */
	OUTLOOK_MAX = 160
};

struct outlook {
	uint64_t size;	/* of the object, in bytes */
	uint64_t sent;	/* bytes, in `ms` */
	uint64_t before;	/* bytes that an earlier run had sent */
	uint64_t ms;
	int64_t life_s;	/* how long the links live, from the start on */
};

/*
 * False if the links live long enough or it is too early to say.  Otherwise
 * `text` says it with numbers.
 */
bool outlook_is_bad(const struct outlook *outlook, char text[OUTLOOK_MAX]);

#endif
