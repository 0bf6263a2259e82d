/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/carry/passage.h"
#include "lfs/carry/piece.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/source.h"
#include "lfs/transfer/upload.h"
#include "test/unit/unit.h"

#define MIB (1 << 20)

/* The spool has room for two parts, and nothing to spare. */
enum {
	SIZE = 12 * MIB,
	PART = 3 * MIB,
	SPOOL = 2 * PART
};

static const struct mode parts = { .name = "parts" };

/*
 * A second run of an object in four parts of 3 MiB: an earlier one has sent
 * some of them, and has hashed up to some place.
 */
struct bench {
	char oid[SHA256_HEX_SIZE];
	unsigned char *data;
	struct http_shared shared;
	struct pool *pool;
	struct bell *bell;
	struct spool *spool;
	struct passage passage;
	struct object source, target;
	uint64_t received;
};

static struct plan *make_plan(const struct bench *bench,
			      enum direction direction, uint64_t part_size)
{
	const struct plan_request request = { .direction = direction,
					      .oid = bench->oid,
					      .size = SIZE };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;

	assert_int_equal(plan_cut(plan, part_size, &err), 0);
	plan->mode = &parts;
	return plan;
}

static void make_data(struct bench *bench)
{
	unsigned char digest[SHA256_SIZE];
	struct sha256 sha;

	bench->data = xmalloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		bench->data[i] = (unsigned char)(i >> 12 ^ i * 7);
	sha256_init(&sha);
	sha256_update(&sha, bench->data, SIZE);
	sha256_final(&sha, digest);
	sha256_hex(digest, bench->oid);
}

/* `sent` has a letter for each part, `s` if it was; as relay.c goes about it. */
static void set_up(struct bench *bench, const char *sent, uint64_t hashed)
{
	static const struct retry_policy policy = { .retries = 0 };
	struct journal_hash start = { .zero = 0 };
	struct plan *send, *fetch;
	struct err err = ERR_INIT;
	struct sha256 sha;

	memset(bench, 0, sizeof(*bench));
	make_data(bench);
	sha256_init(&sha);
	sha256_update(&sha, bench->data, (size_t)hashed);
	sha256_save(&sha, start.sha);
	bench->pool = pool_new(1, &bench->shared, &policy);
	bench->bell = bell_new();
	bench->spool = spool_new("/tmp", SPOOL, &err);
	passage_init(&bench->passage, SIZE, bench->bell, bench->bell);
	bench->passage.piece = PART;
	send = make_plan(bench, UPLOAD, PART);
	for (size_t i = 0; i < send->nparts; i++)
		send->parts[i].finished = sent[i] == 's';
	bench->passage.lane = lane_open(bench->spool, SIZE,
					spool_count(piece_least(send, PART)));
	object_init(&bench->target, send);
	bench->target.io = &bench->passage.drain;
	bench->target.pool = bench->pool;
	bench->target.verifies = true;
	bench->target.start = start;
	bench->target.has_start = true;
	assert_int_equal(upload_open(&bench->target, &err), 0);
	bench->passage.target = &bench->target;
	fetch = make_plan(bench, DOWNLOAD, SIZE);
	piece_cut(fetch, send, PART);
	piece_skip(fetch, send, hasher_position(bench->target.hasher));
	object_init(&bench->source, fetch);
	bench->source.source = source_new(NULL, "http://host/object", SIZE);
	bench->source.io = &bench->passage.fill;
	assert_int_equal(download_open(&bench->source, &err), 0);
	passage_from(&bench->passage, &bench->source);
}

static void tear_down(struct bench *bench)
{
	object_release(&bench->target);
	object_release(&bench->source);
	passage_release(&bench->passage);
	spool_free(bench->spool);
	bell_free(bench->bell);
	assert_true(pool_free(bench->pool, 30000));
	free(bench->data);
}

/* All parts that are not sent go out, as far as they can. */
static void send_parts(struct bench *bench)
{
	struct plan *plan = bench->target.plan;

	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];
		size_t n = (size_t)part->size;
		struct err err = ERR_INIT;
		unsigned char *data;

		if (part->finished || !object_is_ready(&bench->target, part))
			continue;
		data = xmalloc(n);
		assert_int_equal(object_read(&bench->target, data, n, part->off,
					     &err),
				 0);
		assert_memory_equal(data, bench->data + part->off, n);
		part->finished = true;
		free(data);
	}
}

/* What the main thread does all the time. */
static void turn(struct bench *bench)
{
	send_parts(bench);
	passage_feed(&bench->passage);
	passage_drop(&bench->passage);
}

/* Turn until there are blocks for the part; they come as the hash goes on. */
static void wait_for_blocks(struct bench *bench, const struct part *part)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 60000; i++) {
		if (object_is_ready(&bench->source, part))
			return;
		turn(bench);
		nanosleep(&pause, NULL);
	}
	fail_msg("no blocks for part %u", part->number);
}

