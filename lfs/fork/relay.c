/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/fork/relay.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/fork/piece.h"
#include "lfs/mode/mode.h"
#include "lfs/remote/endpoint.h"
#include "lfs/transfer/dispatch.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/saved.h"
#include "lfs/transfer/transfer.h"

enum {
	TICK_MS = 100,
	STREAM_AHEAD = 64 << 20	/* granted to a source without ranges */
};

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
	uint64_t piece;	/* bytes that are fetched at a time, at the most */
	struct object_io fill;	/* of the download */
	struct object_io drain;	/* of the upload */
	struct lane *lane;	/* owned, as all below; NULL: from a file */
	struct transfer *up;
	struct transfer *down;	/* or NULL: from a file */
	struct saved saved;	/* what `up` borrows from */
	struct check check;
	struct verification *verification;	/* borrowed, or NULL */
	struct err err;
	uint64_t resumed;
	bool is_short;	/* it fits into the lane */
	bool wants_link;

	pthread_mutex_t mutex;	/* guards `down` while it is replaced */
	_Atomic(uint64_t) granted;	/* to a source without ranges */
	_Atomic(size_t) dropped;	/* blocks below this one are gone */
};

static struct object *source_of(const struct relay *relay)
{
	return transfer_object(relay->down);
}

static struct object *target_of(const struct relay *relay)
{
	return transfer_object(relay->up);
}

static uint64_t reach(void *ctx)
{
	struct relay *relay = ctx;
	uint64_t off = 0;

	pthread_mutex_lock(&relay->mutex);
	if (relay->down)
		off = download_reach(source_of(relay));
	pthread_mutex_unlock(&relay->mutex);
	return off;
}

/* Does what was sent, and not yet finished, count as sent? */
static bool is_final(const struct relay *relay)
{
	return target_of(relay)->plan->mode->part_is_final;
}

static bool is_stopped(const struct object *object, struct err *err)
{
	if (!atomic_load(&object->stopped))
		return false;
	err_set(err, ERR_CANCELED, "stopped");
	return true;
}

/* Only an upload in one PUT, and its hash, ever have to wait here. */
static int read_lane(void *ctx, void *data, size_t n, uint64_t off,
		     struct err *err)
{
	struct relay *relay = ctx;
	struct bell *bell = relay->ends->data;
	struct err why = ERR_INIT;
	unsigned since = bell_count(bell);
	int ret;

	while (reach(relay) < off + n) {
		if (is_stopped(target_of(relay), err))
			return -1;
		bell_wait(bell, since, TICK_MS);
		since = bell_count(bell);
	}
	ret = lane_read(relay->lane, data, n, off, &why);
	/* In that order: the main thread says what it drops before it does. */
	if (off / SPOOL_BLOCK < atomic_load(&relay->dropped))
		return err_set(err, ERR_EXPIRED,
			       "the upload was interrupted, and its first "
			       "bytes have left the spool");
	if (ret)
		*err = why;
	return ret;
}

/* Only a source without ranges ever has to wait here. */
static int write_lane(void *ctx, const void *data, size_t n, uint64_t off,
		      struct err *err)
{
	struct relay *relay = ctx;
	struct bell *bell = relay->ends->data;
	unsigned since = bell_count(bell);

	while (atomic_load(&relay->granted) < off + n) {
		if (is_stopped(source_of(relay), err))
			return -1;
		bell_wait(bell, since, TICK_MS);
		since = bell_count(bell);
	}
	return lane_write(relay->lane, data, n, off, err);
}

static void tell_of_blocks(struct relay *relay, uint64_t from, uint64_t to)
{
	if (from / SPOOL_BLOCK != to / SPOOL_BLOCK || to == relay->size)
		bell_ring(relay->ends->news);
}

static void was_filled(void *ctx, uint64_t from, uint64_t to)
{
	struct relay *relay = ctx;

	hasher_poke(target_of(relay)->hasher);
	bell_ring(relay->ends->data);
	tell_of_blocks(relay, from, to);
}

static void was_drained(void *ctx, uint64_t from, uint64_t to)
{
	tell_of_blocks(ctx, from, to);
}

static void raise_granted(struct relay *relay, uint64_t to)
{
	if (to <= atomic_load(&relay->granted))
		return;
	atomic_store(&relay->granted, to);
	bell_ring(relay->ends->data);
}

static bool can_fetch(void *ctx, const struct part *part)
{
	struct relay *relay = ctx;
	uint64_t end = part->off + part->size;

	/* The whole, as before, from a source without ranges: see feed(). */
	if (part->size > relay->piece)
		return true;
	if (!lane_grant(relay->lane, part->off, end))
		return false;
	raise_granted(relay, end);
	return true;
}

