/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/relay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/carry/passage.h"
#include "lfs/carry/piece.h"
#include "lfs/mode/mode.h"
#include "lfs/net/status.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/transfer.h"

/* The verify action as a job of the target's pool. */
struct check {
	struct job job;	/* first: jobs come back as it */
	struct relay *relay;
	bool is_out;	/* in the pool's hands */
	bool is_back;
};

struct relay {
	const struct relay_ends *ends;	/* borrowed */
	const char *oid;	/* borrowed */
	uint64_t size;
	struct passage passage;
	struct transfer *up;	/* owned */
	struct transfer *down;	/* owned; or NULL: from a file */
	struct resume resume;	/* owned: what `up` borrows from */
	struct check check;
	struct verification *verification;	/* borrowed, or NULL */
	struct err err;
	uint64_t resumed;
	struct err stale;	/* what is wrong with the source's link */
	bool source_failed;
};

/* The plan of the upload, or that of an earlier run's. */
static struct plan *plan_upload(struct relay *relay,
				const struct relay_request *request,
				struct err *err)
{
	struct context *target = engine_context(relay->ends->target);
	const struct plan_request plan_request = {
		.direction = UPLOAD,
		.oid = relay->oid,
		.size = relay->size,
		.action = mode_action(request->target->actions, UPLOAD),
		.href = request->target->href,
		.headers = &request->target->headers,
		.part_size = 1,	/* no such choice is ours */
		.answer_ms = target->settings.answer_ms,
		.finish_ms = target->settings.finish_ms,
	};
	struct plan *plan = mode_plan(&plan_request, err);

	if (!plan)
		return NULL;
	plan = resume_choose(&relay->resume, target,
			     &(struct resume_request){
				     .plan = plan_request,
				     .fresh = plan,
				     .path = request->path,
			     });
	if (relay->resume.is_resumed)
		relay->resumed = plan_finished(plan);
	return plan;
}

static struct plan *plan_download(const struct relay *relay,
				  const struct batch_object *source,
				  struct err *err)
{
	const struct settings *settings =
		&engine_context(relay->ends->source)->settings;
	const struct plan_request request = {
		.direction = DOWNLOAD,
		.oid = relay->oid,
		.size = relay->size,
		.action = mode_action(source->actions, DOWNLOAD),
		.href = source->href,
		.headers = &source->headers,
		.part_size = relay->size + 1,
		.answer_ms = settings->answer_ms,
		.finish_ms = settings->finish_ms,
	};

	return mode_plan(&request, err);
}

static int start_download(struct relay *relay, struct plan *plan,
			  struct err *err)
{
	relay->down = transfer_new(relay->ends->source,
				   &(struct transfer_options){
					   .plan = plan,
					   .io = &relay->passage.fill,
					   .is_one_of_many = true,
				   },
				   err);
	if (!relay->down)
		return -1;
	passage_from(&relay->passage, transfer_object(relay->down));
	return 0;
}

/* What the spool must have room for, before anything is begun. */
static int open_lane(struct relay *relay, const struct plan *send,
		     size_t *needed, struct err *err)
{
	struct spool *spool = relay->ends->spool;
	uint64_t bytes = piece_least(send, relay->passage.piece);
	size_t least = spool_count(bytes), whole = spool_whole(relay->size);

	if (least > whole)
		least = whole;
	*needed = least;
	if (least > spool_blocks(spool))
		return err_set(err, ERR_USAGE,
			       "two of its parts need a spool of %" PRIu64
			       " MiB at the least (--max-disk)",
			       spool_max(least) >> 20);
	relay->passage.is_short = relay->size <= bytes;
	relay->passage.lane = lane_open(spool, relay->size, least);
	return relay->passage.lane ?
		       0 :
		       err_set(err, ERR_BUSY, "the spool is full");
}

static int start_upload(struct relay *relay, struct plan *plan,
			const char *path, struct err *err)
{
	relay->up = transfer_new(relay->ends->target,
				 &(struct transfer_options){
					 .plan = plan,
					 .path = path,
					 .resume = &relay->resume,
					 .io = path ? NULL :
						      &relay->passage.drain,
					 .is_one_of_many = true,
				 },
				 err);
	if (!relay->up)
		return -1;
	relay->passage.target = transfer_object(relay->up);
	return 0;
}

/* Both ends; the plans are owned from now on. */
static int start(struct relay *relay, struct plan *send, struct plan *fetch,
		 size_t *needed, struct err *err)
{
	const struct object *target;

	if (open_lane(relay, send, needed, err)) {
		plan_free(send);
		plan_free(fetch);
		return -1;
	}
	piece_cut(fetch, send, relay->passage.piece);
	if (start_upload(relay, send, NULL, err)) {
		plan_free(fetch);
		return -1;
	}
	target = relay->passage.target;
	piece_skip(fetch, send, hasher_position(target->hasher));
	if (start_download(relay, fetch, err))
		return -1;
	hasher_poke(target->hasher);
	return 0;
}

static int begin(struct relay *relay, const struct relay_request *request,
		 struct err *err)
{
	struct spool *spool = relay->ends->spool;
	unsigned connections =
		engine_context(relay->ends->source)->settings.connections;
	uint64_t most = (uint64_t)spool_blocks(spool) * SPOOL_BLOCK;
	struct plan *send = plan_upload(relay, request, err), *fetch;

