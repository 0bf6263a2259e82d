/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_RFC3339_H
#define LFS_BASE_RFC3339_H

#include <stdint.h>

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
