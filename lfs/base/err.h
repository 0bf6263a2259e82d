/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_ERR_H
#define LFS_BASE_ERR_H

#include <stdbool.h>

/*
 * The one error type.  A function that can fail takes a `struct err *` as its
 * last parameter and returns 0, or -1 with the struct filled.  No module below
 * agent/ prints an error, and none exits but mem.h; the caller that can act on
 * the error decides.
 *
 * The first error wins: setting a second one is ignored, so cleanup code may
 * fail freely without hiding the cause.
 */

enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE,	/* the command line or the git config is wrong */
	ERR_PROTOCOL,	/* the peer sent something it must not send */
	ERR_AUTH,	/* 401, or no credential was found */
	ERR_REFUSED,	/* the server understood and said no */
	ERR_BUSY,	/* the server asked us to come back later */
	ERR_NETWORK,	/* the peer answered incompletely, or hung up */
	ERR_OFFLINE,	/* no answer at all: no name, no route, silence */
	ERR_LOCAL,	/* a system call on this machine failed */
	ERR_EXPIRED,	/* the link has expired: renew it and resume */
	ERR_CORRUPT,	/* the bytes do not hash to the object's oid */
	ERR_CANCELED	/* we were told to stop */
};

struct err {
	enum err_kind kind;
	int code;	/* the HTTP status or the errno, 0 if neither */
	int wait_ms;	/* the pause the server asked for, or 0 */
	bool is_strange;	/* a web page or not HTTP: perhaps an intermediary's */
	unsigned unmet_ms;	/* tried for so long, its host never answered; 0: it has */
	char msg[512];	/* one printable line, lower case, no full stop */
};

#define ERR_INIT { .kind = ERR_NONE }

/* Set the error and return -1, so that callers can `return err_set(...)`. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Set the error of a failed system call: ERR_LOCAL, with strerror() appended. */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "context: " in front of the message of an error already set. */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Put more text, such as advice, after the message of an error already set.
 * The message is cut to make room for it.
 */
int err_append(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * True if the same request may succeed later: ERR_BUSY, ERR_NETWORK and
 * ERR_OFFLINE.
 */
bool err_is_transient(const struct err *err);

/* Forget the error, before another try. */
void err_clear(struct err *err);

#endif
