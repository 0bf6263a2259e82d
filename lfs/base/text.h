/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_TEXT_H
#define LFS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/buf.h"

/* Small work on ASCII text, by no locale. */

bool text_has_prefix(const char *s, const char *prefix);

/* A copy of the first `n` bytes in lower case; the caller's. */
char *text_lower(const char *s, size_t n);

/*
 * A copy of the first `n` bytes without blanks and line breaks at both ends;
 * the caller's.
 */
char *text_trim(const char *s, size_t n);

/* The value of a hexadecimal digit, or -1. */
int text_hex(char c);

/* The byte that "%xx", the first of `n` bytes, stands for (RFC 3986, 2.1); -1. */
int text_percent(const char *s, size_t n);

/*
 * A copy of the first `n` bytes with each "%xx" undone, the caller's.  NULL if
 * one is malformed or stands for a NUL.
 */
char *text_unescape(const char *s, size_t n);

/* Add the bytes to `out` in base64 (RFC 4648, 4), with its padding. */
void text_base64(struct buf *out, const void *data, size_t len);

#endif
