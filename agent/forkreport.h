/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORKREPORT_H
#define AGENT_FORKREPORT_H

#include <stdbool.h>

#include "agent/forkpush.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/carry/fork.h"

/* How the fork went, on stdout. */
struct forkreport {
	const struct fork *fork;	/* borrowed; NULL: it could not begin */
	const struct forkpush *push;	/* borrowed */
	struct err err;	/* why it ended early, if it did */
	bool has_found;	/* the objects are known */
	bool is_dry;	/* nothing was moved: what would be */
	bool is_pushed;
};

void forkreport_print(const struct forkreport *report);

/* The caller's. */
json_t *forkreport_json(const struct forkreport *report);

/* The name of a ref that is not pushed, for people, the caller's; or NULL. */
char *forkreport_left(const struct forkpush_ref *ref);

#endif
