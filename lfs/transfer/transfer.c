/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/transfer.h"

#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/settings.h"
#include "lfs/net/budget.h"
#include "lfs/net/link.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/source.h"
#include "lfs/transfer/upload.h"

enum {
	MENDS_MAX = 4,	/* all but the first are of a few parts only */
	PAGE_MOST = 1 << 20	/* bytes of a web page */
};

enum state {
	NEW,	/* the mode's first step is still to be taken */
	BEGINNING,	/* it is in the pool */
	MOVING,
	FINISHING,	/* its last step is in the pool */
	ABANDONING,	/* its step after a failure is in the pool */
	OVER
};

struct transfer {
	struct engine *engine;	/* borrowed */
	struct object object;
	enum state state;
	struct err err;
	struct pace *pace;	/* owned */
	/*
	 * Twice as many as connections, so that a worker that is done with a
	 * part finds the next one waiting; owned.
	 */
	struct part_job *slots;
	size_t nslots;
	struct part_job step;	/* a step of the mode, without a part */
	int (*run_step)(struct plan *plan, struct http *http, struct err *err);
	size_t next;	/* the part to hand out next */
	bool is_tried_once;	/* the caller asks before another try */
	unsigned outstanding;	/* jobs in the pool */
	bool is_one_of_many;	/* others use the engine at the same time */
	bool handed_over;	/* the file of a download */
	struct fate fate;	/* what is known of it: transfer_fate() */
	unsigned nmends;	/* how often bad parts were fetched again */
	bool was_abandoned;	/* an abort is tried again only once */
	struct outlook outlook; /* an upload whose links may expire */
	uint64_t begun_ms;
	char says[OUTLOOK_MAX]; /* what it says of them, or "" */
};

static bool is_upload(const struct transfer *transfer)
{
	return transfer->object.plan->direction == UPLOAD;
}

static struct part_job *find_free_slot(struct transfer *transfer)
{
	for (size_t i = 0; i < transfer->nslots; i++)
		if (!transfer->slots[i].part)
			return &transfer->slots[i];
	return NULL;
}

/* The next part to hand out, or NULL; skips what an earlier run has moved. */
static struct part *next_part(struct transfer *transfer)
{
	struct plan *plan = transfer->object.plan;

	for (; transfer->next < plan->nparts; transfer->next++) {
		struct part *part = &plan->parts[transfer->next];

		if (!part->finished && (is_upload(transfer) || !part->size ||
					part->done < part->size))
			return part;
		part->finished = true;
	}
	return NULL;
}

/* The first part of a download shows whether the server heeds ranges. */
static bool must_wait(const struct transfer *transfer)
{
	return !is_upload(transfer) && transfer->outstanding &&
	       !source_is_known(transfer->object.source);
}

static void submit_parts(struct transfer *transfer)
{
	struct part_job *slot;
	struct part *part;

	while (!must_wait(transfer) && (part = next_part(transfer)) &&
	       (slot = find_free_slot(transfer)) &&
	       object_is_ready(&transfer->object, part)) {
		slot->part = part;
		slot->job.is_tried_once = transfer->is_tried_once;
		transfer->next++;
		transfer->outstanding++;
		engine_submit(transfer->engine, slot);
	}
}

static void rewind_parts(struct transfer *transfer)
{
	struct plan *plan = transfer->object.plan;

	transfer->next = 0;
	for (size_t i = 0; i < plan->nparts; i++)
		plan->parts[i].finished = false;
}

static int transfer_run_step(struct job *job, struct http *http,
			     struct err *err)
{
	struct transfer *transfer = ((struct part_job *)job)->transfer;

	if (!transfer->run_step)
		return download_sync(&transfer->object, err);
	return transfer->run_step(transfer->object.plan, http, err);
}

/*
 * Have a worker take a step of the mode, or download_sync() if `step` is NULL;
 * the transfer is in `state` meanwhile.
 */
static void take_step(struct transfer *transfer, enum state state,
		      int (*step)(struct plan *plan, struct http *http,
				  struct err *err))
{
	transfer->state = state;
	transfer->run_step = step;
	transfer->step.job.is_tried_once = state == ABANDONING;
	transfer->outstanding++;
	pool_submit(engine_pool(transfer->engine), &transfer->step.job);
}

static void init_slots(struct transfer *transfer,
		       const struct settings *settings)
{
	transfer->pace = pace_new(settings->stall_ms);
	transfer->nslots = 2 * (size_t)settings->connections;
	transfer->slots = xcalloc(transfer->nslots, sizeof(*transfer->slots));
	for (size_t i = 0; i < transfer->nslots; i++) {
		transfer->slots[i].object = &transfer->object;
		transfer->slots[i].pace = transfer->pace;
		transfer->slots[i].transfer = transfer;
	}
	transfer->step.job.run = transfer_run_step;
	transfer->step.transfer = transfer;
}

