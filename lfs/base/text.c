/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"

bool text_has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

char *text_lower(const char *s, size_t n)
{
	char *copy = xstrndup(s, n);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return copy;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *text_trim(const char *s, size_t n)
{
	while (n && is_blank(s[n - 1]))
		n--;
	while (n && is_blank(*s)) {
		s++;
		n--;
	}
	return xstrndup(s, n);
}

int text_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int text_percent(const char *s, size_t n)
{
	int high, low;

	if (n < 3 || *s != '%')
		return -1;
	high = text_hex(s[1]);
	low = text_hex(s[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

char *text_unescape(const char *s, size_t n)
{
	char *plain = xmalloc(n + 1), *out = plain;

	for (size_t i = 0; i < n; i++) {
		int byte = (unsigned char)s[i];

		if (byte == '%') {
			byte = text_percent(s + i, n - i);
			i += 2;
		}
		if (byte <= 0) {
			free(plain);
			return NULL;
		}
		*out++ = (char)byte;
	}
	*out = '\0';
	return plain;
}

void text_base64(struct buf *out, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)s[i] << 16;
		char four[5] = "====";

		if (n > 1)
			bits |= (uint32_t)s[i + 1] << 8;
		if (n > 2)
			bits |= s[i + 2];
		for (size_t k = 0; k <= n; k++)
			four[k] = digits[bits >> (18 - 6 * k) & 0x3f];
		buf_puts(out, four);
	}
}
