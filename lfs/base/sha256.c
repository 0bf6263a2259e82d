/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/sha256.h"

#include <assert.h>
#include <string.h>

/* mbedTLS 3 calls the chaining value of its context private. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#endif

/* FIPS 180-4, 5.3.3 */
static const uint32_t initial_h[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
};

/* FIPS 180-4, 4.2.2 */
static const _Alignas(16) uint32_t round_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

/*
 * The compression function by the processor's own instructions, with one block
 * and its rounds written once over what each processor calls them.
 */
#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>
#include <immintrin.h>

#define CPU_NAME "sha-ni"

/* Per function, so that the rest of the program runs on any x86. */
#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/*
 * Asked once an object: in a virtual machine it takes ten microseconds or more.
 * CPUID is asked directly because __builtin_cpu_supports() of gcc 12 does not
 * know "sha".  The registers used are SSE's, which every kernel saves.
 */
static bool cpu_usable(void)
{
	unsigned a, b, c, d;

	return __builtin_cpu_supports("ssse3") &&
	       __builtin_cpu_supports("sse4.1") &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

typedef __m128i words;
#define add_words _mm_add_epi32

struct state {
	words first;	/* ABEF, A in the highest lane: the order of sha256rnds2 */
	words second;	/* CDGH */
};

TARGET static inline struct state state_from(const uint32_t h[8])
{
	struct state s;

	s.first = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
	s.second = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
	return s;
}

TARGET static inline void state_to(const struct state *s, uint32_t h[8])
{
	h[0] = (uint32_t)_mm_extract_epi32(s->first, 3);
	h[1] = (uint32_t)_mm_extract_epi32(s->first, 2);
	h[2] = (uint32_t)_mm_extract_epi32(s->second, 3);
	h[3] = (uint32_t)_mm_extract_epi32(s->second, 2);
	h[4] = (uint32_t)_mm_extract_epi32(s->first, 1);
	h[5] = (uint32_t)_mm_extract_epi32(s->first, 0);
	h[6] = (uint32_t)_mm_extract_epi32(s->second, 1);
	h[7] = (uint32_t)_mm_extract_epi32(s->second, 0);
}

TARGET static inline words load_words(const unsigned char *data)
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
TARGET static inline void four_rounds(struct state *s, words w,
				      const uint32_t k[4])
{
	__m128i wk = _mm_add_epi32(w, _mm_load_si128((const __m128i *)k));

	s->second = _mm_sha256rnds2_epu32(s->second, s->first, wk);
	wk = _mm_shuffle_epi32(wk, 0x0e);
	s->first = _mm_sha256rnds2_epu32(s->first, s->second, wk);
}

/* The four words after a, b, c, d: FIPS 180-4, 6.2.2, step 1. */
TARGET static inline words next_words(words a, words b, words c, words d)
{
	__m128i w = _mm_sha256msg1_epu32(a, b);

	w = _mm_add_epi32(w, _mm_alignr_epi8(d, c, 4));
	return _mm_sha256msg2_epu32(w, d);
}

#elif defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)

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
#endif

#define CPU_NAME "armv8"

static bool cpu_usable(void)
{
#if defined(__linux__)
	return getauxval(AT_HWCAP) & HWCAP_SHA2;
#elif defined(__APPLE__)
	/* Every Apple processor of this architecture has the extension. */
	return true;
#else
	return false;
#endif
}

typedef uint32x4_t words;
#define add_words vaddq_u32

struct state {
	words first;	/* ABCD */
	words second;	/* EFGH */
};

TARGET static inline struct state state_from(const uint32_t h[8])
{
	return (struct state){ vld1q_u32(h), vld1q_u32(h + 4) };
}

TARGET static inline void state_to(const struct state *s, uint32_t h[8])
{
	vst1q_u32(h, s->first);
	vst1q_u32(h + 4, s->second);
}

TARGET static inline words load_words(const unsigned char *data)
{
	return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data)));
}

TARGET static inline void four_rounds(struct state *s, words w,
				      const uint32_t k[4])
{
	const words wk = vaddq_u32(w, vld1q_u32(k));
	const words abcd = s->first;

	s->first = vsha256hq_u32(abcd, s->second, wk);
	s->second = vsha256h2q_u32(s->second, abcd, wk);
}

/* The four words after a, b, c, d: FIPS 180-4, 6.2.2, step 1. */
TARGET static inline words next_words(words a, words b, words c, words d)
{
	return vsha256su1q_u32(vsha256su0q_u32(a, b), c, d);
}

#endif

#ifdef CPU_NAME

