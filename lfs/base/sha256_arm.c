/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "lfs/base/sha256_arm.h"

#if defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)

/*
 * Per function, so that the rest of the program runs on any ARMv8.  clang
 * before 16 hides the intrinsics unless the whole file is compiled for the
 * extension, although it compiles them well in such a function; the macro it
 * looks at is the only way in.
 */
#if defined(__clang__)
#define TARGET __attribute__((target("crypto")))
#if __clang_major__ < 16 && !defined(__ARM_FEATURE_SHA2)
#define __ARM_FEATURE_SHA2 1
#endif
#else
#define TARGET __attribute__((target("+crypto")))
#endif

#include <arm_neon.h>

#if defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

bool sha256_arm_usable(void)
{
	return getauxval(AT_HWCAP) & HWCAP_SHA2;
}

#else

/* Every Apple processor of this architecture has the extension. */
bool sha256_arm_usable(void)
{
#if defined(__APPLE__)
	return true;
#else
	return false;
#endif
}

#endif

struct state {
	uint32x4_t abcd;
	uint32x4_t efgh;
};

TARGET static inline uint32x4_t load_words(const unsigned char *data)
{
	return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data)));
}

TARGET static inline void four_rounds(struct state *s, uint32x4_t w,
				      const uint32_t k[4])
{
	const uint32x4_t wk = vaddq_u32(w, vld1q_u32(k));
	const uint32x4_t abcd = s->abcd;

	s->abcd = vsha256hq_u32(abcd, s->efgh, wk);
	s->efgh = vsha256h2q_u32(s->efgh, abcd, wk);
}

/* The four words after a, b, c, d: FIPS 180-4, 6.2.2, step 1. */
TARGET static inline uint32x4_t next_words(uint32x4_t a, uint32x4_t b,
					   uint32x4_t c, uint32x4_t d)
{
	return vsha256su1q_u32(vsha256su0q_u32(a, b), c, d);
}

TARGET static inline void one_block(struct state *s, const uint32_t k[64],
				    const unsigned char *data)
{
	uint32x4_t w0 = load_words(data);
	uint32x4_t w1 = load_words(data + 16);
	uint32x4_t w2 = load_words(data + 32);
	uint32x4_t w3 = load_words(data + 48);
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

TARGET void sha256_arm_run(uint32_t h[8], const uint32_t k[64],
			   const unsigned char *data, size_t nblocks)
{
	struct state s = { vld1q_u32(h), vld1q_u32(h + 4) };

	for (; nblocks; nblocks--, data += 64) {
		const struct state before = s;

		one_block(&s, k, data);
		s.abcd = vaddq_u32(s.abcd, before.abcd);
		s.efgh = vaddq_u32(s.efgh, before.efgh);
	}
	vst1q_u32(h, s.abcd);
	vst1q_u32(h + 4, s.efgh);
}

#else

bool sha256_arm_usable(void)
{
	return false;
}

void sha256_arm_run(uint32_t h[8], const uint32_t k[64],
		    const unsigned char *data, size_t nblocks)
{
	(void)h, (void)k, (void)data, (void)nblocks;
	assert(!"sha256_arm_run() on another architecture");
}

#endif
