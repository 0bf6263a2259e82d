/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_CRC_H
#define LFS_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32 as in zlib, gzip and IEEE 802.3: the check on each part as it was
 * sent or received, and on the records of the journal.
 *
 * The CRC of no bytes is 0, and every function takes and returns finished
 * values, so bytes are hashed in order:
 *
 *	crc = crc_update(0, "ab", 2);
 *	crc = crc_update(crc, "c", 1);
 */

/* The CRC of the bytes whose CRC is `crc`, followed by these. */
uint32_t crc_update(uint32_t crc, const void *data, size_t n);

/* The CRC of the bytes of a followed by the len_b bytes of b. */
uint32_t crc_combine(uint32_t a, uint32_t b, uint64_t len_b);

#endif