TARGET static inline void one_block(struct state *s, const uint32_t k[64],
				    const unsigned char *data)
{
	words w0 = load_words(data);
	words w1 = load_words(data + 16);
	words w2 = load_words(data + 32);
	words w3 = load_words(data + 48);
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

TARGET static void cpu_run(uint32_t h[8], const uint32_t k[64],
			   const unsigned char *data, size_t nblocks)
{
	struct state s = state_from(h);

	for (; nblocks; nblocks--, data += SHA256_BLOCK_SIZE) {
		const struct state before = s;

		one_block(&s, k, data);
		s.first = add_words(s.first, before.first);
		s.second = add_words(s.second, before.second);
	}
	state_to(&s, h);
}

#endif

static bool mbedtls_usable(void)
{
	return true;
}

/*
 * Only mbedTLS 2 exports its compression function, but in every version an
 * update by whole blocks, with none begun, does exactly that and no more.
 */
static void mbedtls_run(uint32_t h[8], const uint32_t k[64],
			const unsigned char *data, size_t nblocks)
{
	mbedtls_sha256_context ctx;
	int rc;

	(void)k;
	mbedtls_sha256_init(&ctx);
	rc = mbedtls_sha256_starts(&ctx, 0);
	assert(rc == 0);
	memcpy(ctx.state, h, sizeof(ctx.state));
	rc = mbedtls_sha256_update(&ctx, data, nblocks * SHA256_BLOCK_SIZE);
	assert(rc == 0);
	(void)rc;
	memcpy(h, ctx.state, sizeof(ctx.state));
	mbedtls_sha256_free(&ctx);
}

struct impl {
	const char *name;
	bool (*usable)(void);
	void (*run)(uint32_t h[8], const uint32_t k[64],
		    const unsigned char *data, size_t nblocks);
};

/* The fastest first. */
static const struct impl impls[] = {
#ifdef CPU_NAME
	{ CPU_NAME, cpu_usable, cpu_run },
#endif
	{ "mbedtls", mbedtls_usable, mbedtls_run }
};

/* The fastest if no name is given; NULL if this machine lacks it. */
static const struct impl *find_impl(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(impls) / sizeof(impls[0]); i++) {
		if (name && strcmp(name, impls[i].name))
			continue;
		if (impls[i].usable())
			return &impls[i];
	}
	return NULL;
}

const char *sha256_impl(void)
{
	return find_impl(NULL)->name;
}

bool sha256_init_with(struct sha256 *s, const char *impl)
{
	const struct impl *found = find_impl(impl);

	if (!found)
		return false;
	memcpy(s->h, initial_h, sizeof(s->h));
	s->size = 0;
	s->run = found->run;
	return true;
}

void sha256_init(struct sha256 *s)
{
	sha256_init_with(s, NULL);
}

void sha256_update(struct sha256 *s, const void *data, size_t n)
{
	const unsigned char *p = data;
	const size_t begun = s->size % SHA256_BLOCK_SIZE;
	size_t take;

	s->size += n;
	if (begun && n) {
		take = SHA256_BLOCK_SIZE - begun;
		if (take > n)
			take = n;
		memcpy(s->buf + begun, p, take);
		p += take;
		n -= take;
		if (begun + take == SHA256_BLOCK_SIZE)
			s->run(s->h, round_k, s->buf, 1);
	}
	if (n >= SHA256_BLOCK_SIZE) {
		take = n - n % SHA256_BLOCK_SIZE;
		s->run(s->h, round_k, p, take / SHA256_BLOCK_SIZE);
		p += take;
		n -= take;
	}
	if (n)
		memcpy(s->buf, p, n);
}

/* The lowest `n` bytes of `v`, big-endian. */
static void put_be(unsigned char *p, uint64_t v, int n)
{
	for (; n--; v >>= 8)
		p[n] = (unsigned char)v;
}

static void put_words(unsigned char *p, const uint32_t h[8])
{
	int i;

	for (i = 0; i < 8; i++)
		put_be(p + 4 * i, h[i], 4);
}

static uint64_t get_be(const unsigned char *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

void sha256_final(struct sha256 *s, unsigned char digest[SHA256_SIZE])
{
	/* A one bit and zeros, so that the length ends a block. */
	unsigned char pad[SHA256_BLOCK_SIZE + 8] = { 0x80 };
	const size_t begun = (s->size + 8) % SHA256_BLOCK_SIZE;
	const size_t n = SHA256_BLOCK_SIZE - begun;

	put_be(pad + n, s->size * 8, 8);
	sha256_update(s, pad, n + 8);
	put_words(digest, s->h);
}

void sha256_hex(const unsigned char digest[SHA256_SIZE],
		char hex[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < SHA256_SIZE; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * i] = '\0';
}

void sha256_save(const struct sha256 *s, unsigned char state[SHA256_STATE_SIZE])
{
	assert(s->size % SHA256_BLOCK_SIZE == 0);
	put_words(state, s->h);
	put_be(state + SHA256_SIZE, s->size, 8);
}

bool sha256_load(struct sha256 *s, const unsigned char state[SHA256_STATE_SIZE])
{
	const uint64_t size = get_be(state + SHA256_SIZE, 8);
	int i;

	/* The standard ends at 2^64 bits. */
	if (size % SHA256_BLOCK_SIZE || size > UINT64_MAX / 8)
		return false;
	s->size = size;
	for (i = 0; i < 8; i++)
		s->h[i] = (uint32_t)get_be(state + 4 * i, 4);
	return true;
}
