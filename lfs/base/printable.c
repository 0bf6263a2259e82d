/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

static const struct range blanks[] = {
	{ '\t', '\r' },
	{ 0x85, 0x85 },	/* next line */
	{ 0x2028, 0x2029 },	/* line and paragraph separators */
};

/* The joiners U+200C and U+200D stay: some scripts cannot do without. */
static const struct range unprintable[] = {
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

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
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

void printable(char *text)
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
