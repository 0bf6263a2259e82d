/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <string.h>

/* mbedTLS 3 calls the chaining value of its context private. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include "lfs/base/sha256.h"
#include "lfs/base/sha256_arm.h"
#include "lfs/base/sha256_x86.h"

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
	{ "sha-ni", sha256_x86_usable, sha256_x86_run },
	{ "armv8", sha256_arm_usable, sha256_arm_run },
	{ "mbedtls", mbedtls_usable, mbedtls_run }
};

/* NULL if there is none; the fastest if no name is given. */
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

static void run_blocks(struct sha256 *s, const unsigned char *data,
		       size_t nblocks)
{
	s->run(s->h, round_k, data, nblocks);
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
			run_blocks(s, s->buf, 1);
	}
	if (n >= SHA256_BLOCK_SIZE) {
		take = n - n % SHA256_BLOCK_SIZE;
		run_blocks(s, p, take / SHA256_BLOCK_SIZE);
		p += take;
		n -= take;
	}
	if (n)
		memcpy(s->buf, p, n);
}

static void put_be32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static void put_be64(unsigned char *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

static void put_words(unsigned char *p, const uint32_t h[8])
{
	int i;

	for (i = 0; i < 8; i++)
		put_be32(p + 4 * i, h[i]);
}

static uint32_t get_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

void sha256_final(struct sha256 *s, unsigned char digest[SHA256_SIZE])
{
	const uint64_t bits = s->size * 8;
	const size_t length_at = SHA256_BLOCK_SIZE - 8;
	size_t at = s->size % SHA256_BLOCK_SIZE;

	s->buf[at++] = 0x80;
	if (at > length_at) {
		memset(s->buf + at, 0, SHA256_BLOCK_SIZE - at);
		run_blocks(s, s->buf, 1);
		at = 0;
	}
	memset(s->buf + at, 0, length_at - at);
	put_be64(s->buf + length_at, bits);
	run_blocks(s, s->buf, 1);
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
	put_be64(state + SHA256_SIZE, s->size);
}

bool sha256_load(struct sha256 *s, const unsigned char state[SHA256_STATE_SIZE])
{
	const unsigned char *p = state + SHA256_SIZE;
	const uint64_t size = (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
	int i;

	/* The standard ends at 2^64 bits. */
	if (size % SHA256_BLOCK_SIZE || size > UINT64_MAX / 8)
		return false;
	s->size = size;
	for (i = 0; i < 8; i++)
		s->h[i] = get_be32(state + 4 * i);
	return true;
}
