/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/md5.h"

#include <assert.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_md5_starts mbedtls_md5_starts_ret
#define mbedtls_md5_update mbedtls_md5_update_ret
#define mbedtls_md5_finish mbedtls_md5_finish_ret
#endif

/* mbedTLS's own MD5 always succeeds; the results are for hardware. */
static void md5_check(int rc)
{
	assert(rc == 0);
	(void)rc;
}

void md5_init(struct md5 *md5)
{
	mbedtls_md5_init(&md5->ctx);
	md5_check(mbedtls_md5_starts(&md5->ctx));
}

void md5_update(struct md5 *md5, const void *data, size_t n)
{
	md5_check(mbedtls_md5_update(&md5->ctx, data, n));
}

void md5_final(struct md5 *md5, unsigned char digest[MD5_SIZE])
{
	md5_check(mbedtls_md5_finish(&md5->ctx, digest));
	mbedtls_md5_free(&md5->ctx);
}
