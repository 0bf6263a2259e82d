/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_SHA256_X86_H
#define LFS_BASE_SHA256_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The SHA-256 compression function by the SHA extension of x86.  Knows neither
 * padding nor lengths; only sha256.c calls it.
 */

/*
 * True if this processor has the extension.  Ask once an object, not once a
 * call: in a virtual machine it takes ten microseconds or more.
 */
bool sha256_x86_usable(void);

/*
 * Take nblocks blocks of 64 bytes into the state.  `k` are the 64 constants of
 * FIPS 180-4, section 4.2.2, aligned to 16 bytes.  Only where usable.
 */
void sha256_x86_run(uint32_t h[8], const uint32_t k[64],
		    const unsigned char *data, size_t nblocks);

#endif