/* All of a part must be there, of a long PUT the beginning. */
static bool can_send(void *ctx, const struct part *part)
{
	struct relay *relay = ctx;
	const struct object *source = source_of(relay);
	uint64_t there = reach(relay);

	/* In that order: until then a worker may change the plan. */
	if (is_final(relay) && source->ranges != RANGES_UNKNOWN &&
	    (source->plan->nparts > 1 || source->ranges == RANGES_IGNORED))
		return there > part->off;
	return there >= part->off + part->size;
}

/* One PUT of what fits into the lane may be repeated: nothing is dropped. */
static bool keeps_all(const struct relay *relay)
{
	return is_final(relay) && relay->is_short;
}

static bool is_sent(const struct relay *relay, uint64_t from, uint64_t to)
{
	const struct plan *plan = target_of(relay)->plan;
	size_t i = piece_part_at(plan, from);

	for (; i < plan->nparts && plan->parts[i].off < to; i++) {
		const struct part *part = &plan->parts[i];

		if (!part->finished &&
		    !(is_final(relay) && part->off + part->done >= to))
			return false;
	}
	return true;
}

/* Give back the blocks that were hashed and sent. */
static void drop_blocks(struct relay *relay)
{
	uint64_t hashed = hasher_position(target_of(relay)->hasher);
	size_t first = atomic_load(&relay->dropped);
	bool in_order = true;

	if (keeps_all(relay))
		return;
	for (size_t i = first; i * (uint64_t)SPOOL_BLOCK < hashed; i++) {
		uint64_t from = i * (uint64_t)SPOOL_BLOCK;
		uint64_t to = from + SPOOL_BLOCK;

		if (to > relay->size)
			to = relay->size;
		if (to > hashed)
			break;
		if (!is_sent(relay, from, to)) {
			in_order = false;
			continue;
		}
		if (in_order)
			atomic_store(&relay->dropped, i + 1);
		lane_drop(relay->lane, i);
	}
}

/* A source without ranges sends the whole in one, and gets blocks as it goes. */
static void feed(struct relay *relay)
{
	const struct object *source = source_of(relay);
	uint64_t granted = atomic_load(&relay->granted), to;

	/* In that order: until then a worker may change the plan. */
	if (source->ranges == RANGES_UNKNOWN || source->plan->nparts != 1)
		return;
	while (granted < relay->size && granted < reach(relay) + STREAM_AHEAD) {
		to = granted - granted % SPOOL_BLOCK + SPOOL_BLOCK;
		if (to > relay->size)
			to = relay->size;
		if (!lane_grant(relay->lane, granted, to))
			return;
		raise_granted(relay, to);
		granted = to;
	}
}

/* The plan of the upload, or that of an earlier run's. */
static struct plan *plan_upload(struct relay *relay,
				const struct relay_request *request,
				struct err *err)
{
	struct engine *target = relay->ends->target;
	const struct plan_request plan_request = {
		.direction = UPLOAD,
		.oid = relay->oid,
		.size = relay->size,
		.action = request->target,
		.part_size = 1,	/* no such choice is ours */
		.answer_ms = target->settings.answer_ms,
		.finish_ms = target->settings.finish_ms,
	};
	struct plan *plan = mode_plan(&plan_request, err);
	const struct endpoint *endpoint = engine_endpoint(target, err);

	if (!plan || !endpoint || !saved_is_for(plan))
		return plan;
	saved_open(&relay->saved, &target->storage,
		   &(struct saved_request){
			   .plan = plan_request,
			   .fresh = plan,
			   .endpoint = endpoint->url,
			   .path = request->path,
		   });
	if (!relay->saved.plan)
		return plan;
	plan_free(plan);
	plan = relay->saved.plan;
	relay->saved.plan = NULL;
	for (size_t i = 0; i < plan->nparts; i++)
		if (plan->parts[i].finished)
			relay->resumed += plan->parts[i].size;
	return plan;
}

static struct plan *plan_download(const struct relay *relay,
				  const json_t *action, struct err *err)
{
	const struct settings *settings = &relay->ends->source->settings;
	const struct plan_request request = {
		.direction = DOWNLOAD,
		.oid = relay->oid,
		.size = relay->size,
		.action = action,
		.part_size = relay->size + 1,
		.answer_ms = settings->answer_ms,
		.finish_ms = settings->finish_ms,
	};

	return mode_plan(&request, err);
}

static struct transfer *start_download(struct relay *relay, struct plan *plan,
				       struct err *err)
{
	return transfer_new(relay->ends->source,
			    &(struct transfer_options){
				    .plan = plan,
				    .io = &relay->fill,
				    .is_one_of_many = true,
			    },
			    err);
}

/* What the spool must have room for, before anything is begun. */
static int open_lane(struct relay *relay, const struct plan *send,
		     struct err *err)
{
	struct spool *spool = relay->ends->spool;
	uint64_t bytes = piece_least(send, relay->piece);
	size_t least = spool_count(bytes < relay->size ? bytes : relay->size);

