/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"

static void buf_grow(struct buf *buf, size_t len)
{
	size_t room = buf->room ? buf->room : 64;

	if (len < buf->room)
		return;
	while (room <= len)
		room *= 2;
	buf->data = xreallocarray(buf->data, room, 1);
	buf->room = room;
}

int buf_add(struct buf *buf, const void *data, size_t n)
{
	if (n > buf->max - buf->len)
		return -1;
	buf_grow(buf, buf->len + n);
	if (n)
		memcpy(buf->data + buf->len, data, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
	return 0;
}

int buf_puts(struct buf *buf, const char *s)
{
	return buf_add(buf, s, strlen(s));
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len > buf->max - buf->len) {
		va_end(again);
		return -1;
	}
	buf_grow(buf, buf->len + (size_t)len);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
	va_end(again);
	buf->len += (size_t)len;
	return 0;
}

const char *buf_str(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *data = buf->data ? buf->data : xstrdup("");

	*buf = (struct buf)BUF_INIT(buf->max);
	return data;
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT(buf->max);
}
