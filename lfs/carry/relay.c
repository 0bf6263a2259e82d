/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/relay.h"

#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/mode/mode.h"
#include "lfs/net/status.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/transfer.h"

struct relay {
	struct job verify;	/* first: the verification comes back as it */
	const struct relay_ends *ends;	/* borrowed, as the entry */
	struct entry *entry;
	struct pipeline pipeline;
	struct transfer *up;	/* owned; NULL: to a file */
	struct transfer *down;	/* owned; NULL: from a file */
	struct resume resume;	/* owned: what `up` borrows from */
	bool is_verifying;	/* `verify` is in the pool's hands */
	bool was_verified;
	bool has_failed_down;	/* `err` is of the download */
	struct err err;
	struct err stale;	/* what is wrong with the source's link */
};

static bool has_target(const struct relay *relay)
{
	return relay->ends->engines[UPLOAD];
}

static struct plan_request request_plan(const struct relay *relay,
					enum direction direction)
{
	const struct entry *entry = relay->entry;
	const struct batch_object *answer = entry->answers[direction];
	const struct engine *engine = relay->ends->engines[direction];
	const struct settings *settings = &engine_context(engine)->settings;
	/* The pipeline cuts what goes through it. */
	uint64_t part_size = has_target(relay) ?
				     entry->pointer.size + 1 :
				     engine_part_size(engine,
						      entry->pointer.size);

	return (struct plan_request){
		.direction = direction,
		.oid = entry->pointer.oid,
		.size = entry->pointer.size,
		.action = mode_action(answer->actions, direction),
		.href = answer->href,
		.headers = &answer->headers,
		.part_size = part_size,
		.answer_ms = settings->answer_ms,
		.finish_ms = settings->finish_ms,
	};
}

/* The plan of the upload, or that of an earlier run's. */
static struct plan *plan_upload(struct relay *relay, const char *path,
				struct err *err)
{
	struct resume_request request = { .plan = request_plan(relay, UPLOAD),
					  .path = path };
	struct plan *plan = mode_plan(&request.plan, err);

	if (!plan)
		return NULL;
	request.fresh = plan;
	plan = resume_choose(&relay->resume,
			     engine_context(relay->ends->engines[UPLOAD]),
			     &request);
	relay->entry->resumed = relay->resume.is_resumed ? plan_finished(plan) :
							   0;
	return plan;
}

static struct plan *plan_download(const struct relay *relay, struct err *err)
{
	const struct plan_request request = request_plan(relay, DOWNLOAD);

	return mode_plan(&request, err);
}

/* The plan is owned from now on. */
static int start_upload(struct relay *relay, struct plan *plan,
			const char *path, struct err *err)
{
	const struct transfer_options options = {
		.plan = plan,
		.path = path,
		.resume = &relay->resume,
		.io = path ? NULL : &relay->pipeline.drain,
		.is_one_of_many = true,
	};

	relay->up = transfer_new(relay->ends->engines[UPLOAD], &options, err);
	if (!relay->up)
		return -1;
	relay->pipeline.upload = transfer_object(relay->up);
	return 0;
}

/* The plan is owned from now on; the upload has been started. */
static int start_download(struct relay *relay, struct plan *plan,
			  struct err *err)
{
	const struct transfer_options options = {
		.plan = plan,
		.io = &relay->pipeline.fill,
		.is_one_of_many = true,
	};
	const struct object *upload = relay->pipeline.upload;

	fetch_plan_make(plan, upload->plan, relay->pipeline.range_size,
			hasher_position(upload->hasher));
	relay->down = transfer_new(relay->ends->engines[DOWNLOAD], &options,
				   err);
	if (!relay->down)
		return -1;
	relay->pipeline.download = transfer_object(relay->down);
	hasher_poke(upload->hasher);
	return 0;
}

static int start_both(struct relay *relay, struct err *err)
{
	struct plan *send = plan_upload(relay, NULL, err), *fetch = NULL;

	if (send)
		fetch = plan_download(relay, err);
	if (!fetch ||
	    pipeline_open(&relay->pipeline, send, &relay->entry->needed, err))
		plan_free(send);
	else if (!start_upload(relay, send, NULL, err))
		return start_download(relay, fetch, err);
	plan_free(fetch);
	return -1;
}

static int start_to_file(struct relay *relay, struct err *err)
{
	const struct transfer_options options = {
		.plan = plan_download(relay, err),
		.is_one_of_many = true,
		.syncs_large_only = true,
	};

	if (!options.plan)
		return -1;
	relay->down = transfer_new(relay->ends->engines[DOWNLOAD], &options,
				   err);
	if (!relay->down)
		return -1;
	relay->entry->resumed = transfer_moved(relay->down);
	return 0;
}

static int start_from_file(struct relay *relay, struct err *err)
{
	const struct context *source = engine_context(
		relay->ends->engines[DOWNLOAD]);
	char *path = storage_object_path(&source->storage,
					 relay->entry->pointer.oid);
	struct plan *plan = plan_upload(relay, path, err);
	int ret = plan ? start_upload(relay, plan, path, err) : -1;

	free(path);
	return ret;
}

static int relay_verify(struct job *job, struct http *http, struct err *err)
{
	const struct relay *relay = (struct relay *)job;

	return verification_run(relay->entry->verification, http, err);
}

