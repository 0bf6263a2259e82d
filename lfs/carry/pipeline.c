/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/pipeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/source.h"

enum {
	TICK_MS = 100,
	RANGE_MIN = 4 << 20,
	RANGE_MAX = 32 << 20,
	STREAM_AHEAD = 64 << 20 /* granted to a server that heeds no ranges */
};

static uint64_t pipeline_reach(void *ctx)
{
	struct pipeline *pipeline = ctx;
	struct object *download = atomic_load(&pipeline->download);
	uint64_t off;

	if (!download)
		return 0;
	pthread_mutex_lock(&pipeline->mutex);
	off = object_reach(download);
	pthread_mutex_unlock(&pipeline->mutex);
	return off;
}

static uint64_t pipeline_granted(void *ctx)
{
	struct pipeline *pipeline = ctx;

	return atomic_load(&pipeline->granted);
}

/* Does what was sent, and not yet finished, count as sent? */
static bool is_final(const struct pipeline *pipeline)
{
	return pipeline->upload->plan->mode->part_is_final;
}

/* Until `limit`, of the two above, is at `end`, or `object` is to stop. */
static int wait_for_data(struct pipeline *pipeline, uint64_t (*limit)(void *),
			 uint64_t end, const struct object *object,
			 struct err *err)
{
	for (;;) {
		unsigned since = bell_count(pipeline->data);

		if (limit(pipeline) >= end)
			return 0;
		if (object_check_stop(object, err))
			return -1;
		bell_wait(pipeline->data, since, TICK_MS);
	}
}

/* Only an upload in one PUT, and its hash, ever have to wait here. */
static int pipeline_read(void *ctx, void *data, size_t n, uint64_t off,
			 struct err *err)
{
	struct pipeline *pipeline = ctx;
	struct err why = ERR_INIT;
	int ret;

	if (wait_for_data(pipeline, pipeline_reach, off + n, pipeline->upload,
			  err))
		return -1;
	ret = lane_read(pipeline->lane, data, n, off, &why);
	/* In that order: the main thread says what it drops before it does. */
	if (off / SPOOL_BLOCK < atomic_load(&pipeline->dropped))
		return err_set(err, ERR_EXPIRED,
			       "the upload was interrupted, and its first "
			       "bytes have left the spool");
	if (ret)
		*err = why;
	return ret;
}

/* Only the answer of a server that heeds no ranges ever has to wait here. */
static int pipeline_write(void *ctx, const void *data, size_t n, uint64_t off,
			  struct err *err)
{
	struct pipeline *pipeline = ctx;

	if (wait_for_data(pipeline, pipeline_granted, off + n,
			  pipeline->download, err))
		return -1;
	return lane_write(pipeline->lane, data, n, off, err);
}

static void pipeline_drained(void *ctx, uint64_t off, uint64_t end)
{
	struct pipeline *pipeline = ctx;

	if (off / SPOOL_BLOCK != end / SPOOL_BLOCK || end == pipeline->size)
		bell_ring(pipeline->news);
}

static void pipeline_filled(void *ctx, uint64_t off, uint64_t end)
{
	struct pipeline *pipeline = ctx;

	hasher_poke(pipeline->upload->hasher);
	bell_ring(pipeline->data);
	pipeline_drained(pipeline, off, end);
}

static bool grant_blocks(struct pipeline *pipeline, uint64_t off, uint64_t end)
{
	if (!lane_grant(pipeline->lane, off, end))
		return false;
	if (end > atomic_load(&pipeline->granted)) {
		atomic_store(&pipeline->granted, end);
		bell_ring(pipeline->data);
	}
	return true;
}

static bool pipeline_can_fetch(void *ctx, const struct part *part)
{
	struct pipeline *pipeline = ctx;

	/* All of the object, from a server that heeds no ranges: feed_blocks(). */
	if (part->size > pipeline->range_size)
		return true;
	return grant_blocks(pipeline, part->off + part->done,
			    part->off + part->size);
}

