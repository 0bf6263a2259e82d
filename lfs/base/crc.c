/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <zlib.h>

#include "lfs/base/crc.h"
#include "lfs/base/crc_arm.h"
#include "lfs/base/crc_x86.h"

/* A length of 32 bits would give wrong sums for parts over 4 GiB. */
_Static_assert(sizeof(z_off_t) >= sizeof(uint64_t), "z_off_t is too narrow");

/* The CRC value whose register, which zlib keeps inverted, is 0. */
#define CRC_OF_REGISTER_0 0xffffffff

/* What x86 needs at least; zlib is as fast with fewer. */
#define MIN_BULK CRC_X86_MIN

/*
 * Take most of n bytes into the CRC by the processor's own instructions, and
 * return how many: 0 if it has none.
 */
static size_t take_bulk(uint32_t *crc, const unsigned char *p, size_t n)
{
	unsigned char rest[CRC_X86_REST];
	const size_t take = n - n % CRC_X86_REST;

	if (crc_x86_usable()) {
		crc_x86_fold(~*crc, p, take, rest);
		*crc = (uint32_t)crc32_z(CRC_OF_REGISTER_0, rest, sizeof(rest));
		return take;
	}
	if (crc_arm_usable()) {
		*crc = ~crc_arm_run(~*crc, p, take);
		return take;
	}
	return 0;
}

uint32_t crc_update(uint32_t crc, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t done = 0;

	if (n >= MIN_BULK)
		done = take_bulk(&crc, p, n);
	/* zlib takes a null pointer for a question, and answers 0. */
	if (n > done)
		crc = (uint32_t)crc32_z(crc, p + done, n - done);
	return crc;
}

uint32_t crc_combine(uint32_t a, uint32_t b, uint64_t len_b)
{
	return (uint32_t)crc32_combine(a, b, (z_off_t)len_b);
}
