/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "lfs/base/crc.h"
#include "lfs/base/sha256.h"

/*
 * Usage: hash WHAT KIB MS
 *
 * Hash a buffer of KIB KiB again and again for MS milliseconds of processor
 * time, and print the rate in MB/s.  WHAT is "crc", "zlib", "sha256" or the
 * name of one implementation of SHA-256.  "hash impl" prints the name of the
 * one that "sha256" stands for.
 */

enum what {
	SHA256,
	CRC,
	ZLIB
};

struct run {
	enum what what;
	struct sha256 sha256;
	uint32_t crc;
	unsigned char *buf;
	size_t size;
};

static void hash_once(struct run *r)
{
	switch (r->what) {
	case SHA256:
		sha256_update(&r->sha256, r->buf, r->size);
		break;
	case CRC:
		r->crc = crc_update(r->crc, r->buf, r->size);
		break;
	case ZLIB:
		r->crc = (uint32_t)crc32_z(r->crc, r->buf, r->size);
		break;
	}
}

/* Processor time, as `openssl speed` counts it: other processes do not. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double measure(struct run *r, double seconds)
{
	/* Reading the clock costs less than a thousandth of a MiB's hash. */
	const size_t batch = 1 + ((size_t)1 << 20) / r->size;
	double begun, spent;
	uint64_t bytes = 0;
	size_t i;

	hash_once(r);
	begun = now();
	do {
		for (i = 0; i < batch; i++)
			hash_once(r);
		bytes += batch * r->size;
		spent = now() - begun;
	} while (spent < seconds);
	return (double)bytes / spent / 1e6;
}

static int choose(struct run *r, const char *what)
{
	sha256_init(&r->sha256);
	r->what = SHA256;
	if (!strcmp(what, "crc"))
		r->what = CRC;
	else if (!strcmp(what, "zlib"))
		r->what = ZLIB;
	else if (strcmp(what, "sha256") && !sha256_init_with(&r->sha256, what))
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct run r = { .crc = 0 };
	long kib, ms;

	if (argc == 2 && !strcmp(argv[1], "impl")) {
		puts(sha256_impl());
		return 0;
	}
	if (argc != 4 || choose(&r, argv[1])) {
		fprintf(stderr, "usage: hash impl | hash WHAT KIB MS\n");
		return 2;
	}
	kib = strtol(argv[2], NULL, 10);
	ms = strtol(argv[3], NULL, 10);
	if (kib < 1 || kib > 1 << 20 || ms < 1) {
		fprintf(stderr, "hash: bad KIB or MS\n");
		return 2;
	}
	r.size = (size_t)kib << 10;
	r.buf = malloc(r.size);
	if (!r.buf)
		return 1;
	memset(r.buf, 0x5a, r.size);
	printf("%.0f\n", measure(&r, (double)ms / 1e3));
	free(r.buf);
	return 0;
}
