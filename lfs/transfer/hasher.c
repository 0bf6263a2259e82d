/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/hasher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/crc.h"
#include "lfs/base/journal.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/wait.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/record.h"

enum {
	STEP = 256 << 10,	/* read and hashed at once: fits the L2 cache */
	WAKE_EVERY = 4 << 20,	/* bytes after which the main thread hears of it */
	WAIT_MS = 1000	/* for a poke, which ends the wait at once */
};

struct hasher {
	struct hasher_source source;
	struct pool *pool;	/* borrowed */
	pthread_t thread;
	struct sha256 sha;	/* the thread's, until done */
	size_t part;		/* the part at `position` */
	uint64_t saved;		/* the position in the journal */
	char hex[SHA256_HEX_SIZE];
	struct err err;
	unsigned char *data;	/* owned; STEP bytes */

	_Atomic(uint64_t) position;
	atomic_bool done;
	atomic_bool stop;

	struct bell *poked;	/* owned, as the next: for the thread */
	struct bell *ended;	/* for hasher_wait() */
};

static bool is_upload(const struct hasher *hasher)
{
	return hasher->source.plan->direction == UPLOAD;
}

static void end_part(struct hasher *hasher, const struct part *part)
{
	struct journal *journal = hasher->source.journal;
	struct journal_hashed hashed = { part->number, part->crc_hashed };

	hasher->part++;
	if (journal && is_upload(hasher))
		journal_add(journal, JOURNAL_HASHED, &hashed, sizeof(hashed),
			    NULL);
}

/* Add to the CRC of each part that the bytes belong to. */
static void add_to_parts(struct hasher *hasher, const unsigned char *data,
			 size_t n, uint64_t off)
{
	struct plan *plan = hasher->source.plan;

	while (n) {
		struct part *part = &plan->parts[hasher->part];
		uint64_t left = part->off + part->size - off;
		size_t here = left < n ? (size_t)left : n;

		part->crc_hashed = crc_update(part->crc_hashed, data, here);
		data += here;
		off += here;
		n -= here;
		if (here == left)
			end_part(hasher, part);
	}
}

static void save_state(struct hasher *hasher)
{
	struct journal *journal = hasher->source.journal;
	struct journal_hash hash = { .zero = 0 };

	if (!journal ||
	    hasher->sha.size - hasher->saved < hasher->source.save_every ||
	    hasher->sha.size % SHA256_BLOCK_SIZE)
		return;
	hasher->saved = hasher->sha.size;
	sha256_save(&hasher->sha, hash.sha);
	hash.crc = hasher->source.plan->parts[hasher->part].crc_hashed;
	journal_add(journal, JOURNAL_HASH, &hash, sizeof(hash), NULL);
}

/* As much as there is, in whole blocks but for the end of the object. */
static size_t step_size(const struct hasher *hasher, uint64_t off,
			uint64_t reach)
{
	uint64_t n = reach - off;

	if (n > STEP)
		n = STEP;
	if (n > SHA256_BLOCK_SIZE && off + n < hasher->source.plan->size)
		n -= (off + n) % SHA256_BLOCK_SIZE;
	return (size_t)n;
}

static int hash_step(struct hasher *hasher, uint64_t reach)
{
	uint64_t off = atomic_load(&hasher->position);
	size_t n = step_size(hasher, off, reach);

	if (hasher->source.read(hasher->source.ctx, hasher->data, n, off,
				&hasher->err))
		return -1;
	sha256_update(&hasher->sha, hasher->data, n);
	if (is_upload(hasher))
		add_to_parts(hasher, hasher->data, n, off);
	if (off + n < hasher->source.plan->size)
		save_state(hasher);
	atomic_store(&hasher->position, off + n);
	if ((off + n) / WAKE_EVERY != off / WAKE_EVERY)
		pool_wake(hasher->pool);
	return 0;
}

static void hash_all(struct hasher *hasher)
{
	uint64_t size = hasher->source.plan->size, reach;
	unsigned char digest[SHA256_SIZE];

	while (!atomic_load(&hasher->stop) &&
	       atomic_load(&hasher->position) < size) {
		unsigned since = bell_count(hasher->poked);

		reach = hasher->source.reach(hasher->source.ctx);
		if (reach <= atomic_load(&hasher->position))
			bell_wait(hasher->poked, since, WAIT_MS);
		else if (hash_step(hasher, reach))
			break;
	}
	sha256_final(&hasher->sha, digest);
	sha256_hex(digest, hasher->hex);
}