/* Links that do not say when they expire have no outlook. */
static void init_outlook(struct transfer *transfer)
{
	const struct plan *plan = transfer->object.plan;
	int64_t expires = is_upload(transfer) ? plan_expires_at(plan) :
						INT64_MAX;

	transfer->begun_ms = clock_ms();
	transfer->outlook = (struct outlook){
		.size = plan->size,
		.life_s = expires == INT64_MAX ? -1 : expires - clock_unix(),
		.before = plan_finished(plan),
	};
}

struct transfer *transfer_new(struct engine *engine,
			      const struct transfer_options *options,
			      struct err *err)
{
	struct context *context = engine_context(engine);
	const struct settings *settings = &context->settings;
	struct transfer *transfer = xcalloc(1, sizeof(*transfer));
	struct object *object = &transfer->object;
	struct plan *plan = options->plan;
	struct resume *resume = options->resume;

	transfer->engine = engine;
	transfer->state = plan->mode->begin ? NEW : MOVING;
	transfer->is_one_of_many = options->is_one_of_many;
	object_init(object, plan);
	object->io = options->io;
	object->storage = &context->storage;
	object->pool = engine_pool(engine);
	object->verifies = settings->verify;
	object->is_durable = settings->fsync && !is_upload(transfer);
	object->path = options->path ? xstrdup(options->path) : NULL;
	if (resume) {
		transfer->fate.is_resumed = resume->is_resumed;
		transfer->fate.is_last_try = resume->is_last_try;
		object->journal = resume->journal;
		object->start = resume->hash;
		object->has_start = resume->has_hash;
		resume->journal = NULL;
	}
	init_slots(transfer, settings);
	if (!is_upload(transfer))
		object->source = source_new(options->io ?
						    NULL :
						    engine_sources(engine),
					    plan->action.href, plan->size);
	init_outlook(transfer);
	log_debug("%s of %.12s: %zu parts", plan->mode->name, plan->oid,
		  plan->nparts);
	if (!transfer->is_one_of_many)
		engine_hold_budget(engine);
	engine_keep_file(engine, -1);
	if (!(is_upload(transfer) ? upload_open(object, err) :
				    download_open(object, err))) {
		object->is_durable &= !(options->syncs_large_only &&
					object->memory);
		/* Only now: an earlier run may have cut it into more parts. */
		transfer->is_tried_once = options->asks_again &&
					  plan->nparts == 1;
		return transfer;
	}
	transfer->err = *err;
	transfer_free(transfer);
	return NULL;
}

void transfer_fail(struct transfer *transfer, const struct err *err)
{
	if (!transfer->err.kind) {
		transfer->err = *err;
		if (err->kind == ERR_CORRUPT && transfer->object.path &&
		    is_upload(transfer))
			err_append(&transfer->err,
				   "; it was not uploaded, run git lfs fsck");
	}
	atomic_store(&transfer->object.stopped, true);
	if (transfer->is_one_of_many)
		pool_look_again(engine_pool(transfer->engine));
	else
		pool_cancel(engine_pool(transfer->engine));
}

/* The last step of the mode was taken. */
static void finish(struct transfer *transfer)
{
	struct journal *journal = transfer->object.journal;

	transfer->state = OVER;
	if (is_upload(transfer) && journal && transfer->object.io)
		journal_remove(journal);
	else if (is_upload(transfer) && journal)
		resume_note_completion(journal);
}

/* Try at most twice: the caller waits for the error that led here. */
static void abandon_again(struct transfer *transfer, const struct err *err)
{
	log_info("%s", err->msg);
	if (err_is_transient(err) && !transfer->was_abandoned)
		take_step(transfer, ABANDONING,
			  transfer->object.plan->mode->abandon);
	transfer->was_abandoned = true;
}

void transfer_returned(struct job *job)
{
	struct part_job *slot = (struct part_job *)job;
	struct transfer *transfer = slot->transfer;
	struct part *part = slot->part;

	slot->part = NULL;
	transfer->outstanding--;
	if (job->err.kind && transfer->state == ABANDONING) {
		abandon_again(transfer, &job->err);
	} else if (job->err.kind) {
		transfer->fate.at_finish = transfer->state == FINISHING;
		transfer_fail(transfer, &job->err);
	} else if (part) {
		part->finished = true;
	} else if (transfer->state == BEGINNING) {
		transfer->state = MOVING;
	} else if (transfer->state == FINISHING) {
		finish(transfer);
	}
}

