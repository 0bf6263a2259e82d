/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "lfs/base/crc_x86.h"

#if defined(__x86_64__) || defined(__i386__)

#include <immintrin.h>

/* Per function, so that the rest of the program runs on any x86. */
#define TARGET __attribute__((target("pclmul,sse4.1")))

/*
 * The bytes are the coefficients of a polynomial over GF(2), the first bit
 * (the lowest of the first byte) that of the highest power.  So in a register
 * of w bits loaded from memory, bit i belongs to x^(w-1-i).  Let P be the
 * CRC's polynomial, of degree 32.
 *
 * Folding replaces a register X by what it is worth D bits further on: X * x^D
 * mod P, added to the data there, leaves the remainder of the whole unchanged.
 * With X = first * x^64 + second, two words of 64 bits,
 *
 *	X * x^D  =  first * x^(D+64)  +  second * x^D
 *
 * in which the two powers may be reduced mod P beforehand; then each product
 * has a degree of at most 63 + 31 and fits in a register.  The carry-less
 * product of two words in this bit order has 127 bits, so as a register of
 * 128 it is one power of x too high: FOLD_n holds x^(n-1) mod P to make up for
 * it, as a word of 64 bits in the same order, and thus with 32 zeros below.
 *
 * x^n mod P in this order comes from 1 (0x80000000, as 32 bits) by n steps of
 * one shift to the right, with 0xedb88320 (P without x^32) exclusive-ored
 * whenever a 1 is shifted out.
 */
#define FOLD_128 0x9ba54c6f00000000
#define FOLD_192 0x65673b4600000000
#define FOLD_512 0xcad38e8f00000000
#define FOLD_576 0x653d982200000000

bool crc_x86_usable(void)
{
	return __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("sse4.1");
}

TARGET static inline __m128i load(const unsigned char *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* The low half of `by` is for the first word of x, the low one. */
TARGET static inline __m128i fold(__m128i x, __m128i by, __m128i data)
{
	const __m128i first = _mm_clmulepi64_si128(x, by, 0x00);
	const __m128i second = _mm_clmulepi64_si128(x, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(first, second), data);
}

TARGET void crc_x86_fold(uint32_t reg, const unsigned char *data, size_t n,
			 unsigned char rest[CRC_X86_REST])
{
	const __m128i by_512 = _mm_set_epi64x((long long)FOLD_512,
					      (long long)FOLD_576);
	const __m128i by_128 = _mm_set_epi64x((long long)FOLD_128,
					      (long long)FOLD_192);
	__m128i x0, x1, x2, x3;

	/* Four registers, since one fold takes longer than it occupies. */
	x0 = _mm_xor_si128(load(data), _mm_cvtsi32_si128((int)reg));
	x1 = load(data + 16);
	x2 = load(data + 32);
	x3 = load(data + 48);
	data += 64;
	n -= 64;
	for (; n >= 64; n -= 64, data += 64) {
		x0 = fold(x0, by_512, load(data));
		x1 = fold(x1, by_512, load(data + 16));
		x2 = fold(x2, by_512, load(data + 32));
		x3 = fold(x3, by_512, load(data + 48));
	}
	x0 = fold(x0, by_128, x1);
	x0 = fold(x0, by_128, x2);
	x0 = fold(x0, by_128, x3);
	for (; n; n -= 16, data += 16)
		x0 = fold(x0, by_128, load(data));
	_mm_storeu_si128((__m128i *)rest, x0);
}

#else

bool crc_x86_usable(void)
{
	return false;
}

void crc_x86_fold(uint32_t reg, const unsigned char *data, size_t n,
		  unsigned char rest[CRC_X86_REST])
{
	(void)reg, (void)data, (void)n, (void)rest;
	assert(!"crc_x86_fold() on another architecture");
}

#endif
