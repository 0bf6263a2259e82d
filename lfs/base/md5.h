/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_MD5_H
#define LFS_BASE_MD5_H

#include <mbedtls/md5.h>
#include <stddef.h>

/*
 * MD5 (RFC 1321) of bytes that arrive in order, for servers that ask for it.
 * It proves nothing: only its SHA-256 tells what an object is.
 */

#define MD5_SIZE 16

struct md5 {
	mbedtls_md5_context ctx;	/* owns nothing */
};

void md5_init(struct md5 *md5);
void md5_update(struct md5 *md5, const void *data, size_t n);

/* Write the digest.  The struct must be initialised anew before reuse. */
void md5_final(struct md5 *md5, unsigned char digest[MD5_SIZE]);

#endif
