/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_CLOCK_H
#define LFS_BASE_CLOCK_H

#include <stdint.h>

/*
 * Time and chance.  The modules that decide by them take both as arguments,
 * so that a test can pass its own.
 */

/* Milliseconds of a clock that never goes back; its zero means nothing. */
uint64_t clock_ms(void);

/* Seconds since 1970, UTC. */
int64_t clock_unix(void);

/* A random number for jitter and names; not for secrets. */
uint32_t clock_random(void);

#endif
