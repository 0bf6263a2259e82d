/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "lfs/base/sha256_x86.h"

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>
#include <immintrin.h>

/* Per function, so that the rest of the program runs on any x86. */
#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/*
 * CPUID is asked directly because __builtin_cpu_supports() of gcc 12 does not
 * know "sha".  The registers used are SSE's, which every kernel saves.
 */
bool sha256_x86_usable(void)
{
	unsigned a, b, c, d;

	return __builtin_cpu_supports("ssse3") &&
	       __builtin_cpu_supports("sse4.1") &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

struct state {
	__m128i abef;	/* A is the highest lane: the order of sha256rnds2 */
	__m128i cdgh;
};

TARGET static inline struct state state_from(const uint32_t h[8])
{
	struct state s;

	s.abef = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
	s.cdgh = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
	return s;
}

TARGET static inline void state_to(const struct state *s, uint32_t h[8])
{
	h[0] = (uint32_t)_mm_extract_epi32(s->abef, 3);
	h[1] = (uint32_t)_mm_extract_epi32(s->abef, 2);
	h[2] = (uint32_t)_mm_extract_epi32(s->cdgh, 3);
	h[3] = (uint32_t)_mm_extract_epi32(s->cdgh, 2);
	h[4] = (uint32_t)_mm_extract_epi32(s->abef, 1);
	h[5] = (uint32_t)_mm_extract_epi32(s->abef, 0);
	h[6] = (uint32_t)_mm_extract_epi32(s->cdgh, 1);
	h[7] = (uint32_t)_mm_extract_epi32(s->cdgh, 0);
}

TARGET static inline __m128i load_words(const unsigned char *data)
{
	/* The message is big-endian: each word's last byte comes first. */
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b,
					    0x0405060700010203);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data), swap);
}

/*
 * Two rounds turn (ABEF, CDGH) into (new, ABEF), so the two registers change
 * roles, and after four rounds have their first roles again.
 */
TARGET static inline void four_rounds(struct state *s, __m128i w,
				      const uint32_t k[4])
{
	__m128i wk = _mm_add_epi32(w, _mm_load_si128((const __m128i *)k));

	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	wk = _mm_shuffle_epi32(wk, 0x0e);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, wk);
}

/* The four words after a, b, c, d: FIPS 180-4, 6.2.2, step 1. */
TARGET static inline __m128i next_words(__m128i a, __m128i b, __m128i c,
					__m128i d)
{
	__m128i w = _mm_sha256msg1_epu32(a, b);

	w = _mm_add_epi32(w, _mm_alignr_epi8(d, c, 4));
	return _mm_sha256msg2_epu32(w, d);
}

TARGET static inline void one_block(struct state *s, const uint32_t k[64],
				    const unsigned char *data)
{
	__m128i w0 = load_words(data);
	__m128i w1 = load_words(data + 16);
	__m128i w2 = load_words(data + 32);
	__m128i w3 = load_words(data + 48);
	int i;

	four_rounds(s, w0, k);
	four_rounds(s, w1, k + 4);
	four_rounds(s, w2, k + 8);
	four_rounds(s, w3, k + 12);
	for (i = 16; i < 64; i += 16) {
		w0 = next_words(w0, w1, w2, w3);
		four_rounds(s, w0, k + i);
		w1 = next_words(w1, w2, w3, w0);
		four_rounds(s, w1, k + i + 4);
		w2 = next_words(w2, w3, w0, w1);
		four_rounds(s, w2, k + i + 8);
		w3 = next_words(w3, w0, w1, w2);
		four_rounds(s, w3, k + i + 12);
	}
}

TARGET void sha256_x86_run(uint32_t h[8], const uint32_t k[64],
			   const unsigned char *data, size_t nblocks)
{
	struct state s = state_from(h);

	for (; nblocks; nblocks--, data += 64) {
		const struct state before = s;

		one_block(&s, k, data);
		s.abef = _mm_add_epi32(s.abef, before.abef);
		s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
	}
	state_to(&s, h);
}

#else

bool sha256_x86_usable(void)
{
	return false;
}

void sha256_x86_run(uint32_t h[8], const uint32_t k[64],
		    const unsigned char *data, size_t nblocks)
{
	(void)h, (void)k, (void)data, (void)nblocks;
	assert(!"sha256_x86_run() on another architecture");
}

#endif
