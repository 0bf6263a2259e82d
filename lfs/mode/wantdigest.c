/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/wantdigest.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lfs/mode/plan.h"

struct algorithm {
	const char *name;
	unsigned digest;
};

static const struct algorithm algorithms[] = {
	{ "contentMD5", PLAN_CONTENT_MD5 },
	{ "SHA-256", PLAN_DIGEST_SHA256 },
	{ "MD5", PLAN_DIGEST_MD5 },
};

static unsigned find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strlen(algorithms[i].name) == len &&
		    !strncasecmp(algorithms[i].name, name, len))
			return algorithms[i].digest;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Thousandths, of at most three digits after the point. */
static unsigned fraction(const char *text)
{
	unsigned n = 0;

	for (unsigned unit = 100; unit && is_digit(*text); unit /= 10)
		n += (unsigned)(*text++ - '0') * unit;
	return n;
}

/*
 * The weight in thousandths, of "0", "0.5", "1.000", in the `len` bytes behind
 * an algorithm; 1000 if there is none.  What follows them does not look like a
 * number, or is the end.
 */
static unsigned weight(const char *text, size_t len)
{
	const char *q = memchr(text, '=', len);

	if (!q)
		return 1000;
	q++;
	q += strspn(q, " \t");
	if (!is_digit(*q) || *q > '0')
		return 1000;
	return q[1] == '.' ? fraction(q + 2) : 0;
}

unsigned wantdigest_parse(const char *text)
{
	unsigned digest = 0, best = 0, header = 0;

	while (*text) {
		size_t len = strcspn(text, ","), name;
		unsigned found, q;

		while (len && strchr(" \t", *text)) {
			text++;
			len--;
		}
		name = strcspn(text, ";, \t");
		found = find(text, name);
		q = weight(text + name, len - name);
		if (found == PLAN_CONTENT_MD5) {
			header = q ? found : 0;
		} else if (found && q > best) {
			digest = found;
			best = q;
		}
		text += len;
		text += *text == ',';
	}
	return header | digest;
}
