/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_SHA256_H
#define LFS_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 (FIPS 180-4) of bytes that arrive in order.
 *
 *	sha256_init(&s);
 *	while (...)
 *		sha256_update(&s, data, n);
 *	sha256_final(&s, digest);
 *
 * The compression function is the processor's own where it has one, chosen
 * at run time, and mbedTLS's otherwise.  The struct owns nothing, so it may be
 * copied and needs no release; threads with a struct each need no lock.
 */

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE (2 * SHA256_SIZE + 1)
#define SHA256_BLOCK_SIZE 64
#define SHA256_STATE_SIZE (SHA256_SIZE + 8)

struct sha256 {
	uint32_t h[8];
	uint64_t size;		/* bytes hashed so far */
	unsigned char buf[SHA256_BLOCK_SIZE];	/* the block begun, if any */
	void (*run)(uint32_t h[8], const uint32_t k[64],
		    const unsigned char *data, size_t nblocks);
};

void sha256_init(struct sha256 *s);

/* Hash n more bytes; fastest with a few KiB or more at a time. */
void sha256_update(struct sha256 *s, const void *data, size_t n);

/* Write the digest.  The struct must be initialised anew before reuse. */
void sha256_final(struct sha256 *s, unsigned char digest[SHA256_SIZE]);

/* Format a digest as an oid: 64 lower-case digits and a zero byte. */
void sha256_hex(const unsigned char digest[SHA256_SIZE],
		char hex[SHA256_HEX_SIZE]);

/*
 * Save the state where s->size is a multiple of SHA256_BLOCK_SIZE, so that
 * another process or machine can continue: the eight words of h and the size in
 * bytes, all big-endian.
 */
void sha256_save(const struct sha256 *s,
		 unsigned char state[SHA256_STATE_SIZE]);

/*
 * Give an initialised struct a saved state.  Returns false, with the struct
 * unchanged, if sha256_save() cannot have written it.  Any words of h are
 * possible, so the state needs a checksum of its own.
 */
bool sha256_load(struct sha256 *s,
		 const unsigned char state[SHA256_STATE_SIZE]);

/* The implementation that sha256_init() takes: "sha-ni", "armv8", "mbedtls". */
const char *sha256_impl(void);

/*
 * For tests and benchmarks: initialise with the implementation of that name.
 * Returns false if this machine does not have it.
 */
bool sha256_init_with(struct sha256 *s, const char *impl);

#endif
