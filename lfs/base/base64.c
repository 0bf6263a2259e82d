/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/base64.h"

#include <stdint.h>

void base64_add(struct buf *out, const void *data, size_t len)
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
