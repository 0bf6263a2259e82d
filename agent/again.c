/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/again.h"

#include <time.h>

#include "agent/input.h"
#include "agent/mover.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/net/pool.h"
#include "lfs/net/status.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/transfer.h"

enum {
	STEP_MS = 25,	/* between two looks at stdin */
	RENEWALS_MAX = 8,	/* of one object's links, in vain */
	RESENDS_MAX = 2,	/* the same, where all has to be sent again */
	ASKS_MAX = 1	/* after parts were tried as often as they may */
};

/* Is this what a server says to an upload that it wants no more? */
static bool is_spent(const struct again *again, const struct err *err)
{
	if (err->kind == ERR_BUSY)
		return again->is_last_try;
	return err->kind == ERR_REFUSED || err->kind == ERR_PROTOCOL ||
	       status_is_stale(err);
}

/* In hours many links run out, and each has been of use. */
static void count_renewal(struct again *again, const struct transfer *transfer)
{
	uint64_t moved = transfer_moved(transfer);

	if (transfer_keeps_parts(transfer) && moved > again->moved) {
		again->moved = moved;
		again->renewals = 0;
	}
	again->renewals++;
}

/* Have links been renewed in vain often enough? */
static bool is_in_vain(const struct again *again,
		       const struct transfer *transfer, const struct err *err,
		       bool logged_in)
{
	bool keeps_parts = transfer_keeps_parts(transfer);

	if (err->kind == ERR_EXPIRED)
		return again->renewals >
		       (keeps_parts ? RENEWALS_MAX : RESENDS_MAX);
	if (logged_in)
		return again->renewals > RENEWALS_MAX;
	/* If other links are refused, too, it is not for the links. */
	return again->renewals > 1 ||
	       (!keeps_parts && transfer_failed_to_finish(transfer));
}

/* May the server be asked for links in place of those that ran out? */
static bool can_renew(struct again *again, struct transfer *transfer,
		      struct batch_object *object, struct err *err)
{
	int logged_in = 0;

	if (!status_is_stale(err) || err->code == 404)
		return false;
	if (err->kind == ERR_AUTH)
		logged_in = server_log_in(again->mover->server, object, err);
	if (logged_in < 0)
		return false;
	count_renewal(again, transfer);
	if (is_in_vain(again, transfer, err, logged_in))
		return false;
	/* An upload begins anew. */
	if (again->mover->is_upload)
		transfer_forget(transfer);
	return true;
}

bool again_pause(const struct again *again, unsigned ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	uint64_t until = clock_ms() + ms;

	while (clock_ms() < until) {
		if (!input_look(again->mover->input, 0))
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}

/* Progress resets the tries of a download; a trickle is none. */
static void count_gain(struct again *again, const struct transfer *transfer)
{
	uint64_t moved = transfer_moved(transfer);
	bool has_gained = moved >= again->kept + OBJECT_GAIN;

	if (!again->mover->is_upload && has_gained)
		again->retry = (struct retry)RETRY_INIT;
	if (has_gained || moved < again->kept)
		again->kept = moved;
}

/* How often, if it may go better with other links? */
static unsigned count_retries(const struct again *again,
			      const struct transfer *transfer,
			      const struct err *err)
{
	if (transfer_was_tried_once(transfer))
		return again->mover->context->settings.retries;
	/* Nor does it lie with the links if something else answers. */
	if (transfer_failed_to_finish(transfer) || err->is_strange)
		return 0;
	return ASKS_MAX;
}

/*
 * What failed for the moment: another link may lead to a server that works, and
 * what was lost may have been no more than the answer.  git-lfs asks before
 * each try; so do we where that try is of the whole object.
 */
static bool can_retry(struct again *again, const struct transfer *transfer,
		      struct err *err)
{
	const struct engine *engine = again->mover->engine;
	struct retry_policy policy = engine_retry_policy(engine);
	const struct retry_facts facts = {
		.random = clock_random(),
		.now_ms = clock_ms(),
		.begun_ms = again->begun_ms,
		.moved_ms = atomic_load(
			&pool_shared(engine_pool(engine))->moved_ms),
	};
	unsigned pause_ms;

	policy.retries = count_retries(again, transfer, err);
	count_gain(again, transfer);
	/* Parts have other numbers where others are stored by now. */
	if (err_is_transient(err) && !again->first.kind &&
	    !transfer_was_tried_once(transfer))
		again->first = *err;
	if (retry_again(&again->retry, &policy, err, &facts, &pause_ms)) {
		log_info("%s; asking again in %u ms", err->msg, pause_ms);
		if (again_pause(again, pause_ms))
			return true;
		err_clear(err);
		err_set(err, ERR_CANCELED, "stopped");
		return false;
	}
	if (!err_is_transient(err) || !again->retry.pauses)
		return false;
	if (again->first.kind)
		*err = again->first;
	else
		err_wrap(err, "gave up after %u tries",
			 again->retry.pauses + 1);
	return false;
}

/* Standalone: the server can be asked. */
static bool can_ask(struct again *again, struct transfer *transfer,
		    struct batch_object *object, struct err *err)
{
	/* What it said some time ago need not hold. */
	if (again->mover->is_kept && err->kind == ERR_REFUSED)
		return true;
	return can_retry(again, transfer, err) ||
	       can_renew(again, transfer, object, err);
}

bool again_may(struct again *again, struct transfer *transfer,
	       struct batch_object *object, struct err *err)
{
	/* Nothing is sent again before somebody knows whether it is there. */
	if (transfer_may_be_done(transfer) &&
	    (err->kind == ERR_PROTOCOL ||
	     (!again->is_standalone && err->kind != ERR_BUSY)))
		return false;
	if (again->was_saved && !again->began_anew && is_spent(again, err)) {
		again->began_anew = true;
		transfer_forget(transfer);
		return true;
	}
	return again->is_standalone && can_ask(again, transfer, object, err);
}
