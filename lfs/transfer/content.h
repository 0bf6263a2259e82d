/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_CONTENT_H
#define LFS_TRANSFER_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * Which bytes of an object an answer carries, by its headers (RFC 9110, 8.6
 * and 14.4).  Each check gives 0, or -1 with ERR_PROTOCOL.
 */

struct http;

/*
 * Were its `size` bytes compressed on their way?  Objects that are stored with
 * a Content-Encoding are as they should be: their sizes fit.
 */
bool content_is_encoded(struct http *http, uint64_t size);

/* It has `size` bytes, if it says how many, and they are not compressed. */
int content_check_length(struct http *http, uint64_t size, struct err *err);

/*
 * It is a range of `size` bytes, if it says of how many; fine if that cannot be
 * read.  Gitea and Forgejo say how many are left (go-gitea/gitea issue 35276).
 */
int content_check_total(struct http *http, uint64_t size, struct err *err);

/*
 * It is the range from `from`, to wherever: lfs-test-server and what came of it
 * do not heed the end.
 */
int content_check_range(struct http *http, uint64_t from, uint64_t size,
			struct err *err);

#endif
