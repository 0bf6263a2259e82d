/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/move.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/history.h"
#include "lfs/mode/mode.h"
#include "lfs/net/pool.h"
#include "lfs/server/batch.h"
#include "lfs/server/context.h"
#include "lfs/server/lookahead.h"
#include "lfs/server/server.h"
#include "lfs/transfer/attempts.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/transfer.h"

enum {
	STEP_MS = 25,	/* between two looks at stdin */
	STOP_MS = 500,	/* for workers to come back at the end */
	NAMING_MS = 3000,	/* that git may take for files in messages */
	/* More than a server leaves in its buffers if it takes nothing. */
	TAKEN_BYTES = 8 << 20
};

struct mover {
	struct input *input;	/* borrowed */
	char *remote;	/* owned, as all below; or NULL */
	enum direction direction;
	unsigned nagents;
	uint64_t began_ms;	/* by clock_ms() */
	struct context *context;
	struct engine *engine;
	struct server *server;	/* standalone only */
	struct lookahead *ahead;	/* standalone only */
	bool answer_is_cached;	/* from the look-ahead, may be stale */
	uint64_t named_ms;	/* that git took to name files for messages */
	bool left_behind;	/* a worker has a transfer: free nothing */
};

/* One object on its way. */
struct move {
	struct mover *mover;
	const struct message *message;
	struct batch_object object;	/* standalone: what the server says */
	bool was_asked;
	struct plan_request request;	/* of the latest plan */
	struct progress progress;
	bool has_begun;		/* git-lfs was told */
	uint64_t begun_at;	/* bytes that were there when it was tried */
	uint64_t begun_ms;	/* and when that was */
	struct transfer *transfer;	/* owned; NULL: nothing was to move */
	struct resume resume;	/* owned; the transfer borrows from it */
	struct attempts attempts;
};

static bool is_upload(const struct move *move)
{
	return move->mover->direction == UPLOAD;
}

static bool move_is_stopped(void *ctx)
{
	return !input_look(ctx, 0);
}

static int need_engine(struct mover *mover, struct err *err)
{
	const struct context_options options = {
		.remote = mover->remote,
		.direction = mover->direction,
	};

	if (!mover->context)
		mover->context = context_new(&options, err);
	if (mover->context && !mover->engine)
		mover->engine = engine_new(mover->context, mover->nagents, err);
	return mover->engine ? 0 : -1;
}

static int need_server(struct mover *mover, struct err *err)
{
	const struct server_options options = {
		.context = mover->context,
		.pool = engine_pool(mover->engine),
		.began_ms = mover->began_ms,
		.stop = { move_is_stopped, mover->input, mover->input->fd },
	};

	if (mover->server)
		return 0;
	mover->server = server_new(&options, err);
	if (!mover->server)
		return -1;
	mover->ahead = lookahead_new(&(struct lookahead_options){
		.context = mover->context,
		.server = mover->server,
		.stop = options.stop,
	});
	return 0;
}

/*
 * git-lfs gives objects to its first agent alone until that agent reports
 * progress: it reports some as soon as there is nothing left to ask a person
 * for or to tell the other agents about logins, and in any case before an
 * error.
 */
static int move_begin(struct move *move, struct err *err)
{
	struct err why = ERR_INIT;

	if (move->has_begun)
		return 0;
	move->has_begun = true;
	if (!message_progress(move->message->oid, 1, 0, &why))
		return 0;
	return err_set(err, ERR_CANCELED, "git-lfs is gone");
}

/* Standalone; with `anew`, an earlier answer does not count. */
static int ask_server(struct mover *mover, struct batch_object *object,
		      bool anew, struct err *err)
{
	if (need_server(mover, err))
		return -1;
	mover->answer_is_cached = false;
	if (anew)
		lookahead_forget(mover->ahead);
	if (anew || mover->direction == UPLOAD)
		return server_ask(mover->server, object, err);
	mover->answer_is_cached = lookahead_take(mover->ahead, object);
	return mover->answer_is_cached ?
		       0 :
		       lookahead_ask(mover->ahead, object, err);
}

/* Standalone: ask the server what to do, and anew if its links have expired. */
static int move_ask(struct move *move, struct err *err)
{
	bool anew = move->was_asked;

	move->was_asked = true;
	batch_object_release(&move->object);
	move->object = (struct batch_object){ .oid = move->message->oid,
					      .size = move->message->size };
	if (ask_server(move->mover, &move->object, anew, err))
		return -1;
	if (server_may_want_login(move->mover->server, &move->object))
		return 0;
	return move_begin(move, err);
}

/* The action to make a plan of; NULL if there is nothing to do. */
static json_t *find_action(const struct move *move)
{
	if (move->message->action)
		return move->message->action;
	return mode_action(move->object.actions, move->mover->direction);
}

