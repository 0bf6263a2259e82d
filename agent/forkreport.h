/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORKREPORT_H
#define AGENT_FORKREPORT_H

#include <stdbool.h>

#include "agent/forkpush.h"
#include "lfs/carry/fork.h"

/* What has become of a fork, on stdout: for people, and as JSON. */

struct forkreport {
	const struct fork *fork;	/* NULL: it could not be begun */
	const struct err *error;	/* why it ended early; ERR_NONE: it did not */
	bool has_found;	/* the objects are known */
	bool is_dry;	/* nothing was moved: what would be */
	bool is_pushed;
	const struct forkpush *push;	/* what of it was left, if anything */
};

void forkreport_print(const struct forkreport *report);

/* The caller's. */
json_t *forkreport_json(const struct forkreport *report);

#endif
