/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_CLOCK_H
#define LFS_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Time and chance.  The modules that decide by them take both as arguments,
 * so that a test can pass its own.
 */

/*
 * Milliseconds of a clock that never goes back.  Its zero is arbitrary and
 * differs after each boot.
 */
uint64_t clock_ms(void);

/* The name that the kernel gives to this boot; "" if it gives none. */
enum { CLOCK_BOOT_SIZE = 37 };
void clock_boot(char boot[CLOCK_BOOT_SIZE]);

/* Is that the name of this boot? */
bool clock_is_boot(const char *boot);

/* Seconds since 1970, UTC. */
int64_t clock_unix(void);

/* A random number for jitter and names; not for secrets. */
uint32_t clock_random(void);

/*
 * Times as JSON and links write them: 2026-01-31T23:59:59Z, or with a fraction
 * of a second, or with +01:00 in place of the Z.
 */

/*
 * Seconds since 1970 of an RFC 3339 time with a letter T, without its
 * fraction; -1 if it is none.
 */
int rfc3339_parse(const char *text, int64_t *seconds);

#endif
