/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/move.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/mode/mode.h"
#include "lfs/net/status.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/progress.h"
#include "lfs/transfer/saved.h"
#include "lfs/transfer/server.h"
#include "lfs/transfer/transfer.h"

enum {
	STEP_MS = 25,	/* between two looks at stdin */
	RENEWALS_MAX = 8,	/* of one object's links, in vain */
	RESENDS_MAX = 2	/* the same, where all has to be sent again */
};

/* One object on its way. */
struct move {
	struct mover *mover;
	const struct message *message;
	struct batch_object object;	/* standalone: what the server says */
	bool was_asked;
	struct progress progress;
	bool has_begun;		/* git-lfs was told */
	struct transfer *transfer;	/* owned; NULL: nothing was to move */
	json_t *saved_action;	/* owned; what its plan borrows from, or NULL */
	bool was_saved;		/* its plan is that of an earlier run */
	bool is_last_try;	/* to complete it, as it is */
	bool began_anew;	/* in place of such a plan */
	unsigned renewals;	/* since then: */
	uint64_t moved;		/* what had come when it was renewed */
};

/*
 * git-lfs gives objects to its first agent alone until that has shown some
 * progress: it does so as soon as nothing is left to ask a person for, and in
 * any case before an error.
 */
static int begin(struct move *move)
{
	struct err err = ERR_INIT;

	if (move->has_begun)
		return 0;
	move->has_begun = true;
	return message_progress(move->message->oid, 1, 0, &err);
}

/* Standalone: ask the server what to do, again if its links ran out. */
static int ask(struct move *move, struct err *err)
{
	bool anew = move->was_asked;

	move->was_asked = true;
	json_decref(move->object.actions);
	move->object = (struct batch_object){ .oid = move->message->oid,
					      .size = move->message->size };
	if (mover_ask(move->mover, &move->object, anew, err))
		return -1;
	return begin(move) ? err_set(err, ERR_CANCELED, "git-lfs is gone") : 0;
}

/* What the plan is made of; NULL if nothing is to be done. */
static const json_t *find_action(const struct move *move)
{
	if (move->message->action)
		return move->message->action;
	return mode_action(move->object.actions,
			   move->mover->is_upload ? UPLOAD : DOWNLOAD);
}

static struct plan *make_plan(const struct move *move,
			      struct plan_request *request, struct err *err)
{
	const struct message *message = move->message;
	struct engine *engine = move->mover->engine;
	const struct settings *settings = &engine->settings;

	*request = (struct plan_request){
		.direction = move->mover->is_upload ? UPLOAD : DOWNLOAD,
		.oid = message->oid,
		.size = message->size,
		.action = find_action(move),
		.part_size = engine_part_size(engine, message->size),
		.answer_ms = settings->answer_ms,
		.finish_ms = settings->finish_ms,
	};
	return mode_plan(request, err);
}

static int report(struct move *move, uint64_t moved, bool at_once)
{
	struct progress_event event;
	struct err err = ERR_INIT;

	while (progress_next(&move->progress, moved, clock_ms(), at_once,
			     &event))
		if (message_progress(move->message->oid, event.so_far,
				     event.since, &err))
			return -1;
	return 0;
}

/* All of it is where it belongs; ERR_CANCELED if nobody wants to know. */
static int report_all(struct move *move, struct err *err)
{
	if (!report(move, move->message->size, true))
		return 0;
	return err_set(err, ERR_CANCELED, "git-lfs is gone");
}

static void stop(struct move *move)
{
	uint64_t until = clock_ms() + MOVER_STOP_MS;

	transfer_cancel(move->transfer);
	do
		move->mover->left_behind = transfer_step(move->transfer, 10);
	while (move->mover->left_behind && clock_ms() < until);
}

/* Drive the transfer to its end; ERR_CANCELED if we are to stop instead. */
static int follow(struct move *move, struct err *err)
{
	uint64_t begun_at = transfer_moved(move->transfer);
	uint64_t begun_ms = clock_ms();

	while (transfer_step(move->transfer, STEP_MS)) {
		uint64_t moved = transfer_moved(move->transfer);

		if (input_look(move->mover->input, 0) &&
		    !report(move, moved, false))
			continue;
		stop(move);
		return err_set(err, ERR_CANCELED, "stopped");
	}
	if (transfer_result(move->transfer, err))
		return -1;
	engine_note_rate(move->mover->engine,
			 transfer_moved(move->transfer) - begun_at,
			 clock_ms() - begun_ms);
	return report_all(move, err);
}

