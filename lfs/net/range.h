/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_RANGE_H
#define LFS_NET_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * Ranges (RFC 9110, 14): the Content-Range header, If-Range, and which bytes of
 * an object an answer carries.
 */

enum { RANGE_VALIDATOR_MAX = 1024 };

struct range {
	uint64_t first;	/* byte positions, both inclusive */
	uint64_t last;
	uint64_t total;	/* of the whole; only if has_total */
	bool has_total;	/* "*": the server does not say */
};

/*
 * Parse "bytes FIRST-LAST/TOTAL".  -1 if it is anything else; NULL is.  The
 * total may be less than what it is the total of: servers err.
 */
int range_parse(const char *value, struct range *range);

/*
 * May the value of an ETag header be sent as If-Range (13.1.5): a strong
 * entity tag of at most RANGE_VALIDATOR_MAX bytes?  NULL is not one.
 */
bool range_is_validator(const char *etag);

/*
 * Is this the status of a server, or of what stands before it, that wants no
 * range?  Any refusal may be, unless it says another thing or ranges were
 * heeded before.
 */
bool range_is_refused(int status, bool were_heeded);

/* What an answer says of its body; borrowed, NULL: no such header. */
struct range_head {
	int status;
	const char *range;	/* Content-Range */
	const char *length;	/* Content-Length */
	const char *encoding;	/* Content-Encoding */
};

/*
 * Were the body's `size` bytes compressed on their way?  Objects that are stored
 * with a Content-Encoding are as they should be: their sizes fit.
 */
bool range_is_encoded(const struct range_head *head, uint64_t size);

/*
 * Each check gives 0, or -1 with ERR_PROTOCOL: the body has `size` bytes, if it
 * says how many, and they are not compressed; it is a range of a whole of `size`
 * bytes, if that can be read (Gitea and Forgejo say how many are left, go-gitea
 * issue 35276); it is the range from `from`, up to wherever (lfs-test-server and
 * what came of it do not heed the end): then `*size` becomes that of the range.
 */
int range_check_whole(const struct range_head *head, uint64_t size,
		      struct err *err);
int range_check_total(const struct range_head *head, uint64_t size,
		      struct err *err);
int range_check(const struct range_head *head, uint64_t from, uint64_t *size,
		struct err *err);

#endif
