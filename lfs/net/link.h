/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_LINK_H
#define LFS_NET_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* What a presigned link says of itself. */

/*
 * When it expires, in seconds since 1970: X-Amz-Date and
 * X-Amz-Expires (AWS Signature Version 4 in the query), likewise with X-Goog-,
 * `Expires` (version 2, CloudFront), `expiration` (Hugging Face's completion),
 * `expiresAt` (CSGHub's) or `se` (Azure), these as numbers or as dates.
 * INT64_MAX if it does not say.
 */
int64_t link_expires_at(const char *url);

/*
 * Does its query say why it is to be let in, by a signature (S3, CloudFront,
 * Azure, Google, OSS, COS) or by what git-lfs takes for one, a `token`?  Beside
 * that it wants no login, and S3 refuses one.
 */
bool link_is_signed(const char *url);

#endif
