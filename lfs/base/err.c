/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lfs/base/text.h"

/* Replace `n` bytes of the message with "...", as far as it has room. */
static void hide_bytes(char *msg, size_t size, char *from, size_t n)
{
	static const char dots[] = "...";
	size_t room = size - 1 - (size_t)(from - msg), ndots = strlen(dots);
	size_t rest = strlen(from + n);

	if (ndots > room)
		ndots = room;
	if (rest > room - ndots)
		rest = room - ndots;
	memmove(from + ndots, from + n, rest);
	memcpy(from, dots, ndots);
	from[ndots + rest] = '\0';
}

/* Hide the user and the query of each URL: they may give access. */
static void hide_secrets(char *msg, size_t size)
{
	char *url = msg;

	while ((url = strstr(url, "://"))) {
		size_t len, host, query;

		url += strlen("://");
		len = strcspn(url, " '\"<>()");
		host = strcspn(url, "/?#");
		query = strcspn(url, "?");
		if (query < len)
			hide_bytes(msg, size, url + query + 1, len - query - 1);
		if (host > len)
			host = len;
		while (host && url[host - 1] != '@')
			host--;
		if (host > 1)
			hide_bytes(msg, size, url, host - 1);
	}
}

/*
 * A message may quote a peer's text: whatever it holds, it stays one line,
 * cannot drive a terminal, and tells no secret.  Secrets are hidden first, as a
 * control character that becomes a blank would end their URL; and once more, as
 * one that becomes a '?' may look like the beginning of a query.
 */
static void make_presentable(char *msg, size_t size)
{
	hide_secrets(msg, size);
	text_printable(msg);
	hide_secrets(msg, size);
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (err->kind)
		return -1;
	err->kind = kind;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	make_presentable(err->msg, sizeof(err->msg));
	return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	char msg[sizeof(err->msg)], reason[128];
	va_list ap;

	if (err->kind)
		return -1;
	err->code = errnum;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (strerror_r(errnum, reason, sizeof(reason)))
		snprintf(reason, sizeof(reason), "error %d", errnum);
	return err_set(err, ERR_LOCAL, "%s: %s", msg, reason);
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	va_list ap;
	char context[256], msg[sizeof(err->msg)];

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(msg, err->msg, sizeof(msg));
	snprintf(err->msg, sizeof(err->msg), "%s: %.*s", context,
		 (int)(sizeof(msg) - strlen(context) - 3), msg);
	make_presentable(err->msg, sizeof(err->msg));
	return -1;
}

int err_append(struct err *err, const char *fmt, ...)
{
	va_list ap;
	char more[256];
	size_t most, len = strlen(err->msg);

	va_start(ap, fmt);
	vsnprintf(more, sizeof(more), fmt, ap);
	va_end(ap);
	most = sizeof(err->msg) - 1 - strlen(more);
	if (len > most)
		len = most;
	snprintf(err->msg + len, sizeof(err->msg) - len, "%s", more);
	make_presentable(err->msg, sizeof(err->msg));
	return -1;
}

bool err_is_transient(const struct err *err)
{
	return err->kind == ERR_BUSY || err->kind == ERR_NETWORK ||
	       err->kind == ERR_OFFLINE;
}

void err_clear(struct err *err)
{
	*err = (struct err)ERR_INIT;
}