/* All of a part must be there; of an object in one PUT, the beginning. */
static bool pipeline_can_send(void *ctx, const struct part *part)
{
	struct pipeline *pipeline = ctx;
	const struct object *download = pipeline->download;
	uint64_t there = pipeline_reach(pipeline);

	/* In that order: until then a worker may change the plan. */
	if (is_final(pipeline) && source_is_known(download->source) &&
	    (download->plan->nparts > 1 ||
	     source_sends_whole(download->source)))
		return there > part->off;
	return there >= part->off + part->size;
}

/* One PUT of what fits into the lane may be repeated: nothing is dropped. */
static bool keeps_all(const struct pipeline *pipeline)
{
	return is_final(pipeline) && pipeline->is_short;
}

static bool is_sent(const struct pipeline *pipeline, uint64_t off, uint64_t end)
{
	const struct plan *plan = pipeline->upload->plan;
	size_t i = plan_part_at(plan, off);

	for (; i < plan->nparts && plan->parts[i].off < end; i++) {
		const struct part *part = &plan->parts[i];

		if (!part->finished &&
		    !(is_final(pipeline) && part->off + part->done >= end))
			return false;
	}
	return true;
}

/* A block belongs to its writers until they are done with it. */
static bool is_written(const struct object *download, uint64_t off,
		       uint64_t end)
{
	const struct plan *plan = download->plan;

	/* In that order: until then a worker may change the plan. */
	if (!source_is_known(download->source))
		return false;
	for (size_t i = plan_part_at(plan, off);
	     i < plan->nparts && plan->parts[i].off < end; i++) {
		const struct part *part = &plan->parts[i];
		uint64_t part_end = part->off + part->size;

		if (part->off + part->done < (part_end < end ? part_end : end))
			return false;
	}
	return true;
}

static uint64_t block_end(const struct pipeline *pipeline, uint64_t off)
{
	uint64_t end = off - off % SPOOL_BLOCK + SPOOL_BLOCK;

	return end < pipeline->size ? end : pipeline->size;
}

static void drop_blocks(struct pipeline *pipeline)
{
	uint64_t hashed = hasher_position(pipeline->upload->hasher);
	bool in_order = true;

	if (keeps_all(pipeline))
		return;
	for (size_t i = pipeline->dropped; i * (uint64_t)SPOOL_BLOCK < hashed;
	     i++) {
		uint64_t off = i * (uint64_t)SPOOL_BLOCK;
		uint64_t end = block_end(pipeline, off);

		if (end > hashed)
			break;
		if (!is_sent(pipeline, off, end) ||
		    !is_written(pipeline->download, off, end)) {
			in_order = false;
			continue;
		}
		if (in_order)
			atomic_store(&pipeline->dropped, i + 1);
		lane_drop(pipeline->lane, i);
	}
}

/* A server that heeds no ranges sends all at once, and gets blocks as it goes. */
static void feed_blocks(struct pipeline *pipeline)
{
	uint64_t off = pipeline->granted, there, end;

	if (!source_sends_whole(atomic_load(&pipeline->download)->source))
		return;
	there = pipeline_reach(pipeline);
	/* The bytes before it need no block: an earlier run has moved them. */
	if (off < there)
		off = there;
	for (; off < pipeline->size && off < there + STREAM_AHEAD; off = end) {
		end = block_end(pipeline, off);
		if (!grant_blocks(pipeline, off, end))
			return;
	}
}

void pipeline_turn(struct pipeline *pipeline)
{
	feed_blocks(pipeline);
	drop_blocks(pipeline);
}

