/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_CEILING_H
#define LFS_NET_CEILING_H

#include <stdbool.h>

/*
 * How many requests at once a server seems to take.
 *
 * No server says so: it refuses those that are too many.  So the ceiling goes
 * down to what is left when it does, but not below one, and up by one when as
 * many as it have gone well: one that was only busy for a while is soon used in
 * full again, and one that is full is asked in vain now and then.
 *
 * Pure, and for one thread at a time.
 */

struct ceiling {
	unsigned most;	/* what we would use */
	unsigned now;
	unsigned went_well;	/* since it last changed */
};

void ceiling_init(struct ceiling *ceiling, unsigned most);

/* One was refused, and so many others are under way. */
void ceiling_lower(struct ceiling *ceiling, unsigned others);

/* One went well: true if there may be one more from now on. */
bool ceiling_raise(struct ceiling *ceiling);

#endif
