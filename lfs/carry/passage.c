/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/passage.h"

#include "lfs/carry/piece.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/source.h"

enum {
	TICK_MS = 100,
	STREAM_AHEAD = 64 << 20 /* granted to a source without ranges */
};

static uint64_t reach(void *ctx)
{
	struct passage *passage = ctx;
	uint64_t off = 0;

	pthread_mutex_lock(&passage->mutex);
	if (passage->source)
		off = object_reach(passage->source);
	pthread_mutex_unlock(&passage->mutex);
	return off;
}

/* Does what was sent, and not yet finished, count as sent? */
static bool is_final(const struct passage *passage)
{
	return passage->target->plan->mode->part_is_final;
}

/* Only an upload in one PUT, and its hash, ever have to wait here. */
static int read_lane(void *ctx, void *data, size_t n, uint64_t off,
		     struct err *err)
{
	struct passage *passage = ctx;
	struct bell *bell = passage->data;
	struct err why = ERR_INIT;
	unsigned since = bell_count(bell);
	int ret;

	while (reach(passage) < off + n) {
		if (object_check_stop(passage->target, err))
			return -1;
		bell_wait(bell, since, TICK_MS);
		since = bell_count(bell);
	}
	ret = lane_read(passage->lane, data, n, off, &why);
	/* In that order: the main thread says what it drops before it does. */
	if (off / SPOOL_BLOCK < atomic_load(&passage->dropped))
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
	struct passage *passage = ctx;
	struct bell *bell = passage->data;
	unsigned since = bell_count(bell);

	while (atomic_load(&passage->granted) < off + n) {
		if (object_check_stop(passage->source, err))
			return -1;
		bell_wait(bell, since, TICK_MS);
		since = bell_count(bell);
	}
	return lane_write(passage->lane, data, n, off, err);
}

static void tell_of_blocks(struct passage *passage, uint64_t from, uint64_t to)
{
	if (from / SPOOL_BLOCK != to / SPOOL_BLOCK || to == passage->size)
		bell_ring(passage->news);
}

static void was_filled(void *ctx, uint64_t from, uint64_t to)
{
	struct passage *passage = ctx;

	hasher_poke(passage->target->hasher);
	bell_ring(passage->data);
	tell_of_blocks(passage, from, to);
}

static void was_drained(void *ctx, uint64_t from, uint64_t to)
{
	tell_of_blocks(ctx, from, to);
}

static void raise_granted(struct passage *passage, uint64_t to)
{
	if (to <= atomic_load(&passage->granted))
		return;
	atomic_store(&passage->granted, to);
	bell_ring(passage->data);
}

static bool can_fetch(void *ctx, const struct part *part)
{
	struct passage *passage = ctx;
	uint64_t end = part->off + part->size;

	/* The whole, as before, from a source without ranges: see feed(). */
	if (part->size > passage->piece)
		return true;
	if (!lane_grant(passage->lane, part->off + part->done, end))
		return false;
	raise_granted(passage, end);
	return true;
}

/* All of a part must be there, of a long PUT the beginning. */
static bool can_send(void *ctx, const struct part *part)
{
	struct passage *passage = ctx;
	const struct object *source = passage->source;
	uint64_t there = reach(passage);

	/* In that order: until then a worker may change the plan. */
	if (is_final(passage) && source_is_known(source->source) &&
	    (source->plan->nparts > 1 || source_sends_whole(source->source)))
		return there > part->off;
	return there >= part->off + part->size;
}

/* One PUT of what fits into the lane may be repeated: nothing is dropped. */
static bool keeps_all(const struct passage *passage)
{
	return is_final(passage) && passage->is_short;
}

static bool is_sent(const struct passage *passage, uint64_t from, uint64_t to)
{
	const struct plan *plan = passage->target->plan;
	size_t i = piece_part_at(plan, from);

	for (; i < plan->nparts && plan->parts[i].off < to; i++) {
		const struct part *part = &plan->parts[i];

		if (!part->finished &&
		    !(is_final(passage) && part->off + part->done >= to))
			return false;
	}
	return true;
}

/* A block belongs to its writers until they are done with it. */
static bool is_written(const struct passage *passage, uint64_t from,
		       uint64_t to)
{
	const struct plan *plan = passage->source->plan;
	size_t i;

	/* In that order: until then a worker may change the plan. */
	if (!source_is_known(passage->source->source))
		return false;
	for (i = piece_part_at(plan, from);
	     i < plan->nparts && plan->parts[i].off < to; i++) {
		const struct part *part = &plan->parts[i];
		uint64_t end = part->off + part->size;

		if (part->off + atomic_load(&part->done) <
		    (end < to ? end : to))
			return false;
	}
	return true;
}

void passage_drop(struct passage *passage)
{
	uint64_t hashed = hasher_position(passage->target->hasher);
	size_t first = atomic_load(&passage->dropped);
	bool in_order = true;

	if (keeps_all(passage))
		return;
	for (size_t i = first; i * (uint64_t)SPOOL_BLOCK < hashed; i++) {
		uint64_t from = i * (uint64_t)SPOOL_BLOCK;
		uint64_t to = from + SPOOL_BLOCK;

		if (to > passage->size)
			to = passage->size;
		if (to > hashed)
			break;
		if (!is_sent(passage, from, to) ||
		    !is_written(passage, from, to)) {
			in_order = false;
			continue;
		}
		if (in_order)
			atomic_store(&passage->dropped, i + 1);
		lane_drop(passage->lane, i);
	}
}

/* A source without ranges sends the whole in one, and gets blocks as it goes. */
void passage_feed(struct passage *passage)
{
	const struct object *source = passage->source;
	uint64_t granted = atomic_load(&passage->granted), there, to;

	if (!source_sends_whole(source->source))
		return;
	there = reach(passage);
	/* What is before it needs no block: an earlier run has moved it. */
	if (granted < there)
		granted = there;
	while (granted < passage->size && granted < there + STREAM_AHEAD) {
		to = granted - granted % SPOOL_BLOCK + SPOOL_BLOCK;
		if (to > passage->size)
			to = passage->size;
		if (!lane_grant(passage->lane, granted, to))
			return;
		raise_granted(passage, to);
		granted = to;
	}
}

void passage_init(struct passage *passage, uint64_t size, struct bell *data,
		  struct bell *news)
{
	*passage = (struct passage){ .size = size, .data = data, .news = news };
	passage->fill = (struct object_io){ .write = write_lane,
					    .moved = was_filled,
					    .is_ready = can_fetch,
					    .ctx = passage };
	passage->drain = (struct object_io){ .read = read_lane,
					     .moved = was_drained,
					     .reach = reach,
					     .is_ready = can_send,
					     .ctx = passage };
	pthread_mutex_init(&passage->mutex, NULL);
}

void passage_from(struct passage *passage, struct object *source)
{
	pthread_mutex_lock(&passage->mutex);
	passage->source = source;
	pthread_mutex_unlock(&passage->mutex);
}

void passage_release(struct passage *passage)
{
	lane_close(passage->lane);
	pthread_mutex_destroy(&passage->mutex);
}
