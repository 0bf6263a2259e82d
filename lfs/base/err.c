/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * A message may quote a peer's text: whatever it holds, it stays one line and
 * cannot drive a terminal.
 */
static void make_one_line(char *msg)
{
	for (unsigned char *p = (unsigned char *)msg; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = ' ';
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
	make_one_line(err->msg);
	return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	char reason[128];
	size_t len;

	if (err->kind)
		return -1;
	err->kind = ERR_LOCAL;
	err->code = errnum;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (strerror_r(errnum, reason, sizeof(reason)))
		snprintf(reason, sizeof(reason), "error %d", errnum);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", reason);
	make_one_line(err->msg);
	return -1;
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
	make_one_line(err->msg);
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