/*
 * Turn until the next bytes of a part, at most so many, may come.  A worker
 * waits for that by itself, but here it would keep the main thread from work.
 */
static void wait_for_grant(struct bench *bench, const struct part *part,
			   size_t n)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t end = part->off + part->done + n;

	if (end > part->off + part->size)
		end = part->off + part->size;
	for (int i = 0; i < 60000; i++) {
		turn(bench);
		if (bench->passage.granted >= end)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("no blocks up to %llu", (unsigned long long)end);
}

/* The next bytes of a part come, at most so many. */
static void receive(struct bench *bench, struct part *part, size_t n)
{
	uint64_t off = part->off + part->done;
	struct err err = ERR_INIT;

	if (n > part->size - part->done)
		n = (size_t)(part->size - part->done);
	if (object_write(&bench->source, bench->data + off, n, off, &err))
		fail_msg("at %llu: %s", (unsigned long long)off, err.msg);
	bench->received += n;
	object_move(&bench->source, part, part->done + n);
	object_poke(&bench->source, off, off + n, part->done == part->size);
}

static void wait_for_hash(struct bench *bench, uint64_t off)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 60000; i++) {
		if (hasher_position(bench->target.hasher) >= off)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("not hashed");
}

/* All that is missing of the pieces, in order. */
static void fetch(struct bench *bench)
{
	const struct plan *plan = bench->source.plan;

	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];

		if (part->finished)
			continue;
		wait_for_blocks(bench, part);
		/* Those behind it go out at the same time, if they can. */
		for (size_t k = i + 1; k < plan->nparts; k++)
			if (!object_is_ready(&bench->source, &plan->parts[k]))
				break;
		while (part->done < part->size) {
			wait_for_grant(bench, part, MIB / 4);
			receive(bench, part, MIB / 4);
		}
	}
}

static void check_end(struct bench *bench)
{
	struct err err = ERR_INIT;

	assert_true(hasher_wait(bench->target.hasher, 60000));
	assert_int_equal(hasher_verdict(bench->target.hasher, &err), 0);
	send_parts(bench);
	for (size_t i = 0; i < bench->target.plan->nparts; i++)
		assert_true(bench->target.plan->parts[i].finished);
}

/* The hash stands within a part that was sent, whose rest is fetched for it. */
static void hash_within_a_part(void **state)
{
	static const uint64_t hashed[] = {
		0, 64, 4 * MIB, 4 * MIB + 64, 5 * MIB, 6 * MIB, 8 * MIB - 192
	};

	(void)state;
	for (size_t k = 0; k < COUNT(hashed); k++) {
		struct bench bench;

		set_up(&bench, "sss.", hashed[k]);
		source_expect(bench.source.source);
		fetch(&bench);
		check_end(&bench);
		/* What was sent and hashed does not come again. */
		assert_int_equal(bench.received, SIZE - hashed[k]);
		assert_int_equal(bench.source.moved, SIZE);
		tear_down(&bench);
	}
}

/*
 * A source without ranges sends again what was sent and hashed, as something
 * before that is missing.
 */
static void the_whole_again(void **state)
{
	static const struct {
		const char *sent;
		uint64_t hashed;
	} cases[] = {
		{ "ss..", 6 * MIB },	  { ".ss.", 9 * MIB },
		{ ".ss.", 7 * MIB + 64 }, { "s.s.", 11 * MIB },
		{ "s.ss", 5 * MIB },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(cases); k++) {
		struct bench bench;
		struct plan *plan;
		size_t i = 0;

		set_up(&bench, cases[k].sent, cases[k].hashed);
		plan = bench.source.plan;
		/* The first piece that is missing is asked for. */
		while (plan->parts[i].finished)
			i++;
		wait_for_blocks(&bench, &plan->parts[i]);
		/* And the server's answer goes on up to the end: download.c. */
		while (plan->nparts > i + 1)
			object_move(&bench.source, &plan->parts[--plan->nparts],
				    0);
		plan->parts[i].size = SIZE - plan->parts[i].off;
		source_took_all(bench.source.source);
		fetch(&bench);
		check_end(&bench);
		assert_int_equal(bench.source.moved, SIZE);
		tear_down(&bench);
	}
}

/* Pieces are asked for again: what they had brought needs no blocks. */
static void pieces_again(void **state)
{
	struct bench bench;
	struct plan *plan;

	(void)state;
	set_up(&bench, "ssss", 0); /* so only the hash is waited for */
	source_expect(bench.source.source);
	plan = bench.source.plan;
	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];

		wait_for_blocks(&bench, part);
		receive(&bench, part, 2 * MIB);
		wait_for_hash(&bench, part->off + 2 * MIB);
		turn(&bench);
		wait_for_blocks(&bench, part);
		receive(&bench, part, MIB);
		wait_for_hash(&bench, part->off + PART);
		turn(&bench);
	}
	check_end(&bench);
	tear_down(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_within_a_part),
		cmocka_unit_test(the_whole_again),
		cmocka_unit_test(pieces_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
