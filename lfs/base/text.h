/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_TEXT_H
#define LFS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/buf.h"

/* Work on text that no locale changes: ASCII, but for text_printable(). */

bool text_has_prefix(const char *s, const char *prefix);
bool text_has_suffix(const char *s, const char *suffix);

/* Is it one of these words, which end with NULL, in any letter case? */
bool text_is_any(const char *s, const char *const *words);

/* A copy of the first `n` bytes in lower case; the caller's. */
char *text_lower(const char *s, size_t n);

/*
 * A copy of the first `n` bytes without blanks and line breaks at both ends;
 * the caller's.
 */
char *text_trim(const char *s, size_t n);

/* The length of the first `n` bytes without the slashes at their end. */
size_t text_trim_slashes(const char *s, size_t n);

/* The value of a hexadecimal digit, or -1. */
int text_hex(char c);

/* The byte that "%xx", the first of `n` bytes, stands for (RFC 3986, 2.1); -1. */
int text_percent(const char *s, size_t n);

/*
 * A copy of the first `n` bytes with each "%xx" undone, the caller's.  NULL if
 * one is malformed or stands for a NUL.
 */
char *text_unescape(const char *s, size_t n);

/* Add the string, each byte but letters, digits and those in `plain` as "%XX". */
void text_escape(struct buf *out, const char *s, const char *plain);

/* Add the bytes to `out` in base64 (RFC 4648, 4), with its padding. */
void text_base64(struct buf *out, const void *data, size_t len);

/*
 * Make foreign text, such as the words of a server or the name of a file, fit for
 * a terminal, in place: one line of valid UTF-8, not longer than before.
 *
 * A terminal obeys more than the bytes below ' ': the C1 controls (U+0080 to
 * U+009F, raw or as UTF-8) drive it as ESC does, bidi controls show the letters
 * in another order, and other characters are invisible.  Each of these becomes a
 * '?', as does a byte that is not UTF-8; each line break or tab becomes a blank.
 */
void text_printable(char *text);

#endif
