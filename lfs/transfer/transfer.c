/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/transfer.h"

#include <stdlib.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/saved.h"
#include "lfs/transfer/upload.h"

/* A part in the pool's hands; a free one has no part. */
struct slot {
	struct job job;	/* first: jobs come back as it */
	struct transfer *transfer;
	struct part *part;
};

enum state {
	BEGINNING,	/* before the first part: the step is in the pool */
	MOVING,
	FINISHING,	/* after the last: likewise */
	ABANDONING,	/* after a failure: likewise */
	OVER
};

struct transfer {
	struct engine *engine;	/* borrowed */
	struct object object;
	enum state state;
	struct err err;
	struct slot *slots;	/* owned */
	size_t nslots;
	struct slot step;	/* of the mode: what is no part */
	int (*run_step)(struct plan *plan, struct http *http, struct err *err);
	size_t next;		/* the part to submit next */
	bool handed_over;	/* the file of a download */
	bool forgotten;		/* an upload: its journal goes */
	bool mended;		/* bad parts are fetched again, but once */
};

static bool is_upload(const struct transfer *transfer)
{
	return transfer->object.plan->direction == UPLOAD;
}

static int run_part(struct job *job, struct http *http, struct err *err)
{
	struct slot *slot = (struct slot *)job;
	struct object *object = &slot->transfer->object;
	int ret;

	if (is_upload(slot->transfer))
		ret = upload_part(object, slot->part, http, err);
	else
		ret = download_part(object, slot->part, http, err);
	if (ret && object->plan->nparts > 1)
		err_wrap(err, "part %u of %zu", slot->part->number,
			 object->plan->nparts);
	return ret;
}

static int run_step(struct job *job, struct http *http, struct err *err)
{
	struct transfer *transfer = ((struct slot *)job)->transfer;

	return transfer->run_step(transfer->object.plan, http, err);
}

/* Have the pool take a step of the mode; `state` is for as long as it lasts. */
static void take_step(struct transfer *transfer, enum state state,
		      int (*step)(struct plan *plan, struct http *http,
				  struct err *err))
{
	transfer->state = state;
	transfer->run_step = step;
	pool_submit(transfer->engine->pool, &transfer->step.job);
}

static int open_object(struct transfer *transfer,
		       const struct journal_hash *hash, struct err *err)
{
	struct engine *engine = transfer->engine;
	struct object *object = &transfer->object;

	if (is_upload(transfer))
		return upload_open(object, hash, engine->settings.verify,
				   engine->pool, err);
	return download_open(object, &engine->storage, engine->settings.verify,
			     engine->pool, err);
}

/*
 * Twice as many slots as connections: a worker that is done with a part finds
 * the next one waiting.
 */
static void make_slots(struct transfer *transfer)
{
	transfer->nslots = 2 * transfer->engine->settings.connections;
	transfer->slots = xcalloc(transfer->nslots, sizeof(*transfer->slots));
	for (size_t i = 0; i < transfer->nslots; i++) {
		transfer->slots[i].job.run = run_part;
		transfer->slots[i].transfer = transfer;
	}
	transfer->step.job.run = run_step;
	transfer->step.transfer = transfer;
}

struct transfer *transfer_new(struct engine *engine, struct plan *plan,
			      const char *path, struct saved *saved,
			      struct err *err)
{
	struct transfer *transfer = xcalloc(1, sizeof(*transfer));
	struct object *object = &transfer->object;

	transfer->engine = engine;
	transfer->state = MOVING;
	object_init(object, plan);
	object->path = path ? xstrdup(path) : NULL;
	if (saved) {
		object->journal = saved->journal;
		saved->journal = NULL;
	}
	make_slots(transfer);
	log_debug("%s of %.12s: %zu parts", plan->mode->name, plan->oid,
		  plan->nparts);
	engine_hold_budget(engine);
	if (!open_object(transfer,
			 saved && saved->has_hash ? &saved->hash : NULL, err)) {
		if (plan->mode->begin)
			take_step(transfer, BEGINNING, plan->mode->begin);
		return transfer;
	}
	transfer->err = *err;
	transfer_free(transfer);
	return NULL;
}

static struct slot *free_slot(struct transfer *transfer)
{
	for (size_t i = 0; i < transfer->nslots; i++)
		if (!transfer->slots[i].part)
			return &transfer->slots[i];
	return NULL;
}

/* The next part to go out, or NULL; those of an earlier run are passed. */
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

/* May this part go out now? */
static bool is_ready(const struct transfer *transfer, const struct part *part)
{
	const struct object *object = &transfer->object;

	return !object->hasher ||
	       part->off <= hasher_position(object->hasher) + object->window;
}

/* The first part of a download goes ahead alone, to see about ranges. */
static bool must_wait(const struct transfer *transfer)
{
	return !is_upload(transfer) &&
	       transfer->object.ranges == RANGES_UNKNOWN &&
	       pool_outstanding(transfer->engine->pool);
}

static void submit_parts(struct transfer *transfer)
{
	struct slot *slot;
	struct part *part;

	while (!must_wait(transfer) && (part = next_part(transfer)) &&
	       is_ready(transfer, part) && (slot = free_slot(transfer))) {
		slot->part = part;
		transfer->next++;
		pool_submit(transfer->engine->pool, &slot->job);
	}
}

static void fail(struct transfer *transfer, const struct err *err)
{
	if (!transfer->err.kind) {
		transfer->err = *err;
		if (err->kind == ERR_CORRUPT && is_upload(transfer))
			err_wrap(&transfer->err,
				 "not uploaded (run git lfs fsck)");
	}
	pool_cancel(transfer->engine->pool);
}

