/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_WANTDIGEST_H
#define LFS_MODE_WANTDIGEST_H

/*
 * `want_digest` of a part action: `contentMD5`, or a list of algorithms as in
 * the Want-Digest header (RFC 3230, 4.3.1), each with a weight:
 *
 *	sha-256;q=1.0, md5;q=0.5
 */

/*
 * What to send with the part, as PLAN_CONTENT_MD5, PLAN_DIGEST_MD5 and
 * PLAN_DIGEST_SHA256 or'ed: of the algorithms that a Digest header is for, the
 * one with the largest weight.  0 if we have none of those that it names: then
 * the part goes without, and the server decides.
 */
unsigned wantdigest_parse(const char *text);

#endif
