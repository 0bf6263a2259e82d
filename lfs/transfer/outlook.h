/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_OUTLOOK_H
#define LFS_TRANSFER_OUTLOOK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Will an upload be over before its links expire?  If not, it begins again at
 * byte 0 with new ones, again and again: people should know that before hours
 * are lost.
 *
 * Pure: time comes in as an argument.
 */

enum {
	OUTLOOK_AFTER_MS = 10000,	/* the rate is known by then */
	OUTLOOK_MAX = 160
};

struct outlook {
	uint64_t size;	/* of the object, in bytes */
	uint64_t sent;	/* of them, in `ms` */
	uint64_t before;	/* bytes that an earlier run had sent */
	uint64_t ms;
	int64_t life_s;	/* how long the links live, from the start on */
};

/*
 * False if the links live long enough or it is too early to say.  Else `text`
 * says it with numbers.
 */
bool outlook_is_bad(const struct outlook *outlook, char text[OUTLOOK_MAX]);

#endif
