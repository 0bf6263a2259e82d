/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/pointer.h"

#include <inttypes.h>
#include <string.h>

#include "lfs/base/file.h"

#include "lfs/base/mem.h"

/* The text that is left. */
struct rest {
	const char *text;
	size_t len;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_word(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The bytes of the Unicode space that begins the text, or 0. */
static size_t blank_at(const char *text, size_t len)
{
	static const char *const blanks[] = {
		" ",
		"\t",
		"\n",
		"\v",
		"\f",
		"\r",
		"\xc2\x85",
		"\xc2\xa0",
		"\xe1\x9a\x80",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\x9f",
		"\xe3\x80\x80",
	};

	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
		size_t n = strlen(blanks[i]);

		if (n <= len && !memcmp(text, blanks[i], n))
			return n;
	}
	/* U+2000 to U+200A. */
	if (len >= 3 && !memcmp(text, "\xe2\x80", 2) &&
	    (unsigned char)text[2] >= 0x80 && (unsigned char)text[2] <= 0x8a)
		return 3;
	return 0;
}

/* The bytes of the Unicode space that ends the text, or 0. */
static size_t blank_before(const char *text, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++)
		if (blank_at(text + len - n, n) == n)
			return n;
	return 0;
}

static void trim_blanks(struct rest *rest)
{
	size_t n;

	while ((n = blank_before(rest->text, rest->len)))
		rest->len -= n;
	while ((n = blank_at(rest->text, rest->len))) {
		rest->text += n;
		rest->len -= n;
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
static bool skip_prefix(struct rest *line, const char *prefix)
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

	if (!skip_prefix(&line, "version "))
		return false;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		if (line.len == strlen(urls[i]) &&
		    !memcmp(line.text, urls[i], line.len))
			return true;
	return false;
}

/* Is it "ext-N-NAME ...", a line of an extension of git-lfs? */
static bool is_extension(struct rest line)
{
	return skip_prefix(&line, "ext-") && line.len >= 3 &&
	       is_digit(*line.text) && line.text[1] == '-' &&
	       is_word(line.text[2]);
}

/* Take the next line that is neither empty nor an extension's. */
static bool next_key(struct rest *rest, struct rest *line)
{
	do
		if (!next_line(rest, line))
			return false;
	while (!line->len || is_extension(*line));
	return true;
}

static bool take_oid(struct rest line, char *oid)
{
	if (!skip_prefix(&line, "oid sha256:") || line.len != POINTER_OID)
		return false;
	for (size_t i = 0; i < POINTER_OID; i++)
		if (!is_hex(line.text[i]))
			return false;
	memcpy(oid, line.text, POINTER_OID);
	oid[POINTER_OID] = '\0';
	return true;
}

/* A number with 63 bits, in any number of digits, and a sign before it. */
static bool take_size(struct rest line, uint64_t *size)
{
	uint64_t max = INT64_MAX;

	if (!skip_prefix(&line, "size "))
		return false;
	if (skip_prefix(&line, "-"))
		max = 0;
	else
		skip_prefix(&line, "+");
	*size = 0;
	for (size_t i = 0; i < line.len; i++) {
		uint64_t digit = (uint64_t)(line.text[i] - '0');

		if (!is_digit(line.text[i]) || digit > max ||
		    *size > (max - digit) / 10)
			return false;
		*size = *size * 10 + digit;
	}
	return line.len > 0;
}

bool pointer_parse(struct pointer *pointer, const char *text, size_t len)
{
	struct rest rest = { text, len }, line;

	if (len < POINTER_MIN || len > POINTER_MAX)
		return false;
	trim_blanks(&rest);
	return next_key(&rest, &line) && is_version(line) &&
	       next_key(&rest, &line) && take_oid(line, pointer->oid) &&
	       next_key(&rest, &line) && take_size(line, &pointer->size) &&
	       !rest.len;
}

char *pointer_format(const char *oid, uint64_t size)
{
	return xstrfmt("version https://git-lfs.github.com/spec/v1\n"
		       "oid sha256:%s\nsize %" PRIu64 "\n",
		       oid, size);
}

bool pointer_is_in(int fd, const struct stat *st, const struct pointer *wanted)
{
	struct err ignored = ERR_INIT;
	struct pointer pointer;
	char text[POINTER_MAX];

	return S_ISREG(st->st_mode) && st->st_size >= POINTER_MIN &&
	       st->st_size <= POINTER_MAX &&
	       !file_read_at(fd, text, (size_t)st->st_size, 0, &ignored) &&
	       pointer_parse(&pointer, text, (size_t)st->st_size) &&
	       !strcmp(pointer.oid, wanted->oid) &&
	       pointer.size == wanted->size;
}
