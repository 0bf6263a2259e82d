/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/move.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "agent/message.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/git/treepath.h"
#include "lfs/mode/mode.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"
#include "lfs/transfer/attempts.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/transfer.h"

enum {
	STEP_MS = 25,	/* between two looks at stdin */
	NAMING_MS = 3000,	/* that git may take for files in messages */
	/* More than a server leaves in its buffers if it takes nothing. */
	TAKEN_BYTES = 8 << 20
};

/* One object on its way. */
struct move {
	struct mover *mover;
	const struct message *message;
	struct batch_object object;	/* standalone: what the server says */
	bool was_asked;
	struct progress progress;
	bool has_begun;		/* git-lfs was told */
	uint64_t begun_at;	/* bytes that were there when it was tried */
	uint64_t begun_ms;	/* and when that was */
	struct transfer *transfer;	/* owned; NULL: nothing was to move */
	struct resume resume;	/* owned; its plan may borrow from it */
	struct attempts attempts;
};

/*
 * git-lfs gives objects to its first agent alone until that has shown some
 * progress: it does so as soon as nothing is left to ask a person for, or to
 * tell the other agents about logins, and in any case before an error.
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
	batch_object_release(&move->object);
	move->object = (struct batch_object){ .oid = move->message->oid,
					      .size = move->message->size };
	if (mover_ask(move->mover, &move->object, anew, err))
		return -1;
	if (server_may_want_login(move->mover->server, &move->object))
		return 0;
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
	const struct settings *settings = &move->mover->context->settings;

	*request = (struct plan_request){
		.direction = move->mover->is_upload ? UPLOAD : DOWNLOAD,
		.oid = message->oid,
		.size = message->size,
		.action = find_action(move),
		.href = move->object.href,
		.headers = message->action ? NULL : &move->object.headers,
		.part_size = engine_part_size(move->mover->engine,
					      message->size),
		.answer_ms = settings->answer_ms,
		.finish_ms = settings->finish_ms,
	};
	return mode_plan(request, err);
}

/* Has the server taken the request, so far as that can be told by the bytes? */
static bool is_taken(const struct move *move, uint64_t moved)
{
	uint64_t least = move->mover->is_upload ? TAKEN_BYTES : 1;

	return moved >= move->begun_at + least;
}

static int report(struct move *move, uint64_t moved, bool at_once)
{
	struct progress_event event;
	struct err err = ERR_INIT;

	if (!move->has_begun && !at_once && !is_taken(move, moved))
		return 0;
	while (progress_next(&move->progress, moved, clock_ms(), at_once,
			     &event)) {
		move->has_begun = true;
		if (message_progress(move->message->oid, event.so_far,
				     event.since, &err))
			return -1;
	}
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
	move->begun_at = transfer_moved(move->transfer);
	move->begun_ms = clock_ms();
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
			 transfer_moved(move->transfer) - move->begun_at,
			 clock_ms() - move->begun_ms);
	return report_all(move, err);
}

