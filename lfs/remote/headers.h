/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_REMOTE_HEADERS_H
#define LFS_REMOTE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/net/http.h"
#include "lfs/remote/gitconfig.h"

/*
 * The headers that a request to the LFS server carries besides its media type:
 * those of `http.<url>.extraHeader`, what ssh gave us, and Authorization.
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

/*
 * Add the values of `http.<url>.extraHeader` that match `url` best.  As with
 * git an empty value forgets those before it, and as with git-lfs a value
 * without a colon is passed over.
 */
int headers_add_config(struct headers *headers, const struct gitconfig *config,
		       const char *url, struct err *err);

/* Are those of `http.<url>.extraHeader`, and not the ones for any URL? */
bool headers_are_for_url(const struct gitconfig *config, const char *url);

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

#endif