/* Look for an earlier run's upload of the same object to the same place. */
static void look_for_saved(const struct move *move, const struct plan *fresh,
			   const struct plan_request *request,
			   struct saved *saved)
{
	struct engine *engine = move->mover->engine;
	struct err ignored = ERR_INIT;
	const struct endpoint *endpoint;

	if (!saved_is_for(fresh))
		return;
	endpoint = engine_endpoint(engine, &ignored);
	saved_open(saved, &engine->storage,
		   &(struct saved_request){
			   .plan = *request,
			   .fresh = fresh,
			   .endpoint = endpoint ? endpoint->url : "",
			   .path = move->message->path,
			   .may_be_repeated = move->message->action != NULL,
		   });
}

/* Run `fresh`, which is owned, or the earlier plan that takes its place. */
static int run(struct move *move, struct plan *fresh,
	       const struct plan_request *request, struct err *err)
{
	struct saved saved = { .plan = NULL };
	struct transfer_options options = { .plan = fresh,
					    .path = move->message->path,
					    .saved = &saved };

	look_for_saved(move, fresh, request, &saved);
	move->was_saved = saved.plan != NULL;
	move->is_last_try = saved.is_last_try;
	if (saved.is_complete) {
		log_info("%.12s was completed just now", fresh->oid);
		plan_free(fresh);
		saved_release(&saved);
		return report_all(move, err);
	}
	if (saved.plan) {
		plan_free(fresh);
		options.plan = saved.plan;
		saved.plan = NULL;
	}
	move->transfer = transfer_new(move->mover->engine, &options, err);
	json_decref(move->saved_action);
	move->saved_action = saved.action;
	saved.action = NULL;
	saved_release(&saved);
	return move->transfer ? follow(move, err) : -1;
}

static int try_once(struct move *move, struct err *err)
{
	struct plan_request request;
	struct plan *fresh;

	if (!move->message->action && ask(move, err))
		return -1;
	/* An upload without an action: the server has the object. */
	if (!move->message->action && move->mover->is_upload &&
	    !find_action(move))
		return report_all(move, err);
	fresh = make_plan(move, &request, err);
	return fresh ? run(move, fresh, &request, err) : -1;
}

/* Another try at what has failed: a download keeps what has come. */
static int try_again(struct move *move, struct err *err)
{
	struct transfer *begun = move->transfer;
	struct plan_request request;
	struct plan *fresh;

	move->transfer = NULL;
	if (move->mover->is_upload) {
		transfer_free(begun);
		return try_once(move, err);
	}
	fresh = ask(move, err) ? NULL : make_plan(move, &request, err);
	if (!fresh) {
		transfer_free(begun);
		return -1;
	}
	move->transfer = begun;
	transfer_renew(begun, fresh);
	return follow(move, err);
}

/* Is this what a server says to an upload that it wants no more? */
static bool is_spent(const struct move *move, const struct err *err)
{
	if (err->kind == ERR_BUSY)
		return move->is_last_try;
	return err->kind == ERR_REFUSED || err->kind == ERR_PROTOCOL ||
	       status_is_stale(err);
}

/* In hours many links run out, and each has been of use. */
static void count_renewal(struct move *move)
{
	uint64_t moved = transfer_moved(move->transfer);

	if (transfer_keeps_parts(move->transfer) && moved > move->moved) {
		move->moved = moved;
		move->renewals = 0;
	}
	move->renewals++;
}

/* Have links been renewed in vain often enough? */
static bool is_in_vain(const struct move *move, const struct err *err,
		       bool logged_in)
{
	bool keeps_parts = transfer_keeps_parts(move->transfer);

	if (err->kind == ERR_EXPIRED)
		return move->renewals >
		       (keeps_parts ? RENEWALS_MAX : RESENDS_MAX);
	if (logged_in)
		return move->renewals > RENEWALS_MAX;
	/* If other links are refused, too, it is not for the links. */
	return move->renewals > 1 ||
	       (!keeps_parts && transfer_failed_to_finish(move->transfer));
}

