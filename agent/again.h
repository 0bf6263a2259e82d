/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_AGAIN_H
#define AGENT_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/net/retry.h"
#include "lfs/server/batch.h"

/*
 * Whether an object that failed is tried again with another plan.
 *
 * An earlier run's upload that is spent is begun anew.  In standalone mode
 * links that ran out are asked for again, and other failures may go away with
 * other links, too: what has arrived is in the journal, or at the server.
 */

struct mover;
struct transfer;

struct again {
	struct mover *mover;	/* borrowed */
	bool is_standalone;
	bool was_saved;	/* the plan at hand is that of an earlier run */
	bool is_last_try;	/* to complete it, as it is */
	bool began_anew;	/* in place of such a plan */
	unsigned renewals;	/* of links, since then: */
	uint64_t moved;	/* what had come when it was renewed */
	struct retry retry;	/* of tries that failed for the moment */
	struct err first;	/* how the first of them did, if of parts */
	uint64_t begun_ms;	/* the last of them */
	uint64_t kept;	/* what had come by then */
};

/*
 * `transfer` is over and has failed with `err`.  May it be tried again, after
 * the server was asked again in standalone mode?  Sleeps before it says yes, if
 * it has to; logs in anew where a login was refused; and has the transfer
 * forgotten if no run shall go on with it.  If not, `err` is the final word.
 */
bool again_may(struct again *again, struct transfer *transfer,
	       struct batch_object *object, struct err *err);

/* Sleep; false if we are to stop. */
bool again_pause(const struct again *again, unsigned ms);

#endif
