/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CREDTEXT_H
#define LFS_SERVER_CREDTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/buf.h"
#include "lfs/base/err.h"

/*
 * The lines that `git credential` reads and writes (git help git-credential):
 * `key=value`, one a line, `key[]=value` for one of several.  What a helper
 * says of a credential beyond what we know is kept, and goes back to it with
 * an approval.
 */

enum {
	CREDTEXT_MAX = 64 << 10,	/* bytes of all lines */
	CREDTEXT_LINES_MAX = 256
};

struct credtext_line {
	char *key;	/* owned, as is the other */
	char *value;
};

struct credtext {
	struct credtext_line *lines;	/* owned */
	size_t nlines;
	bool takes_cr;	/* credential.protectProtocol is false */
};

#define CREDTEXT_INIT { .lines = NULL }

/*
 * Add a line.  ERR_USAGE if the value would not stay on it: if it has a line
 * feed or, unless `takes_cr` is set, a carriage return.
 */
int credtext_add(struct credtext *text, const char *key, const char *value,
		 struct err *err);

/* Add all lines of another one, and take what that one takes. */
int credtext_add_all(struct credtext *text, const struct credtext *lines,
		     struct err *err);

/*
 * Add the lines of an answer.  Lines without `=` or without a value are passed
 * over, as by git-lfs.  ERR_PROTOCOL if it has a NUL or too many lines.
 */
int credtext_parse(struct credtext *text, const char *data, size_t len,
		   struct err *err);

/* Append all lines; -1 if `out` is full. */
int credtext_format(const struct credtext *text, struct buf *out);

/* The value of the first line with that key, or NULL; borrowed. */
const char *credtext_get(const struct credtext *text, const char *key);

/* The URL that the credential is for, without a user; the caller's. */
char *credtext_url(const struct credtext *text);

/*
 * The value of an Authorization header: `authtype` and `credential` if there
 * is one, else Basic with `username` and `password`.  The caller's; NULL
 * without an error if the lines hold no credential.
 */
char *credtext_authorization(const struct credtext *text);

void credtext_release(struct credtext *text);

#endif