static int start_relay(struct relay *relay, struct err *err)
{
	const struct relay_ends *ends = relay->ends;
	struct entry *entry = relay->entry;
	const struct context *source = engine_context(ends->engines[DOWNLOAD]);

	if (!has_target(relay))
		return start_to_file(relay, err);
	pipeline_init(&relay->pipeline, ends->spool, entry->pointer.size,
		      source->settings.connections, ends->news);
	return entry->is_local ? start_from_file(relay, err) :
				 start_both(relay, err);
}

struct relay *relay_new(const struct relay_ends *ends, struct entry *entry,
			struct err *err)
{
	struct relay *relay;

	/* A plan is dear to make, and most of the time the spool is full. */
	if (ends->spool && !entry->is_local &&
	    entry->needed > spool_room(ends->spool)) {
		err_set(err, ERR_BUSY, "the spool is full");
		return NULL;
	}
	relay = xcalloc(1, sizeof(*relay));
	relay->ends = ends;
	relay->entry = entry;
	relay->verify.run = relay_verify;
	if (start_relay(relay, err)) {
		relay_free(relay);
		return NULL;
	}
	transfer_advance(relay->up ? relay->up : relay->down);
	return relay;
}

/* False once the download is over, whatever came of it. */
static bool advance_download(struct relay *relay)
{
	struct err err = ERR_INIT;

	if (relay->stale.kind || transfer_advance(relay->down))
		return true;
	if (relay->err.kind || !transfer_result(relay->down, &err))
		return false;
	if (status_is_stale(&err)) {
		relay->stale = err;
		return true;
	}
	if (relay->up)
		err_wrap(&err, "from the source");
	relay_fail(relay, &err);
	return false;
}

/* The upload is over: is it being verified, or is that to be done? */
static bool must_verify(struct relay *relay)
{
	struct err err = ERR_INIT;

	if (relay->is_verifying || relay->was_verified ||
	    !relay->entry->verification || transfer_result(relay->up, &err))
		return relay->is_verifying;
	relay->is_verifying = true;
	pool_submit(engine_pool(relay->ends->engines[UPLOAD]), &relay->verify);
	return true;
}

bool relay_advance(struct relay *relay)
{
	bool is_up;

	if (!relay->up)
		return advance_download(relay);
	is_up = transfer_advance(relay->up) || must_verify(relay);
	if (!relay->down)
		return is_up;
	if (is_up) {
		advance_download(relay);
		pipeline_turn(&relay->pipeline);
		return true;
	}
	/* It has all it needs, or has failed: that is the outcome. */
	transfer_cancel(relay->down);
	return transfer_advance(relay->down);
}

void relay_returned(struct job *job)
{
	struct relay *relay = (struct relay *)job;

	if (job->run != relay_verify) {
		transfer_returned(job);
		return;
	}
	relay->is_verifying = false;
	relay->was_verified = true;
	if (job->err.kind && !relay->err.kind)
		relay->err = job->err;
}

uint64_t relay_moved(const struct relay *relay)
{
	return transfer_moved(relay->up ? relay->up : relay->down);
}

size_t relay_requests(const struct relay *relay, enum direction direction)
{
	const struct transfer *transfer = direction == UPLOAD ? relay->up :
								relay->down;

	return transfer ? transfer_left(transfer) : 0;
}

const struct err *relay_wants_link(const struct relay *relay)
{
	return relay->stale.kind ? &relay->stale : NULL;
}

void relay_refetch(struct relay *relay)
{
	struct err err = ERR_INIT;
	struct plan *fetch = plan_download(relay, &err);

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
		relay->has_failed_down = true;
	}
	err_clear(&relay->stale);
	if (relay->up)
		transfer_fail(relay->up, err);
	if (relay->down)
		transfer_fail(relay->down, err);
	if (relay->up)
		bell_ring(relay->pipeline.data);
}

/* The upload has failed: for the bytes that have come? */
static void blame_source(const struct relay *relay, struct err *err)
{
	struct err ignored = ERR_INIT;
	char host[URL_DISPLAY_MAX];

	if (err->kind != ERR_CORRUPT || !relay->down ||
	    !hasher_verdict(relay->pipeline.upload->hasher, &ignored))
		return;
	url_display_host(transfer_object(relay->down)->plan->action.href, host,
			 sizeof(host));
	err_wrap(err, "from the source at %s", host);
}

int relay_result(const struct relay *relay, enum direction *failed,
		 struct err *err)
{
	*failed = relay->has_failed_down ? DOWNLOAD : UPLOAD;
	if (relay->err.kind) {
		*err = relay->err;
		return -1;
	}
	if (!relay->up || !transfer_result(relay->up, err))
		return 0;
	blame_source(relay, err);
	return -1;
}

int relay_take(struct relay *relay, struct finished *finished, struct err *err)
{
	return transfer_take(relay->down, finished, err);
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

void relay_forget(struct relay *relay)
{
	transfer_forget(relay->up);
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	/* First the upload: its hasher reads the lane, and looks at `down`. */
	transfer_free(relay->up);
	transfer_free(relay->down);
	resume_release(&relay->resume);
	if (has_target(relay))
		pipeline_release(&relay->pipeline);
	free(relay);
}
