/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_CRC_X86_H
#define LFS_BASE_CRC_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bulk of a CRC-32 by the carry-less multiplication of x86: many bytes are
 * folded to a few that have the same CRC.  Only crc.c calls it, and finishes.
 */

#define CRC_X86_MIN 64	/* the fewest bytes to fold */
#define CRC_X86_REST 16	/* the bytes left over */

/* True if this processor has the instruction. */
bool crc_x86_usable(void);

/*
 * Fold n bytes, at least CRC_X86_MIN and a multiple of CRC_X86_REST, that come
 * after a CRC register of `reg` (not inverted), to CRC_X86_REST bytes which
 * come after a register of 0 and leave it in the same state.  Only where
 * usable.
 */
void crc_x86_fold(uint32_t reg, const unsigned char *data, size_t n,
		  unsigned char rest[CRC_X86_REST]);

#endif
