/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/dispatch.h"

#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/git/settings.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/pace.h"
#include "lfs/transfer/source.h"
#include "lfs/transfer/upload.h"

static bool is_upload(const struct dispatch *dispatch)
{
	return dispatch->object->plan->direction == UPLOAD;
}

struct watched {
	struct slot *slot;
	const struct http *http;
};

static int look(void *ctx, uint64_t moved, uint64_t busy_ms, struct err *err)
{
	struct watched *watched = ctx;
	struct slot *slot = watched->slot;
	const struct dispatch *dispatch = slot->dispatch;
	const struct pace_news news = {
		.id = watched->http,
		.now_ms = clock_ms(),
		.moved = moved,
		.busy_ms = busy_ms,
		.closed = slot->closed,
		.is_spared = is_upload(dispatch) &&
			     moved > slot->part->size / 2,
		.is_last = !pool_has_work(dispatch->pool),
		.is_over = !err,
	};

	switch (pace_note(dispatch->pace, &news)) {
	case PACE_SLOWER:
		slot->closed++;
		slot->job.goes_on = true;
		return err_set(err, ERR_NETWORK,
			       "far slower than the object's other connections");
	case PACE_SLOW:
		return err_set(err, ERR_NETWORK, "less than 1 KiB a second");
	default:
		return 0;
	}
}

static int run_part(struct job *job, struct http *http, struct err *err)
{
	struct slot *slot = (struct slot *)job;
	struct object *object = slot->dispatch->object;
	struct watched watched = { slot, http };
	const struct http_watch watch = { look, &watched };
	uint64_t before = slot->part->done;
	int ret;

	http_set_watch(http, &watch);
	if (is_upload(slot->dispatch)) {
		ret = upload_part(object, slot->part, http, err);
	} else {
		ret = download_part(object, slot->part, http, err);
		/* It goes on from there: a bad line gets it done, too. */
		job->has_gained = slot->part->done >= before + OBJECT_GAIN;
	}
	http_set_watch(http, NULL);
	if (ret && object->plan->nparts > 1)
		err_wrap(err, "part %u of %zu", slot->part->number,
			 object->plan->nparts);
	return ret;
}

static bool is_part_wanted(const struct job *job)
{
	const struct slot *slot = (const struct slot *)job;

	return !atomic_load(&slot->dispatch->object->stopped);
}

static int run_step(struct job *job, struct http *http, struct err *err)
{
	struct dispatch *dispatch = ((struct slot *)job)->dispatch;

	if (!is_upload(dispatch))
		return download_sync(dispatch->object, err);
	return dispatch->run_step(dispatch->object->plan, http, err);
}

void dispatch_init(struct dispatch *dispatch, struct transfer *transfer,
		   struct object *object, struct pool *pool,
		   const struct settings *settings)
{
	*dispatch = (struct dispatch){ .transfer = transfer,
				       .object = object,
				       .pool = pool };
	dispatch->nslots = 2 * (size_t)settings->connections;
	dispatch->pace = pace_new(settings->stall_ms);
	dispatch->slots = xcalloc(dispatch->nslots, sizeof(*dispatch->slots));
	for (size_t i = 0; i < dispatch->nslots; i++) {
		dispatch->slots[i].job.run = run_part;
		dispatch->slots[i].job.is_wanted = is_part_wanted;
		dispatch->slots[i].dispatch = dispatch;
	}
	dispatch->step.job.run = run_step;
	dispatch->step.dispatch = dispatch;
}

static void submit(struct dispatch *dispatch, struct slot *slot)
{
	dispatch->outstanding++;
	pool_submit(dispatch->pool, &slot->job);
}

static struct slot *free_slot(struct dispatch *dispatch)
{
	for (size_t i = 0; i < dispatch->nslots; i++)
		if (!dispatch->slots[i].part)
			return &dispatch->slots[i];
	return NULL;
}

struct part *dispatch_next(struct dispatch *dispatch)
{
	struct plan *plan = dispatch->object->plan;

	for (; dispatch->next < plan->nparts; dispatch->next++) {
		struct part *part = &plan->parts[dispatch->next];

		if (!part->finished && (is_upload(dispatch) || !part->size ||
					part->done < part->size))
			return part;
		part->finished = true;
	}
	return NULL;
}

/* The first part of a download goes ahead alone, to see about ranges. */
static bool must_wait(const struct dispatch *dispatch)
{
	return !is_upload(dispatch) && dispatch->outstanding &&
	       !source_is_known(dispatch->object->source);
}

void dispatch_parts(struct dispatch *dispatch)
{
	struct slot *slot;
	struct part *part;

	while (!must_wait(dispatch) && (part = dispatch_next(dispatch)) &&
	       (slot = free_slot(dispatch)) &&
	       object_is_ready(dispatch->object, part)) {
		slot->part = part;
		slot->closed = 0;
		slot->job.goes_on = false;
		slot->job.url = part->href ?
					part->href :
					dispatch->object->plan->action.href;
		slot->job.is_tried_once = dispatch->is_tried_once;
		dispatch->next++;
		submit(dispatch, slot);
	}
}

void dispatch_step(struct dispatch *dispatch,
		   int (*step)(struct plan *plan, struct http *http,
			       struct err *err))
{
	dispatch->run_step = step;
	submit(dispatch, &dispatch->step);
}

void dispatch_rewind(struct dispatch *dispatch)
{
	struct plan *plan = dispatch->object->plan;

	dispatch->next = 0;
	for (size_t i = 0; i < plan->nparts; i++)
		plan->parts[i].finished = false;
}

struct part *dispatch_take_back(struct job *job)
{
	struct slot *slot = (struct slot *)job;
	struct part *part = slot->part;

	slot->dispatch->outstanding--;
	slot->part = NULL;
	return part;
}

struct transfer *dispatch_owner(const struct job *job)
{
	return ((const struct slot *)job)->dispatch->transfer;
}

void dispatch_release(struct dispatch *dispatch)
{
	pace_free(dispatch->pace);
	free(dispatch->slots);
}
