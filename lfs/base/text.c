/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/mem.h"

bool text_has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool text_has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len >= n && !strcmp(s + len - n, suffix);
}

bool text_is_any(const char *s, const char *const *words)
{
	while (*words && strcasecmp(s, *words) != 0)
		words++;
	return *words;
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

size_t text_trim_slashes(const char *s, size_t n)
{
	while (n && s[n - 1] == '/')
		n--;
	return n;
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

void text_escape(struct buf *out, const char *s, const char *plain)
{
	for (; *s; s++) {
		char lower = (char)(*s | 0x20);

		if ((*s >= '0' && *s <= '9') ||
		    (lower >= 'a' && lower <= 'z') || strchr(plain, *s))
			buf_add(out, s, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
	}
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

struct span {
	uint32_t first, last;
};

static const struct span blanks[] = {
	{ '\t', '\r' },
	{ 0x85, 0x85 },	/* next line */
	{ 0x2028, 0x2029 },	/* line and paragraph separators */
};

/* The joiners U+200C and U+200D stay: some scripts need them. */
static const struct span unprintable[] = {
	{ 0, 0x1f },	/* C0 */
	{ 0x7f, 0x9f },	/* DEL and C1 */
	{ 0xad, 0xad },	/* soft hyphen */
	{ 0x61c, 0x61c },	/* bidi mark */
	{ 0x180e, 0x180e },	/* of no width */
	{ 0x200b, 0x200b },	/* of no width */
	{ 0x200e, 0x200f },	/* bidi marks */
	{ 0x202a, 0x202e },	/* bidi embeddings and overrides */
	{ 0x2060, 0x206f },	/* invisible operators, bidi isolates */
	{ 0xfdd0, 0xfdef },	/* no characters */
	{ 0xfeff, 0xfeff },	/* byte order mark */
	{ 0xfff0, 0xfffb },	/* specials, but for U+FFFD */
	{ 0xe0000, 0xe0fff },	/* tags */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_in(uint32_t c, const struct span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= spans[i].first && c <= spans[i].last)
			return true;
	return false;
}

/* Decode one character of UTF-8; its length, or 0 if there is none. */
static size_t decode_utf8(const char *text, uint32_t *c)
{
	/* The least character of each length: less would be overlong. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	size_t len = *s < 0x80 ? 1 :
		     *s < 0xc0 ? 0 :
		     *s < 0xe0 ? 2 :
		     *s < 0xf0 ? 3 :
		     *s < 0xf8 ? 4 :
				 0;

	if (len < 2) {
		*c = *s;
		return len;
	}
	*c = *s & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return len;
}

void text_printable(char *text)
{
	char *to = text;

	while (*text) {
		uint32_t c;
		size_t len = decode_utf8(text, &c);

		if (len && is_in(c, blanks, COUNT(blanks))) {
			*to++ = ' ';
		} else if (!len || is_in(c, unprintable, COUNT(unprintable)) ||
			   (c & 0xfffe) == 0xfffe) {
			*to++ = '?';
		} else {
			memmove(to, text, len);
			to += len;
		}
		text += len ? len : 1;
	}
	*to = '\0';
}