void pipeline_init(struct pipeline *pipeline, struct spool *spool,
		   uint64_t size, unsigned connections, struct bell *news)
{
	uint64_t max = (uint64_t)spool_blocks(spool) * SPOOL_BLOCK;

	*pipeline = (struct pipeline){
		.fill = { .write = pipeline_write,
			  .moved = pipeline_filled,
			  .is_ready = pipeline_can_fetch,
			  .ctx = pipeline },
		.drain = { .read = pipeline_read,
			   .moved = pipeline_drained,
			   .reach = pipeline_reach,
			   .is_ready = pipeline_can_send,
			   .ctx = pipeline },
		.size = size,
		.range_size = fetch_range_size(size, connections, max),
		.spool = spool,
		.data = bell_new(),
		.news = news,
	};
	pthread_mutex_init(&pipeline->mutex, NULL);
}

int pipeline_open(struct pipeline *pipeline, const struct plan *send,
		  size_t *needed, struct err *err)
{
	uint64_t bytes = fetch_least(send, pipeline->range_size);
	size_t least = spool_count(bytes), whole = spool_whole(pipeline->size);

	*needed = least < whole ? least : whole;
	if (*needed > spool_blocks(pipeline->spool))
		return err_set(err, ERR_USAGE,
			       "two of its parts need a spool of at least "
			       "%" PRIu64 " MiB (--max-disk)",
			       spool_max(*needed) >> 20);
	pipeline->is_short = pipeline->size <= bytes;
	pipeline->lane = lane_open(pipeline->spool, pipeline->size, *needed);
	if (!pipeline->lane)
		return err_set(err, ERR_BUSY, "the spool is full");
	return 0;
}

void pipeline_release(struct pipeline *pipeline)
{
	lane_close(pipeline->lane);
	bell_free(pipeline->data);
	pthread_mutex_destroy(&pipeline->mutex);
}

uint64_t fetch_range_size(uint64_t size, unsigned connections, uint64_t max)
{
	uint64_t range = size / (2 * (uint64_t)connections);

	if (range < RANGE_MIN)
		range = RANGE_MIN;
	if (range > RANGE_MAX)
		range = RANGE_MAX;
	if (range > max / 2)
		range = max / 2;
	/* Whole blocks: no two ranges share one. */
	range -= range % SPOOL_BLOCK;
	return range ? range : SPOOL_BLOCK;
}

/* Rounded up; `each` may be 0 if `n` is. */
static uint64_t divide(uint64_t n, uint64_t each)
{
	return n ? n / each + (n % each != 0) : 0;
}

static void add_ranges(struct plan *fetch, const struct part *part,
		       uint64_t range_size)
{
	uint64_t each = divide(part->size, divide(part->size, range_size));

	for (uint64_t off = 0; off < part->size; off += each) {
		struct part *range = &fetch->parts[fetch->nparts++];

		range->number = (unsigned)fetch->nparts;
		range->off = part->off + off;
		range->size = part->size - off < each ? part->size - off : each;
	}
}

static void skip_range(struct part *range, uint64_t hashed)
{
	if (hashed <= range->off)
		return;
	range->done = hashed - range->off;
	if (range->done > range->size)
		range->done = range->size;
	range->finished = range->done == range->size;
}

void fetch_plan_make(struct plan *fetch, const struct plan *send,
		     uint64_t range_size, uint64_t hashed)
{
	size_t n = 0;

	for (size_t i = 0; i < send->nparts; i++)
		n += (size_t)divide(send->parts[i].size, range_size);
	free(fetch->parts);
	fetch->parts = xcalloc(n, sizeof(*fetch->parts));
	fetch->nparts = 0;
	for (size_t i = 0; i < send->nparts; i++) {
		size_t first = fetch->nparts;

		add_ranges(fetch, &send->parts[i], range_size);
		for (; send->parts[i].finished && first < fetch->nparts;
		     first++)
			skip_range(&fetch->parts[first], hashed);
	}
}

uint64_t fetch_least(const struct plan *send, uint64_t range_size)
{
	uint64_t most = range_size;

	for (size_t i = 0; i < send->nparts; i++)
		if (!send->mode->part_is_final && !send->parts[i].is_stored &&
		    send->parts[i].size > most)
			most = send->parts[i].size;
	return 2 * most;
}
