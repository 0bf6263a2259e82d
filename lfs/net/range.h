/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_RANGE_H
#define LFS_NET_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Ranges (RFC 9110, 14): the Content-Range header, and If-Range. */

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

#endif