/* Standalone: may the server be asked for other links? */
static bool can_renew(struct move *move, struct err *err)
{
	int logged_in = 0;

	if (!status_is_stale(err) || err->code == 404 || move->message->action)
		return false;
	if (err->kind == ERR_AUTH)
		logged_in = server_log_in(move->mover->server, &move->object,
					  err);
	if (logged_in < 0)
		return false;
	count_renewal(move);
	if (is_in_vain(move, err, logged_in))
		return false;
	/* An upload begins anew. */
	if (move->mover->is_upload)
		transfer_forget(move->transfer);
	return true;
}

/*
 * An earlier run's upload that is spent is begun anew, and in standalone mode
 * links that ran out are asked for again: what has arrived is in the journal,
 * or at the server.
 */
static bool can_go_on(struct move *move, struct err *err)
{
	if (!move->transfer)
		return false;
	/* Standalone, the server will tell. */
	if (transfer_may_be_done(move->transfer) && move->message->action &&
	    err->kind != ERR_BUSY)
		return false;
	if (move->was_saved && !move->began_anew && is_spent(move, err)) {
		move->began_anew = true;
		transfer_forget(move->transfer);
		return true;
	}
	/* What the server said some time ago need not hold. */
	if (!move->message->action && move->mover->is_kept &&
	    err->kind == ERR_REFUSED)
		return true;
	return can_renew(move, err);
}

/* Once more with a new link, if that ran out while the object was sent. */
static int verify(struct move *move, struct err *err)
{
	struct mover *mover = move->mover;
	int ret;

	if (!move->object.actions || !mover->is_upload)
		return 0;
	ret = server_verify(mover->server, &move->object, err);
	if (!ret || !status_is_stale(err) || err->code == 404)
		return ret;
	log_info("%s; asking for a new link", err->msg);
	err_clear(err);
	if (ask(move, err))
		return -1;
	return server_verify(mover->server, &move->object, err);
}

static int carry_out(struct move *move, struct err *err)
{
	int ret;

	if (mover_need_engine(move->mover, err))
		return -1;
	ret = try_once(move, err);
	while (ret && can_go_on(move, err)) {
		log_info("%s; going on with new links", err->msg);
		err_clear(err);
		ret = try_again(move, err);
	}
	if (move->mover->server)
		server_settle(move->mover->server, &move->object, err);
	if (err->kind == ERR_EXPIRED)
		err_wrap(err, "the links have run out, run the command again");
	return ret ? ret : verify(move, err);
}

static int answer(struct move *move, const struct err *why)
{
	const struct message *message = move->message;
	struct err err = ERR_INIT, again = ERR_INIT;
	const char *path;

	if (why->kind) {
		log_error("%.12s: %s", message->oid, why->msg);
		return message_failed(message->oid, why, &err);
	}
	if (move->mover->is_upload)
		return message_complete(message->oid, NULL, &err);
	path = transfer_hand_over(move->transfer, &err);
	/* Its path may be one that cannot be said. */
	if (path && !message_complete(message->oid, path, &err))
		return 0;
	transfer_take_back(move->transfer);
	return message_failed(message->oid, &err, &again);
}

int move_object(struct mover *mover, const struct message *message)
{
	struct move move = { .mover = mover, .message = message };
	struct err why = ERR_INIT;
	uint64_t begun_ms = clock_ms();
	int ret = -1;

	if (message->action && begin(&move))
		return -1;
	carry_out(&move, &why);
	if (!why.kind)
		log_info("%s of %.12s: %" PRIu64 " bytes in %" PRIu64 " ms",
			 mover->is_upload ? "upload" : "download", message->oid,
			 message->size, clock_ms() - begun_ms);
	if (why.kind != ERR_CANCELED && !begin(&move))
		ret = answer(&move, &why);
	if (mover->left_behind)
		return -1;
	transfer_free(move.transfer);
	json_decref(move.saved_action);
	json_decref(move.object.actions);
	return ret;
}
