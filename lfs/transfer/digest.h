/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_DIGEST_H
#define LFS_TRANSFER_DIGEST_H

#include "lfs/base/err.h"
#include "lfs/net/http.h"
#include "lfs/transfer/object.h"

/*
 * The digests that a server wants in the head of a part's request.  For them
 * the part is read once more before it is sent, so they cost a look at the
 * page cache and some time.
 */

enum {
	DIGEST_HEADERS_MAX = 2,
	DIGEST_LINE_MAX = 64	/* SHA-256=, 44 characters and a NUL */
};

struct digest {
	struct http_header headers[DIGEST_HEADERS_MAX];	/* the values of: */
	size_t nheaders;
	char content_md5[DIGEST_LINE_MAX];
	char digest[DIGEST_LINE_MAX];
};

/*
 * Read the part of the object's file and make the headers that the part's
 * `digests` asks for; none if it is 0.  ERR_CANCELED if `http` is to stop.
 */
int digest_part(struct digest *digest, struct object *object,
		const struct part *part, const struct http *http,
		struct err *err);

#endif
