/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_SHA1_H
#define LFS_BASE_SHA1_H

#include <stddef.h>

/*
 * SHA-1 (RFC 3174), which git's files end with in most repositories.  It proves
 * nothing: only its SHA-256 tells what an object is.
 */

#define SHA1_SIZE 20

/* Write the digest of the bytes. */
void sha1_of(const void *data, size_t n, unsigned char digest[SHA1_SIZE]);

#endif
