/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_BUF_H
#define LFS_BASE_BUF_H

#include <stddef.h>

/*
 * A growing array of bytes.  Its maximum is given when it is made, so that no
 * peer can make it grow without end.  A NUL follows the bytes and does not count.
 */

struct buf {
	char *data;	/* owned; NULL while nothing was added */
	size_t len;
	size_t max;
	size_t room;	/* private */
};

#define BUF_INIT(maximum) { .max = (maximum) }

/* Add bytes.  Returns 0, or -1 with nothing added if `max` would be passed. */
int buf_add(struct buf *buf, const void *data, size_t n);

/* Add a string. */
int buf_puts(struct buf *buf, const char *s);

/* Add formatted text.  Returns 0, or -1 with nothing added. */
int buf_printf(struct buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The bytes as a string, borrowed: "" while nothing was added. */
const char *buf_str(const struct buf *buf);

/* Forget the bytes, keep the storage. */
void buf_reset(struct buf *buf);

/* Give the storage to the caller, who frees it, and leave the buffer empty. */
char *buf_take(struct buf *buf);

/* Free the storage; the buffer may be used again. */
void buf_release(struct buf *buf);

#endif
