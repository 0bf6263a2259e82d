/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/pipeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/source.h"

/* One block in so many is not used, so that its disk is left to journals. */
enum { ROOM_SHARE = 16 };

struct spool {
	int fd;
	size_t nblocks;
	size_t nfree;
	size_t nkept;	/* of the free ones: for lanes that need them */
	size_t peak;
	bool *is_used;	/* owned */
	size_t lowest;	/* no block below it is free */
};

struct lane {
	struct spool *spool;	/* borrowed */
	size_t least;	/* blocks that it gets in any case */
	size_t held;
	size_t left;	/* blocks that it has not had yet */
	size_t nblocks;
	_Atomic(uint32_t) *blocks;	/* owned; 0: none, otherwise number + 1 */
};

struct spool *spool_new(const char *dir, uint64_t max, struct err *err)
{
	uint64_t nblocks = max / SPOOL_BLOCK;
	struct spool *spool;
	int fd = file_open_unlinked(dir, err);

	if (fd < 0)
		return NULL;
	spool = xcalloc(1, sizeof(*spool));
	spool->fd = fd;
	nblocks -= nblocks / ROOM_SHARE;
	if (nblocks > SPOOL_BLOCKS_MAX)
		nblocks = SPOOL_BLOCKS_MAX;
	spool->nblocks = nblocks ? (size_t)nblocks : 1;
	spool->nfree = spool->nblocks;
	spool->is_used = xcalloc(spool->nblocks, sizeof(*spool->is_used));
	return spool;
}

uint64_t spool_max(size_t nblocks)
{
	size_t unused = nblocks ? (nblocks - 1) / (ROOM_SHARE - 1) : 0;

	return (uint64_t)(nblocks + unused) * SPOOL_BLOCK;
}

size_t spool_blocks(const struct spool *spool)
{
	return spool->nblocks;
}

size_t spool_room(const struct spool *spool)
{
	return spool->nfree - spool->nkept;
}

uint64_t spool_peak(const struct spool *spool)
{
	return (uint64_t)spool->peak * SPOOL_BLOCK;
}

void spool_free(struct spool *spool)
{
	if (!spool)
		return;
	close(spool->fd);
	free(spool->is_used);
	free(spool);
}

size_t spool_count(uint64_t bytes)
{
	size_t n = (size_t)(bytes / SPOOL_BLOCK);

	return bytes % SPOOL_BLOCK ? n + 2 : n;
}

/* How many an object of so many bytes has; over SPOOL_WHOLE_MAX is not possible. */
static size_t spool_whole(uint64_t size)
{
	return (size_t)((size + SPOOL_BLOCK - 1) / SPOOL_BLOCK);
}

/* The free blocks that are kept for this lane alone. */
static size_t count_kept(const struct lane *lane)
{
	size_t n = lane->held < lane->least ? lane->least - lane->held : 0;

	return n < lane->left ? n : lane->left;
}

struct lane *lane_open(struct spool *spool, uint64_t size, size_t least)
{
	size_t nblocks = spool_whole(size);
	struct lane *lane;

	if (least > nblocks)
		least = nblocks;
	if (spool_room(spool) < least)
		return NULL;
	lane = xcalloc(1, sizeof(*lane));
	lane->spool = spool;
	lane->least = least;
	lane->left = lane->nblocks = nblocks;
	lane->blocks = xcalloc(nblocks, sizeof(*lane->blocks));
	spool->nkept += least;
	return lane;
}

static void take_block(struct lane *lane, size_t i)
{
	struct spool *spool = lane->spool;
	size_t before = count_kept(lane);

	while (spool->is_used[spool->lowest])
		spool->lowest++;
	spool->is_used[spool->lowest] = true;
	spool->nfree--;
	if (spool->nblocks - spool->nfree > spool->peak)
		spool->peak = spool->nblocks - spool->nfree;
	lane->held++;
	lane->left--;
	lane->blocks[i] = (uint32_t)spool->lowest + 1;
	spool->nkept -= before - count_kept(lane);
}

bool lane_grant(struct lane *lane, uint64_t from, uint64_t to)
{
	size_t first = (size_t)(from / SPOOL_BLOCK), n = 0;
	size_t end = (size_t)((to + SPOOL_BLOCK - 1) / SPOOL_BLOCK);

	for (size_t i = first; i < end; i++)
		n += !lane->blocks[i];
	if (n > lane->spool->nfree - lane->spool->nkept + count_kept(lane))
		return false;
	for (size_t i = first; i < end; i++)
		if (!lane->blocks[i])
			take_block(lane, i);
	return true;
}

void lane_drop(struct lane *lane, size_t i)
{
	struct spool *spool = lane->spool;
	size_t block = lane->blocks[i], before = count_kept(lane);

	if (!block--)
		return;
	lane->blocks[i] = 0;
	lane->held--;
	spool->is_used[block] = false;
	spool->nfree++;
	spool->nkept += count_kept(lane) - before;
	if (block < spool->lowest)
		spool->lowest = block;
}

/* Bytes from `off` to the end of its block, and where they are in the file. */
static size_t locate(const struct lane *lane, uint64_t off, size_t n,
		     uint64_t *at)
{
	uint64_t within = off % SPOOL_BLOCK;
	uint64_t block = lane->blocks[off / SPOOL_BLOCK];

	*at = (block - 1) * SPOOL_BLOCK + within;
	return n < SPOOL_BLOCK - within ? n : (size_t)(SPOOL_BLOCK - within);
}

int lane_write(struct lane *lane, const void *data, size_t n, uint64_t off,
	       struct err *err)
{
	size_t here;
	uint64_t at;

	for (const char *p = data; n; p += here, off += here, n -= here) {
		here = locate(lane, off, n, &at);
		if (file_write_at(lane->spool->fd, p, here, at, err))
			return err_wrap(err, "the spool");
	}
	return 0;
}

int lane_read(struct lane *lane, void *data, size_t n, uint64_t off,
	      struct err *err)
{
	size_t here;
	uint64_t at;

	for (char *p = data; n; p += here, off += here, n -= here) {
		here = locate(lane, off, n, &at);
		if (file_read_at(lane->spool->fd, p, here, at, err))
			return err_wrap(err, "the spool");
	}
	return 0;
}

void lane_close(struct lane *lane)
{
	if (!lane)
		return;
	for (size_t i = 0; i < lane->nblocks; i++)
		lane_drop(lane, i);
	lane->spool->nkept -= count_kept(lane);
	free(lane->blocks);
	free(lane);
}

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