/* Run `fresh`, which is owned, or the earlier plan that takes its place. */
static int run(struct move *move, struct plan *fresh,
	       const struct plan_request *request, struct err *err)
{
	struct transfer_options options = {
		.path = move->message->path,
		.resume = &move->resume,
		.asks_again = !move->message->action,
	};

	resume_release(&move->resume);
	options.plan = resume_choose(&move->resume, move->mover->context,
				     &(struct resume_request){
					     .plan = *request,
					     .fresh = fresh,
					     .path = move->message->path,
					     .may_be_repeated =
						     move->message->action !=
						     NULL,
				     });
	if (!options.plan) {
		log_info("%.12s was completed just now", move->message->oid);
		return report_all(move, err);
	}
	move->transfer = transfer_new(move->mover->engine, &options, err);
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

/* Sleep; false if we are to stop. */
static bool pause_for(const struct move *move, unsigned ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	uint64_t until = clock_ms() + ms;

	while (clock_ms() < until) {
		if (!input_look(move->mover->input, 0))
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}

/* What has failed, in that way: what is next? */
static enum attempts_next judge(struct move *move, struct attempts *attempts,
				const struct fate *fate, struct err *err)
{
	const struct engine *engine = move->mover->engine;
	const struct attempts_facts facts = {
		.oid = move->message->oid,
		.fate = *fate,
		.policy = engine_retry_policy(engine),
		.at = { .random = clock_random(),
			.now_ms = clock_ms(),
			.begun_ms = move->begun_ms,
			.moved_ms = atomic_load(
				&pool_shared(engine_pool(engine))->moved_ms) },
		.is_kept = move->mover->is_kept,
		.can_ask = !move->message->action,
	};

	return attempts_next(attempts, &facts, err);
}

/* The transfer has failed: do what comes before the next try, if any. */
static enum attempts_next prepare(struct move *move, struct err *err)
{
	struct attempts *attempts = &move->attempts;
	const struct fate fate = transfer_fate(move->transfer);
	enum attempts_next next = judge(move, attempts, &fate, err);

	if (next == ATTEMPTS_LOG_IN &&
	    !attempts_logged_in(attempts, server_log_in(move->mover->server,
							&move->object, err)))
		return ATTEMPTS_FAIL;
	if (next == ATTEMPTS_RENEW || next == ATTEMPTS_LOG_IN)
		transfer_forget(move->transfer);
	if (pause_for(move, attempts->pause_ms))
		return next;
	err_clear(err);
	err_set(err, ERR_CANCELED, "stopped");
	return ATTEMPTS_FAIL;
}

/* The upload is over; so is its verification, perhaps with a new link. */
static int verify(struct move *move, struct err *err)
{
	/* All of it is at the server. */
	const struct fate fate = { .at_finish = true, .keeps_parts = true };
	struct attempts attempts = ATTEMPTS_INIT;
	struct mover *mover = move->mover;

	/* git-lfs asks for none, either, where there was nothing to send. */
	if (!move->object.actions || !mover->is_upload || !move->transfer)
		return 0;
	while (server_verify(mover->server, &move->object, err)) {
		enum attempts_next next = judge(move, &attempts, &fate, err);

		/* The server was offered all logins that there are. */
		if (next != ATTEMPTS_RENEW &&
		    (next != ATTEMPTS_LOG_IN ||
		     !attempts_logged_in(&attempts, 0)))
			return -1;
		err_clear(err);
		if (ask(move, err))
			return -1;
	}
	return 0;
}

/*
 * Standalone: the answer was lost or did not tell; is the object at the server
 * all the same?
 */
static bool is_there(struct move *move)
{
	struct err ignored = ERR_INIT;

	do
		if (!pause_for(move, move->attempts.pause_ms) ||
		    ask(move, &ignored))
			return false;
		else if (!find_action(move))
			return true;
	while (attempts_ask_again(&move->attempts));
	return false;
}

static void explain_expiry(const struct move *move, struct err *err)
{
	const char *outlook = "";

	if (move->transfer)
		outlook = transfer_outlook(move->transfer);
	if (*outlook)
		err_append(err,
			   "; %s: it needs links that live longer, or a "
			   "faster line",
			   outlook);
	else
		err_append(err, "; the links have expired, run the command "
				"again");
}

/* Try until it is where it belongs, or has failed for good. */
static int try_all(struct move *move, struct err *err)
{
	enum attempts_next next = ATTEMPTS_FAIL;
	int ret = try_once(move, err);

	while (ret && move->transfer) {
		next = prepare(move, err);
		if (next == ATTEMPTS_FAIL || next == ATTEMPTS_ASK)
			break;
		err_clear(err);
		ret = try_again(move, err);
	}
	if (!ret || next != ATTEMPTS_ASK || !is_there(move))
		return ret;
	log_info("%s; but the server has the object", err->msg);
	err_clear(err);
	return report_all(move, err);
}

static int carry_out(struct move *move, struct err *err)
{
	int ret;

	if (mover_need_engine(move->mover, err))
		return -1;
	ret = try_all(move, err);
	if (move->mover->server)
		server_settle(move->mover->server, &move->object, err);
	if (err->kind == ERR_EXPIRED)
		explain_expiry(move, err);
	else if (err->unmet_ms && move->transfer)
		err_append(err, "; the LFS server's link leads there: is that "
				"the address that it should give out?");
	else if (err_is_transient(err) && move->transfer &&
		 transfer_fate(move->transfer).is_resumed)
		err_append(err,
			   "; this resumed an earlier upload: if it cannot "
			   "be resumed, git lfs-multipart prune forgets "
			   "it");
	return ret ? ret : verify(move, err);
}

static bool is_stopped(void *ctx)
{
	return !input_look(ctx, 0);
}

/* Say which file it is, if git knows soon. */
static void name_file(struct mover *mover, const struct message *message,
		      struct err *why)
{
	uint64_t begun_ms = clock_ms();
	char *path;

	if (mover->named_ms >= NAMING_MS)
		return;
	path = treepath_find(&(struct treepath_search){
		.oid = message->oid,
		.size = message->size,
		.most_ms = NAMING_MS - (unsigned)mover->named_ms,
		.stop = stop_when(is_stopped, mover->input),
	});
	if (path)
		err_wrap(why, "'%.200s'", path);
	free(path);
	mover->named_ms += clock_ms() - begun_ms;
}

static int answer(struct move *move, struct err *why)
{
	const struct message *message = move->message;
	struct err err = ERR_INIT, again = ERR_INIT;
	const char *path;

	if (why->kind) {
		name_file(move->mover, message, why);
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
	struct move move = { .mover = mover,
			     .message = message,
			     .attempts = ATTEMPTS_INIT };
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
	resume_release(&move.resume);
	batch_object_release(&move.object);
	return ret;
}