	if (least > spool_blocks(spool))
		return err_set(err, ERR_USAGE,
			       "two of its parts need a spool of %zu MiB at "
			       "the least (--max-disk)",
			       least * (SPOOL_BLOCK >> 20));
	relay->is_short = relay->size <= bytes;
	relay->lane = lane_open(spool, relay->size, least);
	return relay->lane ? 0 : err_set(err, ERR_BUSY, "the spool is full");
}

static int start_upload(struct relay *relay, struct plan *plan,
			const char *path, struct err *err)
{
	relay->up = transfer_new(relay->ends->target,
				 &(struct transfer_options){
					 .plan = plan,
					 .path = path,
					 .saved = &relay->saved,
					 .io = path ? NULL : &relay->drain,
					 .is_one_of_many = true,
				 },
				 err);
	return relay->up ? 0 : -1;
}

/* Both ends; the plans are owned from now on. */
static int start(struct relay *relay, struct plan *send, struct plan *fetch,
		 struct err *err)
{
	if (open_lane(relay, send, err)) {
		plan_free(send);
		plan_free(fetch);
		return -1;
	}
	piece_cut(fetch, send, relay->piece);
	if (start_upload(relay, send, NULL, err)) {
		plan_free(fetch);
		return -1;
	}
	piece_skip(fetch, send, hasher_position(target_of(relay)->hasher));
	pthread_mutex_lock(&relay->mutex);
	relay->down = start_download(relay, fetch, err);
	pthread_mutex_unlock(&relay->mutex);
	hasher_poke(target_of(relay)->hasher);
	return relay->down ? 0 : -1;
}

static int begin(struct relay *relay, const struct relay_request *request,
		 struct err *err)
{
	struct spool *spool = relay->ends->spool;
	unsigned connections = relay->ends->source->settings.connections;
	uint64_t most = (uint64_t)spool_blocks(spool) * SPOOL_BLOCK;
	struct plan *send = plan_upload(relay, request, err), *fetch;

	relay->piece = piece_size(relay->size, connections, most);
	if (!send)
		return -1;
	if (request->path)
		return start_upload(relay, send, request->path, err);
	fetch = plan_download(relay, request->source, err);
	if (fetch)
		return start(relay, send, fetch, err);
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
	relay->fill = (struct object_io){ .write = write_lane,
					  .moved = was_filled,
					  .is_ready = can_fetch,
					  .ctx = relay };
	relay->drain = (struct object_io){ .read = read_lane,
					   .moved = was_drained,
					   .reach = reach,
					   .is_ready = can_send,
					   .ctx = relay };
	pthread_mutex_init(&relay->mutex, NULL);
	if (!begin(relay, request, err))
		return relay;
	relay_free(relay);
	return NULL;
}

/* Is this what a source says to a link that has run out? */
static bool is_stale(const struct err *err)
{
	return err->kind == ERR_EXPIRED || err->kind == ERR_AUTH ||
	       (err->kind == ERR_REFUSED &&
		(err->code == 403 || err->code == 404 || err->code == 410));
}

static void look_at_source(struct relay *relay)
{
	struct err err = ERR_INIT;

	if (transfer_advance(relay->down) || relay->err.kind ||
	    !transfer_result(relay->down, &err))
		return;
	if (is_stale(&err)) {
		relay->wants_link = true;
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
	pool_submit(relay->ends->target->pool, &check->job);
	return true;
}

bool relay_advance(struct relay *relay)
{
	bool is_up = transfer_advance(relay->up) || look_at_check(relay);

	if (!relay->down)
		return is_up;
	if (!relay->wants_link)
		look_at_source(relay);
	if (is_up) {
		feed(relay);
		drop_blocks(relay);
		return true;
	}
	/* It has all it needs, or has failed. */
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

bool relay_wants_link(const struct relay *relay)
{
	return relay->wants_link;
}

void relay_refetch(struct relay *relay, const json_t *source)
{
	struct err err = ERR_INIT;
	struct plan *fetch = plan_download(relay, source, &err);
	struct transfer *old = relay->down;

	relay->wants_link = false;
	if (fetch) {
		pthread_mutex_lock(&relay->mutex);
		piece_take_over(fetch, source_of(relay)->plan);
		relay->down = start_download(relay, fetch, &err);
		pthread_mutex_unlock(&relay->mutex);
		transfer_free(old);
	}
	if (err.kind)
		relay_fail(relay, &err);
}

void relay_fail(struct relay *relay, const struct err *err)
{
	if (!relay->err.kind)
		relay->err = *err;
	transfer_fail(relay->up, err);
	if (relay->down)
		transfer_fail(relay->down, err);
	bell_ring(relay->ends->data);
}

int relay_result(const struct relay *relay, struct err *err)
{
	if (relay->err.kind) {
		*err = relay->err;
		return -1;
	}
	return transfer_result(relay->up, err);
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
	lane_close(relay->lane);
	json_decref(relay->saved.action);
	relay->saved.action = NULL;
	saved_release(&relay->saved);
	pthread_mutex_destroy(&relay->mutex);
	free(relay);
}
