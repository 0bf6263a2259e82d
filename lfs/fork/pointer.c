/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/fork/pointer.h"

#include <string.h>

/* What is left of the text. */
struct rest {
	const char *text;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static void trim(struct rest *rest)
{
	while (rest->len && is_blank(rest->text[rest->len - 1]))
		rest->len--;
	while (rest->len && is_blank(*rest->text)) {
		rest->text++;
		rest->len--;
	}
}

/* Take the next line, without its end. */
static bool next_line(struct rest *rest, struct rest *line)
{
	const char *end;

	if (!rest->len)
		return false;
	end = memchr(rest->text, '\n', rest->len);
	line->text = rest->text;
	line->len = end ? (size_t)(end - rest->text) : rest->len;
	rest->text += line->len + (end != NULL);
	rest->len -= line->len + (end != NULL);
	if (line->len && line->text[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Take `prefix` off the line, if it begins with it. */
static bool skip(struct rest *line, const char *prefix)
{
	size_t n = strlen(prefix);

	if (line->len < n || memcmp(line->text, prefix, n))
		return false;
	line->text += n;
	line->len -= n;
	return true;
}

static bool is_version(struct rest line)
{
	static const char *const urls[] = {
		"https://git-lfs.github.com/spec/v1",
		"https://hawser.github.com/spec/v1",
		"http://git-media.io/v/2",
	};

	if (!skip(&line, "version "))
		return false;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		if (line.len == strlen(urls[i]) &&
		    !memcmp(line.text, urls[i], line.len))
			return true;
	return false;
}

static bool take_hash(struct rest *line, char *oid)
{
	if (!skip(line, "sha256:") || line->len != POINTER_OID)
		return false;
	for (size_t i = 0; i < POINTER_OID; i++)
		if (!is_hex(line->text[i]))
			return false;
	if (oid) {
		memcpy(oid, line->text, POINTER_OID);
		oid[POINTER_OID] = '\0';
	}
	return true;
}

/* ext-N-NAME sha256:..., N rising; what an extension made the object of. */
static bool is_extension(struct rest line, int *last)
{
	const char *blank;

	if (!skip(&line, "ext-") || line.len < 3 || !is_digit(*line.text) ||
	    line.text[1] != '-' || *line.text - '0' <= *last)
		return false;
	*last = *line.text - '0';
	blank = memchr(line.text, ' ', line.len);
	if (!blank || blank == line.text + 2)
		return false;
	line.len -= (size_t)(blank + 1 - line.text);
	line.text = blank + 1;
	return take_hash(&line, NULL);
}

static bool take_size(struct rest line, uint64_t *size)
{
	enum { DIGITS_MAX = 18 };	/* git-lfs has 63 bits for it */

	if (!skip(&line, "size ") || !line.len || line.len > DIGITS_MAX)
		return false;
	*size = 0;
	for (size_t i = 0; i < line.len; i++) {
		if (!is_digit(line.text[i]))
			return false;
		*size = *size * 10 + (uint64_t)(line.text[i] - '0');
	}
	return true;
}

bool pointer_parse(struct pointer *pointer, const char *text, size_t len)
{
	struct rest rest = { text, len }, line;
	int extension = -1;

	if (len < POINTER_MIN || len > POINTER_MAX)
		return false;
	trim(&rest);
	if (!next_line(&rest, &line) || !is_version(line))
		return false;
	do
		if (!next_line(&rest, &line))
			return false;
	while (is_extension(line, &extension));
	if (!skip(&line, "oid ") || !take_hash(&line, pointer->oid))
		return false;
	return next_line(&rest, &line) && take_size(line, &pointer->size) &&
	       !rest.len;
}
