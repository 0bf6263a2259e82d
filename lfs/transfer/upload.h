/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_UPLOAD_H
#define LFS_TRANSFER_UPLOAD_H

#include "lfs/base/err.h"
#include "lfs/transfer/object.h"

/*
 * From a local file to a server.  A worker reads its part straight into
 * libcurl's buffer, and the hasher follows the highest byte that any worker has
 * read.
 */

struct http;

/*
 * Open the object's file, which must have the plan's size, and start to hash
 * it.  Parts that are finished count as sent.
 */
int upload_open(struct object *object, struct err *err);

/* Send one part; from a worker. */
int upload_part(struct object *object, struct part *part, struct http *http,
		struct err *err);

/* All is sent: ERR_CORRUPT if the file changed meanwhile. */
int upload_close(struct object *object, struct err *err);

#endif