static bool all_moved(struct transfer *transfer)
{
	const struct object *object = &transfer->object;

	if (transfer->outstanding || next_part(transfer))
		return false;
	return !object->hasher || hasher_is_done(object->hasher);
}

/* Fetch again what was damaged between the server and the disk. */
static bool mend(struct transfer *transfer, struct err *err)
{
	struct object *object = &transfer->object;
	struct err why = ERR_INIT;

	if (is_upload(transfer) || err->kind != ERR_CORRUPT)
		return false;
	if (transfer->nmends == MENDS_MAX || !download_mend(object, &why)) {
		download_blame(object, err);
		return false;
	}
	err_clear(err);
	transfer->nmends++;
	rewind_parts(transfer);
	return true;
}

static int close_object(struct transfer *transfer, struct err *err)
{
	struct object *object = &transfer->object;

	if (object_check(object, err))
		return -1;
	if (is_upload(transfer))
		return upload_close(object, err);
	return download_close(object, err);
}

/*
 * If the file cannot be read, the hash ends before the last part is handed out,
 * and its window would never reach the rest.  It also ends early, without a
 * failure, if an earlier run has sent the last parts.
 */
static bool hash_failed(struct transfer *transfer, struct err *err)
{
	const struct hasher *hasher = transfer->object.hasher;

	/* In this order: while the hash waits, a worker may change the plan. */
	return hasher && hasher_is_done(hasher) && next_part(transfer) &&
	       hasher_verdict(hasher, err);
}

static void advance_parts(struct transfer *transfer)
{
	const struct mode *mode = transfer->object.plan->mode;
	struct err err = ERR_INIT;

	if (transfer->state == NEW)
		take_step(transfer, BEGINNING, mode->begin);
	if (transfer->state != MOVING)
		return;
	if (hash_failed(transfer, &err)) {
		transfer_fail(transfer, &err);
		return;
	}
	submit_parts(transfer);
	if (!all_moved(transfer))
		return;
	if (close_object(transfer, &err)) {
		if (!mend(transfer, &err))
			transfer_fail(transfer, &err);
	} else if (mode->finish) {
		take_step(transfer, FINISHING, mode->finish);
	} else if (download_must_sync(&transfer->object)) {
		take_step(transfer, FINISHING, NULL);
	} else {
		transfer->state = OVER;
	}
}

/* After a failure, with all jobs back: must the server forget the parts? */
static bool abandon(struct transfer *transfer)
{
	const struct mode *mode = transfer->object.plan->mode;

	if (transfer->state != MOVING || !mode->abandon ||
	    !resume_is_futile(&transfer->err))
		return false;
	take_step(transfer, ABANDONING, mode->abandon);
	return true;
}

/* After a failure, with all jobs back: move what is missing. */
static void move_again(struct transfer *transfer)
{
	err_clear(&transfer->err);
	atomic_store(&transfer->object.stopped, false);
	transfer->state = MOVING;
	rewind_parts(transfer);
}

/* If ranges have failed, ask for the whole object. */
static bool fall_back(struct transfer *transfer)
{
	const struct err why = transfer->err;

	if (is_upload(transfer) ||
	    !download_ask_whole(&transfer->object, &transfer->err))
		return false;
	log_info("%s; asking for the whole object", why.msg);
	move_again(transfer);
	return true;
}

/* Do moved parts still count with other links? */
static bool keeps_parts(const struct transfer *transfer)
{
	return !is_upload(transfer) || transfer->object.plan->mode->keeps_parts;
}

/* An upload that outlives its links begins anew: warn once, and in time. */
static void check_outlook(struct transfer *transfer)
{
	struct outlook *outlook = &transfer->outlook;
	uint64_t moved = transfer_moved(transfer);

	if (transfer->state != MOVING || outlook->life_s < 0 ||
	    transfer->says[0] || keeps_parts(transfer))
		return;
	outlook->ms = clock_ms() - transfer->begun_ms;
	outlook->sent = moved > outlook->before ? moved - outlook->before : 0;
	if (outlook_is_bad(outlook, transfer->says))
		log_warn("%.12s: %s: it begins anew when they expire",
			 transfer->object.plan->oid, transfer->says);
}

bool transfer_advance(struct transfer *transfer)
{
	if (!transfer->err.kind)
		advance_parts(transfer);
	check_outlook(transfer);
	if (transfer->err.kind && !transfer->outstanding &&
	    !fall_back(transfer) && !abandon(transfer))
		transfer->state = OVER;
	return transfer->state != OVER;
}

