/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_HEADERS_H
#define LFS_NET_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/net/http.h"

/*
 * Headers to send that somebody else chose: a server for its action, ssh, the
 * user's configuration, a credential.
 */

enum { HEADERS_MAX = 64 };

struct headers {
	struct http_header *list;	/* owned, with its strings */
	size_t n;
};

#define HEADERS_INIT { .list = NULL }

/*
 * Add a copy.  ERR_PROTOCOL if HTTP would not allow the name or the value, or
 * if there are HEADERS_MAX already; the message does not quote the value.
 */
int headers_add(struct headers *headers, const char *name, const char *value,
		struct err *err);

/* Add copies of those of `others` whose names are not there yet. */
int headers_add_missing(struct headers *headers, const struct headers *others,
			struct err *err);

/* Add copies of all of `others`. */
int headers_add_all(struct headers *headers, const struct headers *others,
		    struct err *err);

/* The first value of a name in any letter case, or NULL; borrowed. */
const char *headers_get(const struct headers *headers, const char *name);

/* Empty again. */
void headers_release(struct headers *headers);

/* A token, not empty (RFC 9110, sections 5.1 and 5.6.2). */
bool field_is_name(const char *name);

/*
 * No control character but a tab (RFC 9110, section 5.5): a line break would
 * smuggle in another header.
 */
bool field_is_value(const char *value);

#endif