	relay->passage.piece = piece_size(relay->size, connections, most);
	if (!send)
		return -1;
	if (request->path)
		return start_upload(relay, send, request->path, err);
	fetch = plan_download(relay, request->source, err);
	if (fetch)
		return start(relay, send, fetch, request->needed, err);
	plan_free(send);
	return -1;
}

static int run_check(struct job *job, struct http *http, struct err *err)
{
	const struct check *check = (struct check *)job;

	return verification_run(check->relay->verification, http, err);
}

struct relay *relay_new(const struct relay_ends *ends,
			const struct relay_request *request, struct err *err)
{
	struct relay *relay = xcalloc(1, sizeof(*relay));

	relay->ends = ends;
	relay->oid = request->oid;
	relay->size = request->size;
	relay->verification = request->verification;
	relay->check = (struct check){ .job.run = run_check, .relay = relay };
	passage_init(&relay->passage, request->size, ends->data, ends->news);
	if (!begin(relay, request, err))
		return relay;
	relay_free(relay);
	return NULL;
}

static void look_at_source(struct relay *relay)
{
	struct err err = ERR_INIT;

	if (transfer_advance(relay->down) || relay->err.kind ||
	    !transfer_result(relay->down, &err))
		return;
	if (status_is_stale(&err)) {
		relay->stale = err;
		return;
	}
	err_wrap(&err, "from the source");
	relay_fail(relay, &err);
}

/* The upload is over: is there something left to do? */
static bool look_at_check(struct relay *relay)
{
	struct err err = ERR_INIT;
	struct check *check = &relay->check;

	if (check->is_out || check->is_back || !relay->verification ||
	    transfer_result(relay->up, &err))
		return check->is_out;
	check->is_out = true;
	pool_submit(engine_pool(relay->ends->target), &check->job);
	return true;
}

bool relay_advance(struct relay *relay)
{
	bool is_up = transfer_advance(relay->up) || look_at_check(relay);

	if (!relay->down)
		return is_up;
	if (is_up) {
		if (!relay->stale.kind)
			look_at_source(relay);
		passage_feed(&relay->passage);
		passage_drop(&relay->passage);
		return true;
	}
	/* It has all it needs, or has failed: that is the outcome. */
	transfer_cancel(relay->down);
	return transfer_advance(relay->down);
}

void relay_returned(struct job *job)
{
	struct check *check = (struct check *)job;

	if (job->run != run_check) {
		transfer_returned(job);
		return;
	}
	check->is_out = false;
	check->is_back = true;
	if (job->err.kind && !check->relay->err.kind)
		check->relay->err = job->err;
}

uint64_t relay_moved(const struct relay *relay)
{
	return transfer_moved(relay->up);
}

uint64_t relay_resumed(const struct relay *relay)
{
	return relay->resumed;
}

size_t relay_fetches(const struct relay *relay)
{
	return relay->down ? transfer_left(relay->down) : 0;
}

size_t relay_sends(const struct relay *relay)
{
	return transfer_left(relay->up);
}

const struct err *relay_wants_link(const struct relay *relay)
{
	return relay->stale.kind ? &relay->stale : NULL;
}

void relay_refetch(struct relay *relay, const struct batch_object *source)
{
	struct err err = ERR_INIT;
	struct plan *fetch = plan_download(relay, source, &err);

	err_clear(&relay->stale);
	if (fetch)
		transfer_renew(relay->down, fetch);
	else
		relay_fail(relay, &err);
}

void relay_fail(struct relay *relay, const struct err *err)
{
	if (!relay->err.kind) {
		relay->err = *err;
		relay->source_failed = true;
	}
	err_clear(&relay->stale);
	transfer_fail(relay->up, err);
	if (relay->down)
		transfer_fail(relay->down, err);
	bell_ring(relay->ends->data);
}

/* The upload has failed: for the bytes that have come? */
static void blame_source(const struct relay *relay, struct err *err)
{
	const struct object *target = relay->passage.target;
	struct err ignored = ERR_INIT;
	char host[URL_DISPLAY_MAX];

	if (err->kind != ERR_CORRUPT || !relay->down ||
	    !hasher_verdict(target->hasher, &ignored))
		return;
	url_display_host(transfer_object(relay->down)->plan->action.href, host,
			 sizeof(host));
	err_wrap(err, "from the source at %s", host);
}

int relay_result(const struct relay *relay, struct err *err)
{
	int ret;

	if (relay->err.kind) {
		*err = relay->err;
		return -1;
	}
	ret = transfer_result(relay->up, err);
	if (ret)
		blame_source(relay, err);
	return ret;
}

struct fate relay_fate(const struct relay *relay, enum direction direction)
{
	if (direction == DOWNLOAD)
		return transfer_fate(relay->down);
	/* The verification has failed: all of it is at the target. */
	if (relay->err.kind)
		return (struct fate){ .at_finish = true, .keeps_parts = true };
	return transfer_fate(relay->up);
}

bool relay_failed_at_source(const struct relay *relay)
{
	return relay->source_failed;
}

void relay_forget(struct relay *relay)
{
	transfer_forget(relay->up);
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	/* The upload first: its hasher reads from the lane, and looks at the other. */
	transfer_free(relay->up);
	transfer_free(relay->down);
	resume_release(&relay->resume);
	passage_release(&relay->passage);
	free(relay);
}
