/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/crc.h"

#include <stdbool.h>
#include <string.h>

#include <zlib.h>

/* A length of 32 bits would give wrong sums for parts over 4 GiB. */
_Static_assert(sizeof(z_off_t) >= sizeof(uint64_t), "z_off_t is too narrow");

enum {
	BULK_MIN = 64,	/* bytes: zlib is as fast with fewer */
	BULK_UNIT = 16	/* bytes that the processor takes at least */
};

#if defined(__x86_64__) || defined(__i386__)

#include <immintrin.h>

/* Per function, so that the rest of the program runs on any x86. */
#define TARGET __attribute__((target("pclmul,sse4.1")))
#define TARGET_WIDE __attribute__((target("pclmul,sse4.1,avx2,vpclmulqdq")))

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
#define FOLD_1024 0x7406fa9500000000
#define FOLD_1088 0x7d657a1000000000

TARGET static inline __m128i load_narrow(const unsigned char *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* The low half of `by` is for the first word of x, the low one. */
TARGET static inline __m128i fold_narrow(__m128i x, __m128i by, __m128i data)
{
	const __m128i first = _mm_clmulepi64_si128(x, by, 0x00);
	const __m128i second = _mm_clmulepi64_si128(x, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(first, second), data);
}

/* Registers of 256 bits, with two of the above side by side. */
static bool wide_is_usable(void)
{
	return __builtin_cpu_supports("avx2") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

TARGET_WIDE static inline __m256i load_wide(const unsigned char *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

TARGET_WIDE static inline __m256i fold_wide(__m256i y, __m256i by, __m256i data)
{
	const __m256i first = _mm256_clmulepi64_epi128(y, by, 0x00);
	const __m256i second = _mm256_clmulepi64_epi128(y, by, 0x11);

	return _mm256_xor_si256(_mm256_xor_si256(first, second), data);
}

/* Fold most of n bytes, 64 at least, into the registers x; returns how many. */
TARGET_WIDE static size_t run_wide(__m128i x[4], const unsigned char *data,
				   size_t n)
{
	const __m256i by_1024 = _mm256_set_epi64x((long long)FOLD_1024,
						  (long long)FOLD_1088,
						  (long long)FOLD_1024,
						  (long long)FOLD_1088);
	const __m256i by_512 = _mm256_set_epi64x((long long)FOLD_512,
						 (long long)FOLD_576,
						 (long long)FOLD_512,
						 (long long)FOLD_576);
	__m256i y0 = _mm256_set_m128i(x[1], x[0]);
	__m256i y1 = _mm256_set_m128i(x[3], x[2]);
	__m256i y2 = load_wide(data);
	__m256i y3 = load_wide(data + 32);
	size_t done = 64;

	for (; n - done >= 128; done += 128) {
		y0 = fold_wide(y0, by_1024, load_wide(data + done));
		y1 = fold_wide(y1, by_1024, load_wide(data + done + 32));
		y2 = fold_wide(y2, by_1024, load_wide(data + done + 64));
		y3 = fold_wide(y3, by_1024, load_wide(data + done + 96));
	}
	y2 = fold_wide(y0, by_512, y2);
	y3 = fold_wide(y1, by_512, y3);
	x[0] = _mm256_castsi256_si128(y2);
	x[1] = _mm256_extracti128_si256(y2, 1);
	x[2] = _mm256_castsi256_si128(y3);
	x[3] = _mm256_extracti128_si256(y3, 1);
	return done;
}

/* Fold 64 bytes at a time, on any processor that has the instruction. */
TARGET static size_t run_narrow(__m128i x[4], const unsigned char *data,
				size_t n)
{
	const __m128i by_512 = _mm_set_epi64x((long long)FOLD_512,
					      (long long)FOLD_576);
	__m128i x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
	size_t done = 0;

	for (; n - done >= 64; done += 64) {
		x0 = fold_narrow(x0, by_512, load_narrow(data + done));
		x1 = fold_narrow(x1, by_512, load_narrow(data + done + 16));
		x2 = fold_narrow(x2, by_512, load_narrow(data + done + 32));
		x3 = fold_narrow(x3, by_512, load_narrow(data + done + 48));
	}
	x[0] = x0;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	return done;
}

/*
 * Fold n bytes, at least BULK_MIN and a multiple of BULK_UNIT, that come after a
 * CRC register of `reg` (not inverted), to BULK_UNIT bytes which come after a
 * register of 0 and leave it in the same state.
 */
TARGET static void fold_all(uint32_t reg, const unsigned char *data, size_t n,
			    unsigned char rest[BULK_UNIT])
{
	const __m128i by_128 = _mm_set_epi64x((long long)FOLD_128,
					      (long long)FOLD_192);
	size_t done = 64;
	/* Four registers, since one fold takes longer than it occupies. */
	__m128i x[4] = {
		_mm_xor_si128(load_narrow(data), _mm_cvtsi32_si128((int)reg)),
		load_narrow(data + 16),
		load_narrow(data + 32),
		load_narrow(data + 48),
	};

	if (n - done >= 64 && wide_is_usable())
		done += run_wide(x, data + done, n - done);
	done += run_narrow(x, data + done, n - done);
	x[0] = fold_narrow(x[0], by_128, x[1]);
	x[0] = fold_narrow(x[0], by_128, x[2]);
	x[0] = fold_narrow(x[0], by_128, x[3]);
	for (; done < n; done += 16)
		x[0] = fold_narrow(x[0], by_128, load_narrow(data + done));
	_mm_storeu_si128((__m128i *)rest, x[0]);
}

/* The CRC value whose register, which zlib keeps inverted, is 0. */
#define CRC_OF_REGISTER_0 0xffffffff

static size_t take_bulk(uint32_t *crc, const unsigned char *p, size_t n)
{
	const size_t take = n - n % BULK_UNIT;
	unsigned char rest[BULK_UNIT];

	if (!__builtin_cpu_supports("pclmul") ||
	    !__builtin_cpu_supports("sse4.1"))
		return 0;
	fold_all(~*crc, p, take, rest);
	*crc = (uint32_t)crc32_z(CRC_OF_REGISTER_0, rest, sizeof(rest));
	return take;
}

#elif defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)

#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/*
 * Per function, so that the rest of the program runs on any ARMv8.  clang
 * hides __crc32d() unless the whole file is compiled for it, hence its builtin.
 */
#if defined(__clang__)
#define TARGET __attribute__((target("crc")))
#define crc32_of_8 __builtin_arm_crc32d
#else
#include <arm_acle.h>
#define TARGET __attribute__((target("+crc")))
#define crc32_of_8 __crc32d
#endif

static bool is_usable(void)
{
#if defined(__linux__)
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
#elif defined(__APPLE__)
	/* Every Apple processor of this architecture has the instructions. */
	return true;
#else
	return false;
#endif
}

TARGET static size_t take_bulk(uint32_t *crc, const unsigned char *p, size_t n)
{
	const size_t take = n - n % BULK_UNIT;
	uint32_t reg = ~*crc;
	uint64_t word;

	if (!is_usable())
		return 0;
	for (size_t done = 0; done < take; done += sizeof(word)) {
		memcpy(&word, p + done, sizeof(word));
		reg = crc32_of_8(reg, word);
	}
	*crc = ~reg;
	return take;
}

#else

static size_t take_bulk(uint32_t *crc, const unsigned char *p, size_t n)
{
	(void)crc, (void)p, (void)n;
	return 0;
}

#endif

uint32_t crc_update(uint32_t crc, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t done = 0;

	/* As many as the processor's own instructions take, if it has them. */
	if (n >= BULK_MIN)
		done = take_bulk(&crc, p, n);
	/* A null pointer would make zlib return the initial value, 0. */
	if (n > done)
		crc = (uint32_t)crc32_z(crc, p + done, n - done);
	return crc;
}

uint32_t crc_combine(uint32_t a, uint32_t b, uint64_t len_b)
{
	return (uint32_t)crc32_combine(a, b, (z_off_t)len_b);
}