bool transfer_step(struct transfer *transfer, int timeout_ms)
{
	struct job *job;

	engine_heed_budget(transfer->engine, 1);
	if (!transfer_advance(transfer))
		return false;
	job = pool_wait(engine_pool(transfer->engine), timeout_ms);
	if (job)
		transfer_returned(job);
	return true;
}

void transfer_cancel(struct transfer *transfer)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_CANCELED, "stopped");
	transfer_fail(transfer, &err);
}

struct object *transfer_object(struct transfer *transfer)
{
	return &transfer->object;
}

uint64_t transfer_moved(const struct transfer *transfer)
{
	return atomic_load(&transfer->object.moved);
}

size_t transfer_left(const struct transfer *transfer)
{
	const struct object *object = &transfer->object;

	/* In this order: until it is known, a worker may change the plan. */
	if (!is_upload(transfer) && !source_is_known(object->source))
		return transfer->nslots;
	if (transfer->state == NEW)
		return 1;
	if (transfer->state != MOVING || transfer->next > object->plan->nparts)
		return transfer->outstanding;
	return transfer->outstanding + object->plan->nparts - transfer->next;
}

int transfer_result(const struct transfer *transfer, struct err *err)
{
	if (!transfer->err.kind)
		return 0;
	if (!err->kind)
		*err = transfer->err;
	return -1;
}

const char *transfer_hand_over(struct transfer *transfer, struct err *err)
{
	transfer->handed_over = !partial_hand_over(&transfer->object, err);
	return transfer->handed_over ? transfer->object.path : NULL;
}

int transfer_take(struct transfer *transfer, struct finished *finished,
		  struct err *err)
{
	struct object *object = &transfer->object;
	const char *path = transfer_hand_over(transfer, err);

	if (!path)
		return -1;
	*finished = (struct finished){
		.path = xstrdup(path),
		.fd = object->fd,
		.is_synced = object->is_durable || !object->memory,
	};
	object->fd = -1;
	return 0;
}

void transfer_take_back(struct transfer *transfer)
{
	if (transfer->handed_over)
		partial_take_back(&transfer->object);
	transfer->handed_over = false;
}

const char *transfer_outlook(const struct transfer *transfer)
{
	return transfer->says;
}

struct fate transfer_fate(const struct transfer *transfer)
{
	const struct plan *plan = transfer->object.plan;
	struct fate fate = transfer->fate;

	fate.was_tried_once = transfer->is_tried_once && !fate.at_finish;
	fate.may_be_done = plan->finish_outcome_unknown;
	fate.keeps_parts = keeps_parts(transfer);
	fate.kept = is_upload(transfer) ? plan_finished(plan) :
					  transfer_moved(transfer);
	return fate;
}

void transfer_forget(struct transfer *transfer)
{
	if (transfer->object.journal)
		journal_remove(transfer->object.journal);
}

void transfer_renew(struct transfer *transfer, struct plan *fresh)
{
	plan_renew(transfer->object.plan, fresh);
	source_renew(transfer->object.source,
		     transfer->object.plan->action.href);
	budget_renewed(engine_budget(transfer->engine),
		       transfer->object.plan->action.href);
	move_again(transfer);
}

/* The file of the download is git-lfs's now. */
static void leave_to_git_lfs(struct transfer *transfer)
{
	struct object *object = &transfer->object;

	source_remember(object->source);
	partial_finish(object);
	engine_keep_file(transfer->engine, object->fd);
	object->fd = -1;
}

/*
 * Keep what another run may resume.  That run will see whether the server still
 * wants it.
 */
static void leave_files(struct transfer *transfer)
{
	struct object *object = &transfer->object;
	/* The bytes may be of a web page that came in place of the object. */
	uint64_t least = transfer->err.is_strange ? PAGE_MOST : 0;

	if (is_upload(transfer)) {
		if (object->journal && transfer->err.kind == ERR_CORRUPT)
			journal_remove(object->journal);
	} else if (object->io) {
		return;
	} else if (transfer->handed_over) {
		leave_to_git_lfs(transfer);
	} else if (transfer->err.kind == ERR_CORRUPT ||
		   (object->fd >= 0 && object->moved <= least)) {
		partial_discard(object);
	} else {
		partial_keep(object);
	}
}

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	if (!transfer->is_one_of_many)
		budget_release(engine_budget(transfer->engine));
	leave_files(transfer);
	object_release(&transfer->object);
	pace_free(transfer->pace);
	free(transfer->slots);
	free(transfer);
}
