/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/credtext.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"

static int add(struct credtext *text, char *key, char *value, struct err *err)
{
	if (text->nlines == CREDTEXT_LINES_MAX) {
		free(key);
		free(value);
		return err_set(err, ERR_PROTOCOL,
			       "a credential has over %d lines",
			       CREDTEXT_LINES_MAX);
	}
	text->lines = xreallocarray(text->lines, text->nlines + 1,
				    sizeof(*text->lines));
	text->lines[text->nlines++] = (struct credtext_line){ key, value };
	return 0;
}

int credtext_add(struct credtext *text, const char *key, const char *value,
		 struct err *err)
{
	if (strpbrk(value, text->takes_cr ? "\n" : "\r\n"))
		return err_set(err, ERR_USAGE,
			       "the %s for a credential has a line break", key);
	return add(text, xstrdup(key), xstrdup(value), err);
}

int credtext_add_all(struct credtext *text, const struct credtext *lines,
		     struct err *err)
{
	text->takes_cr |= lines->takes_cr;
	for (size_t i = 0; i < lines->nlines; i++)
		if (credtext_add(text, lines->lines[i].key,
				 lines->lines[i].value, err))
			return -1;
	return 0;
}

static int parse_line(struct credtext *text, const char *line, size_t len,
		      struct err *err)
{
	const char *eq = memchr(line, '=', len);
	size_t key_len;

	if (len && line[len - 1] == '\r')
		len--;
	if (!eq)
		return 0;
	key_len = (size_t)(eq - line);
	if (key_len + 1 >= len)
		return 0;
	return add(text, xstrndup(line, key_len),
		   xstrndup(eq + 1, len - key_len - 1), err);
}

int credtext_parse(struct credtext *text, const char *data, size_t len,
		   struct err *err)
{
	const char *end = data + len;

	if (len && memchr(data, '\0', len))
		return err_set(err, ERR_PROTOCOL,
			       "a credential helper's answer has a NUL");
	while (data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));

		if (!stop)
			stop = end;
		if (parse_line(text, data, (size_t)(stop - data), err))
			return -1;
		data = stop + 1;
	}
	return 0;
}

int credtext_format(const struct credtext *text, struct buf *out)
{
	for (size_t i = 0; i < text->nlines; i++)
		if (buf_printf(out, "%s=%s\n", text->lines[i].key,
			       text->lines[i].value))
			return -1;
	return 0;
}

const char *credtext_get(const struct credtext *text, const char *key)
{
	for (size_t i = 0; i < text->nlines; i++)
		if (!strcmp(text->lines[i].key, key))
			return text->lines[i].value;
	return NULL;
}

static char *basic(const char *username, const char *password)
{
	char *pair = xstrfmt("%s:%s", username ? username : "",
			     password ? password : "");
	size_t len = strlen(pair);
	struct buf out = BUF_INIT(2 * len + 16);

	buf_puts(&out, "Basic ");
	text_base64(&out, pair, len);
	free(pair);
	return buf_take(&out);
}

char *credtext_url(const struct credtext *text)
{
	const char *path = credtext_get(text, "path");

	return xstrfmt("%s://%s/%s", credtext_get(text, "protocol"),
		       credtext_get(text, "host"), path ? path : "");
}

char *credtext_authorization(const struct credtext *text)
{
	const char *authtype = credtext_get(text, "authtype");
	const char *credential = credtext_get(text, "credential");
	const char *username = credtext_get(text, "username");
	const char *password = credtext_get(text, "password");

	if (authtype && credential)
		return xstrfmt("%s %s", authtype, credential);
	if (!username && !password)
		return NULL;
	return basic(username, password);
}

void credtext_release(struct credtext *text)
{
	for (size_t i = 0; i < text->nlines; i++) {
		free(text->lines[i].key);
		free(text->lines[i].value);
	}
	free(text->lines);
	*text = (struct credtext)CREDTEXT_INIT;
}