/* If a download is wrong, the CRC of each part tells which of them to mend. */
static void sum_parts(struct hasher *hasher)
{
	struct plan *plan = hasher->source.plan;
	uint64_t off = 0;
	size_t n;

	for (size_t i = 0; i < plan->nparts; i++)
		plan->parts[i].crc_hashed = 0;
	hasher->part = 0;
	for (; off < plan->size && !atomic_load(&hasher->stop); off += n) {
		n = step_size(hasher, off, plan->size);
		if (hasher->source.read(hasher->source.ctx, hasher->data, n,
					off, &hasher->err))
			return;
		add_to_parts(hasher, hasher->data, n, off);
	}
}

static void *hasher_run(void *arg)
{
	struct hasher *hasher = arg;

	hash_all(hasher);
	if (!is_upload(hasher) && !hasher->err.kind &&
	    strcmp(hasher->hex, hasher->source.plan->oid) != 0)
		sum_parts(hasher);
	atomic_store(&hasher->done, true);
	bell_ring(hasher->ended);
	pool_wake(hasher->pool);
	return NULL;
}

/*
 * Start where an earlier run's hash ended.  That run may have hashed more parts
 * than its last saved state covers: those are hashed again.
 */
static void start_at(struct hasher *hasher, const struct journal_hash *start)
{
	struct plan *plan = hasher->source.plan;
	uint64_t position;

	if (start && !sha256_load(&hasher->sha, start->sha))
		start = NULL;
	position = hasher->sha.size;
	hasher->saved = position;
	hasher->position = position;
	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];

		if (part->off + part->size <= position)
			hasher->part = i + 1;
		else
			part->crc_hashed = 0;
	}
	if (start && hasher->part < plan->nparts)
		plan->parts[hasher->part].crc_hashed = start->crc;
}

static void release(struct hasher *hasher)
{
	bell_free(hasher->poked);
	bell_free(hasher->ended);
	free(hasher->data);
	free(hasher);
}

struct hasher *hasher_new(const struct hasher_source *source, struct pool *pool,
			  struct err *err)
{
	struct hasher *hasher = xcalloc(1, sizeof(*hasher));
	int errnum;

	hasher->source = *source;
	hasher->pool = pool;
	hasher->data = xmalloc(STEP);
	sha256_init(&hasher->sha);
	start_at(hasher, source->start);
	hasher->poked = bell_new();
	hasher->ended = bell_new();
	errnum = pthread_create(&hasher->thread, NULL, hasher_run, hasher);
	if (!errnum)
		return hasher;
	err_sys(err, errnum, "cannot start a thread");
	release(hasher);
	return NULL;
}

void hasher_poke(struct hasher *hasher)
{
	bell_ring(hasher->poked);
}

uint64_t hasher_position(const struct hasher *hasher)
{
	return atomic_load(&hasher->position);
}

bool hasher_is_done(const struct hasher *hasher)
{
	return atomic_load(&hasher->done);
}

bool hasher_wait(struct hasher *hasher, unsigned timeout_ms)
{
	unsigned since = bell_count(hasher->ended);

	if (!hasher_is_done(hasher))
		bell_wait(hasher->ended, since, timeout_ms);
	return hasher_is_done(hasher);
}

int hasher_verdict(const struct hasher *hasher, struct err *err)
{
	const char *oid = hasher->source.plan->oid;

	if (hasher->err.kind) {
		if (!err->kind)
			*err = hasher->err;
		return -1;
	}
	if (!strcmp(hasher->hex, oid))
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "the bytes hash to %.12s..., not to the object's oid "
		       "%.12s...",
		       hasher->hex, oid);
}

void hasher_free(struct hasher *hasher)
{
	if (!hasher)
		return;
	atomic_store(&hasher->stop, true);
	hasher_poke(hasher);
	pthread_join(hasher->thread, NULL);
	release(hasher);
}