static void end(struct transfer *transfer)
{
	transfer->state = OVER;
	if (is_upload(transfer) && transfer->object.journal)
		saved_complete(transfer->object.journal);
}

/* A step of the mode was taken. */
static void step_on(struct transfer *transfer)
{
	if (transfer->state == BEGINNING)
		transfer->state = MOVING;
	else if (transfer->state == FINISHING)
		end(transfer);
}

static void take_back(struct transfer *transfer, struct job *job)
{
	struct slot *slot = (struct slot *)job;

	if (job->err.kind && transfer->state == ABANDONING)
		log_info("%s", job->err.msg);
	else if (job->err.kind)
		fail(transfer, &job->err);
	else if (slot == &transfer->step)
		step_on(transfer);
	else
		slot->part->finished = true;
	slot->part = NULL;
}

static bool all_moved(struct transfer *transfer)
{
	const struct object *object = &transfer->object;

	if (pool_outstanding(transfer->engine->pool) || next_part(transfer))
		return false;
	return !object->hasher || hasher_is_done(object->hasher);
}

/* Bytes that got lost between the network and the disk come once more. */
static bool mend(struct transfer *transfer, struct err *err)
{
	struct object *object = &transfer->object;
	struct err why = ERR_INIT;

	if (is_upload(transfer) || transfer->mended ||
	    err->kind != ERR_CORRUPT ||
	    !download_mend(object, transfer->engine->pool, &why))
		return false;
	err_clear(err);
	transfer->mended = true;
	transfer->next = 0;
	for (size_t i = 0; i < object->plan->nparts; i++)
		object->plan->parts[i].finished = false;
	return true;
}

static int close_object(struct transfer *transfer, struct err *err)
{
	struct object *object = &transfer->object;

	if (object_check(object, err))
		return -1;
	if (is_upload(transfer))
		return upload_close(object, err);
	return download_close(object, &transfer->engine->storage, err);
}

/*
 * The hash is over before the last part is out if the file could not be read,
 * and then its window would never get to what is left; or if an earlier run
 * had sent the last parts.
 */
static bool hash_failed(struct transfer *transfer, struct err *err)
{
	const struct hasher *hasher = transfer->object.hasher;

	/* In that order: until there is a hash, a worker may change the plan. */
	return hasher && hasher_is_done(hasher) && next_part(transfer) &&
	       hasher_verdict(hasher, err);
}

static void advance(struct transfer *transfer)
{
	const struct mode *mode = transfer->object.plan->mode;
	struct err err = ERR_INIT;

	if (transfer->state != MOVING)
		return;
	if (hash_failed(transfer, &err)) {
		fail(transfer, &err);
		return;
	}
	submit_parts(transfer);
	if (!all_moved(transfer))
		return;
	if (close_object(transfer, &err)) {
		if (!mend(transfer, &err))
			fail(transfer, &err);
	} else if (mode->finish) {
		take_step(transfer, FINISHING, mode->finish);
	} else {
		transfer->state = OVER;
	}
}

/*
 * Are the parts that are at the server of no use to another run?  Those of
 * wrong bytes must not be found there by one.  A server that says that links
 * or parts have gone, or that it misses some, may be asked again.
 */
static bool is_for_good(const struct err *err)
{
	if (err->kind == ERR_REFUSED)
		return err->code != 403 && err->code != 404 &&
		       err->code != 409 && err->code != 410;
	return err->kind == ERR_CORRUPT;
}

/* All jobs are back and it has failed: is there something left to do? */
static bool abandon(struct transfer *transfer)
{
	const struct mode *mode = transfer->object.plan->mode;

	if (transfer->state != MOVING || !mode->abandon ||
	    !is_for_good(&transfer->err))
		return false;
	take_step(transfer, ABANDONING, mode->abandon);
	return true;
}

bool transfer_step(struct transfer *transfer, int timeout_ms)
{
	struct pool *pool = transfer->engine->pool;
	struct job *job;

	engine_heed_budget(transfer->engine);
	if (!transfer->err.kind)
		advance(transfer);
	if (transfer->state == OVER)
		return false;
	if (transfer->err.kind && !pool_outstanding(pool) &&
	    !abandon(transfer)) {
		transfer->state = OVER;
		return false;
	}
	job = pool_wait(pool, timeout_ms);
	if (job)
		take_back(transfer, job);
	return true;
}

void transfer_cancel(struct transfer *transfer)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_CANCELED, "stopped");
	fail(transfer, &err);
}

uint64_t transfer_moved(const struct transfer *transfer)
{
	return atomic_load(&transfer->object.moved);
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

void transfer_take_back(struct transfer *transfer)
{
	if (transfer->handed_over)
		partial_take_back(&transfer->object);
	transfer->handed_over = false;
}

bool transfer_may_be_done(const struct transfer *transfer)
{
	return transfer->object.plan->finish_may_be_done;
}

void transfer_forget(struct transfer *transfer)
{
	transfer->forgotten = true;
}

/*
 * Keep what another run can go on with.  That is no promise: if the server
 * wants no more of it, that run will know.
 */
static void leave(struct transfer *transfer)
{
	struct object *object = &transfer->object;

	if (is_upload(transfer)) {
		if (object->journal &&
		    (transfer->forgotten || transfer->err.kind == ERR_CORRUPT))
			journal_remove(object->journal);
	} else if (transfer->handed_over) {
		partial_finish(object);
	} else if (transfer->err.kind == ERR_CORRUPT ||
		   (object->fd >= 0 && !object->moved)) {
		partial_discard(object);
	} else {
		partial_keep(object);
	}
}

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	budget_release(transfer->engine->budget);
	leave(transfer);
	object_release(&transfer->object);
	free(transfer->slots);
	free(transfer);
}