static struct plan *make_plan(struct move *move, struct err *err)
{
	const struct message *message = move->message;
	const struct settings *settings = &move->mover->context->settings;

	move->request = (struct plan_request){
		.direction = move->mover->direction,
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
	return mode_plan(&move->request, err);
}

/* Do the bytes that have moved show that the server takes the request? */
static bool is_taken(const struct move *move, uint64_t moved)
{
	uint64_t least = is_upload(move) ? TAKEN_BYTES : 1;

	return moved >= move->begun_at + least;
}

/* Report progress if it is time; ERR_CANCELED if git-lfs is gone. */
static int report_progress(struct move *move, uint64_t moved, bool at_once,
			   struct err *err)
{
	struct progress_event event;
	struct err why = ERR_INIT;

	if (!move->has_begun && !at_once && !is_taken(move, moved))
		return 0;
	while (progress_next(&move->progress, moved, clock_ms(), at_once,
			     &event)) {
		move->has_begun = true;
		if (message_progress(move->message->oid, event.so_far,
				     event.since, &why))
			return err_set(err, ERR_CANCELED, "git-lfs is gone");
	}
	return 0;
}

/* The whole object is where it belongs. */
static int report_all(struct move *move, struct err *err)
{
	return report_progress(move, move->message->size, true, err);
}

static void stop_transfer(struct move *move)
{
	uint64_t until = clock_ms() + STOP_MS;

	transfer_cancel(move->transfer);
	do
		move->mover->left_behind = transfer_step(move->transfer, 10);
	while (move->mover->left_behind && clock_ms() < until);
}

/* Drive the transfer to its end; ERR_CANCELED if we are to stop instead. */
static int follow_transfer(struct move *move, struct err *err)
{
	move->begun_at = transfer_moved(move->transfer);
	move->begun_ms = clock_ms();
	while (transfer_step(move->transfer, STEP_MS)) {
		uint64_t moved = transfer_moved(move->transfer);

		if (input_look(move->mover->input, 0) &&
		    !report_progress(move, moved, false, err))
			continue;
		stop_transfer(move);
		return err_set(err, ERR_CANCELED, "stopped");
	}
	if (transfer_result(move->transfer, err))
		return -1;
	engine_note_rate(move->mover->engine,
			 transfer_moved(move->transfer) - move->begun_at,
			 clock_ms() - move->begun_ms);
	return report_all(move, err);
}

/* Carry out `fresh`, which is taken, or the earlier plan that takes its place. */
static int move_start(struct move *move, struct plan *fresh, struct err *err)
{
	struct transfer_options options = {
		.path = move->message->path,
		.resume = &move->resume,
		.asks_again = !move->message->action,
	};

	resume_release(&move->resume);
	options.plan = resume_choose(&move->resume, move->mover->context,
				     &(struct resume_request){
					     .plan = move->request,
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
	return move->transfer ? follow_transfer(move, err) : -1;
}

static void drop_transfer(struct move *move)
{
	transfer_free(move->transfer);
	move->transfer = NULL;
}

static int try_once(struct move *move, struct err *err)
{
	bool can_ask = !move->message->action;
	struct plan *fresh = NULL;

	if (is_upload(move))
		drop_transfer(move);
	if (!can_ask || !move_ask(move, err)) {
		/* An upload without an action: the server has the object. */
		if (is_upload(move) && !find_action(move))
			return report_all(move, err);
		fresh = make_plan(move, err);
	}
	if (!fresh) {
		drop_transfer(move);
		return -1;
	}
	if (!move->transfer)
		return move_start(move, fresh, err);
	/* A download that has failed keeps its bytes. */
	transfer_renew(move->transfer, fresh);
	return follow_transfer(move, err);
}

/* Sleep; false if we are to stop. */
static bool pause_for(const struct move *move, unsigned ms)
{
	uint64_t now, until = clock_ms() + ms;

	while ((now = clock_ms()) < until)
		if (!input_look(move->mover->input, (int)(until - now)))
			return false;
	return true;
}

/* Have `attempts` decide what follows this failure. */
static enum attempts_next move_decide(struct move *move,
				      struct attempts *attempts,
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
		.answer_is_cached = move->mover->answer_is_cached,
		.can_ask = !move->message->action,
	};

	return attempts_next(attempts, &facts, err);
}

/* The transfer has failed: prepare the next try, if there is to be one. */
static enum attempts_next prepare(struct move *move, struct err *err)
{
	struct attempts *attempts = &move->attempts;
	const struct fate fate = transfer_fate(move->transfer);
	enum attempts_next next = move_decide(move, attempts, &fate, err);

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

/*
 * Verify a finished upload.  If the verify link has expired meanwhile, get a
 * new one and try again.
 */
static int move_verify(struct move *move, struct err *err)
{
	/* All parts are at the server. */
	const struct fate fate = { .at_finish = true, .keeps_parts = true };
	struct attempts attempts = ATTEMPTS_INIT;
	struct mover *mover = move->mover;

	/* As git-lfs, verify only an object that was sent. */
	if (!move->object.actions || !is_upload(move) || !move->transfer)
		return 0;
	while (server_verify(mover->server, &move->object, err)) {
		enum attempts_next next = move_decide(move, &attempts, &fate,
						      err);

		/* server_verify() has offered all logins: there is no other. */
		if (next != ATTEMPTS_RENEW &&
		    (next != ATTEMPTS_LOG_IN ||
		     !attempts_logged_in(&attempts, 0)))
			return -1;
		err_clear(err);
		if (move_ask(move, err))
			return -1;
	}
	return 0;
}

/*
 * Standalone: the answer to the upload was lost or says nothing.  Ask the server
 * whether it has the object nevertheless.
 */
static bool is_there(struct move *move)
{
	struct err ignored = ERR_INIT;

	do
		if (!pause_for(move, move->attempts.pause_ms) ||
		    move_ask(move, &ignored))
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

/* Try until the object is where it belongs or has failed for good. */
static int try_all(struct move *move, struct err *err)
{
	enum attempts_next next = ATTEMPTS_FAIL;
	int ret = try_once(move, err);

	while (ret && move->transfer) {
		next = prepare(move, err);
		if (next == ATTEMPTS_FAIL || next == ATTEMPTS_ASK)
			break;
		err_clear(err);
		ret = try_once(move, err);
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

	if (need_engine(move->mover, err))
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
	return ret ? ret : move_verify(move, err);
}

/* Name the file in the message, if git finds it soon enough. */
static void name_file(struct mover *mover, const struct message *message,
		      struct err *why)
{
	uint64_t begun_ms = clock_ms();
	char *path;

	if (mover->named_ms >= NAMING_MS)
		return;
	path = history_find_path(&(struct history_path){
		.oid = message->oid,
		.size = message->size,
		.most_ms = NAMING_MS - (unsigned)mover->named_ms,
		.stop = stop_when(move_is_stopped, mover->input),
	});
	if (path)
		err_wrap(why, "'%.200s'", path);
	free(path);
	mover->named_ms += clock_ms() - begun_ms;
}

static int move_answer(struct move *move, struct err *why)
{
	const struct message *message = move->message;
	struct err err = ERR_INIT, again = ERR_INIT;
	const char *path;

	if (why->kind) {
		name_file(move->mover, message, why);
		log_error("%.12s: %s", message->oid, why->msg);
		return message_failed(message->oid, why, &err);
	}
	if (is_upload(move))
		return message_complete(message->oid, NULL, &err);
	path = transfer_hand_over(move->transfer, &err);
	/* The path may not be valid UTF-8. */
	if (path && !message_complete(message->oid, path, &err))
		return 0;
	transfer_take_back(move->transfer);
	return message_failed(message->oid, &err, &again);
}

int mover_move(struct mover *mover, const struct message *message)
{
	struct move move = { .mover = mover,
			     .message = message,
			     .attempts = ATTEMPTS_INIT };
	struct err why = ERR_INIT, gone = ERR_INIT;
	uint64_t begun_ms = clock_ms();
	int ret = -1;

	if (message->action && move_begin(&move, &gone))
		return -1;
	carry_out(&move, &why);
	if (!why.kind)
		log_info("%s of %.12s: %" PRIu64 " bytes in %" PRIu64 " ms",
			 is_upload(&move) ? "upload" : "download", message->oid,
			 message->size, clock_ms() - begun_ms);
	if (why.kind != ERR_CANCELED && !move_begin(&move, &gone))
		ret = move_answer(&move, &why);
	if (mover->left_behind)
		return -1;
	transfer_free(move.transfer);
	resume_release(&move.resume);
	batch_object_release(&move.object);
	return ret;
}

struct mover *mover_new(struct input *input, const struct message *init)
{
	struct mover *mover = xcalloc(1, sizeof(*mover));

	mover->input = input;
	mover->remote = init->remote ? xstrdup(init->remote) : NULL;
	mover->direction = init->direction;
	mover->nagents = init->nagents;
	mover->began_ms = clock_ms();
	return mover;
}

bool mover_free(struct mover *mover)
{
	if (!mover)
		return true;
	if (mover->left_behind)
		return false;
	lookahead_free(mover->ahead);
	server_free(mover->server);
	if (!engine_free(mover->engine, STOP_MS))
		return false;
	context_free(mover->context);
	free(mover->remote);
	free(mover);
	return true;
}
