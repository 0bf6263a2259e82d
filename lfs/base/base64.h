/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_BASE64_H
#define LFS_BASE_BASE64_H

#include <stddef.h>

#include "lfs/base/buf.h"

/* Add the bytes to `out` in base64 (RFC 4648, 4), with its padding. */
void base64_add(struct buf *out, const void *data, size_t len);

#endif
