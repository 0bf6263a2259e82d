/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/carry/pipeline.h"
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
static const struct mode one_put = { .name = "one", .part_is_final = true };

/*
 * A second run of an object in four parts of 3 MiB: an earlier one has sent
 * some of them, and has hashed up to some place.
 */
struct bench {
	char oid[SHA256_HEX_SIZE];
	unsigned char *data;
	struct http_shared shared;
	struct pool *pool;
	struct bell *news;
	struct spool *spool;
	struct pipeline pipeline;
	struct object download, upload;
	size_t needed;
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
	bench->news = bell_new();
	bench->spool = spool_new("/tmp", SPOOL, &err);
	pipeline_init(&bench->pipeline, bench->spool, SIZE, 1, bench->news);
	assert_int_equal(bench->pipeline.range_size, PART);
	send = make_plan(bench, UPLOAD, PART);
	for (size_t i = 0; i < send->nparts; i++)
		send->parts[i].finished = sent[i] == 's';
	assert_int_equal(pipeline_open(&bench->pipeline, send, &bench->needed,
				       &err),
			 0);
	assert_int_equal(bench->needed, SPOOL / MIB);
	object_init(&bench->upload, send);
	bench->upload.io = &bench->pipeline.drain;
	bench->upload.pool = bench->pool;
	bench->upload.verifies = true;
	bench->upload.start = start;
	bench->upload.has_start = true;
	assert_int_equal(upload_open(&bench->upload, &err), 0);
	bench->pipeline.upload = &bench->upload;
	fetch = make_plan(bench, DOWNLOAD, SIZE);
	fetch_plan_make(fetch, send, PART,
			hasher_position(bench->upload.hasher));
	object_init(&bench->download, fetch);
	bench->download.source = source_new(NULL, "http://host/object", SIZE);
	bench->download.io = &bench->pipeline.fill;
	assert_int_equal(download_open(&bench->download, &err), 0);
	bench->pipeline.download = &bench->download;
}

static void tear_down(struct bench *bench)
{
	object_release(&bench->upload);
	object_release(&bench->download);
	pipeline_release(&bench->pipeline);
	spool_free(bench->spool);
	bell_free(bench->news);
	assert_true(pool_free(bench->pool, 30000));
	free(bench->data);
}

/* All parts that are not sent go out, as far as they can. */
static void send_parts(struct bench *bench)
{
	struct plan *plan = bench->upload.plan;

	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];
		size_t n = (size_t)part->size;
		struct err err = ERR_INIT;
		unsigned char *data;

		if (part->finished || !object_is_ready(&bench->upload, part))
			continue;
		data = xmalloc(n);
		assert_int_equal(object_read(&bench->upload, data, n, part->off,
					     &err),
				 0);
		assert_memory_equal(data, bench->data + part->off, n);
		part->finished = true;
		free(data);
	}
}

/* The work that the main thread does all the time. */
static void turn(struct bench *bench)
{
	send_parts(bench);
	pipeline_turn(&bench->pipeline);
}

/* Turn until there are blocks for the part; they come as the hash goes on. */
static void wait_for_blocks(struct bench *bench, const struct part *part)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 60000; i++) {
		if (object_is_ready(&bench->download, part))
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
		if (bench->pipeline.granted >= end)
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
	if (object_write(&bench->download, bench->data + off, n, off, &err))
		fail_msg("at %llu: %s", (unsigned long long)off, err.msg);
	bench->received += n;
	object_move(&bench->download, part, part->done + n);
	object_poke(&bench->download, off, off + n, part->done == part->size);
}

static void wait_for_hash(struct bench *bench, uint64_t off)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 60000; i++) {
		if (hasher_position(bench->upload.hasher) >= off)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("not hashed");
}

/* All that is missing of the ranges, in order. */
static void fetch(struct bench *bench)
{
	const struct plan *plan = bench->download.plan;

	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];

		if (part->finished)
			continue;
		wait_for_blocks(bench, part);
		/* The parts after it go out at the same time, if they can. */
		for (size_t k = i + 1; k < plan->nparts; k++)
			if (!object_is_ready(&bench->download, &plan->parts[k]))
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

	assert_true(hasher_wait(bench->upload.hasher, 60000));
	assert_int_equal(hasher_verdict(bench->upload.hasher, &err), 0);
	send_parts(bench);
	for (size_t i = 0; i < bench->upload.plan->nparts; i++)
		assert_true(bench->upload.plan->parts[i].finished);
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
		source_expect(bench.download.source);
		fetch(&bench);
		check_end(&bench);
		/* Bytes that were sent and hashed are not fetched again. */
		assert_int_equal(bench.received, SIZE - hashed[k]);
		assert_int_equal(bench.download.moved, SIZE);
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
		plan = bench.download.plan;
		/* The first range that is missing is asked for. */
		while (plan->parts[i].finished)
			i++;
		wait_for_blocks(&bench, &plan->parts[i]);
		/* And the server's answer goes on up to the end: download.c. */
		while (plan->nparts > i + 1)
			object_move(&bench.download,
				    &plan->parts[--plan->nparts], 0);
		plan->parts[i].size = SIZE - plan->parts[i].off;
		source_took_all(bench.download.source);
		fetch(&bench);
		check_end(&bench);
		assert_int_equal(bench.download.moved, SIZE);
		tear_down(&bench);
	}
}

/* Ranges are asked for again: what they had brought needs no blocks. */
static void ranges_again(void **state)
{
	struct bench bench;
	struct plan *plan;

	(void)state;
	set_up(&bench, "ssss", 0); /* so only the hash is waited for */
	source_expect(bench.download.source);
	plan = bench.download.plan;
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

static const char no_oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* An object in parts of so many bytes. */
static struct plan *make_parts(uint64_t size, uint64_t part_size)
{
	const struct plan_request request = { .direction = UPLOAD,
					      .oid = no_oid,
					      .size = size };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;

	assert_int_equal(plan_cut(plan, part_size, &err), 0);
	plan->mode = &parts;
	return plan;
}

static void good_sizes(void **state)
{
	static const struct {
		uint64_t size, max, range;
		unsigned connections;
	} cases[] = {
		/* Two for each connection, within 4 to 32 MiB. */
		{ 320 * (uint64_t)MIB, UINT64_MAX, 10 * MIB, 16 },
		{ 325 * (uint64_t)MIB, UINT64_MAX, 10 * MIB, 16 },
		{ 1, UINT64_MAX, 4 * MIB, 16 },
		{ 0, UINT64_MAX, 4 * MIB, 16 },
		{ UINT64_MAX, UINT64_MAX, 32 * MIB, 16 },
		{ UINT64_MAX, UINT64_MAX, 32 * MIB, 1 },
		/* Half of what there is, in whole blocks, and one at least. */
		{ 320 * (uint64_t)MIB, 13 * MIB, 6 * MIB, 16 },
		{ 320 * (uint64_t)MIB, 2 * MIB, MIB, 16 },
		{ 320 * (uint64_t)MIB, MIB, MIB, 16 },
		{ 320 * (uint64_t)MIB, 0, MIB, 16 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t range = fetch_range_size(cases[i].size,
						  cases[i].connections,
						  cases[i].max);

		assert_int_equal(range, cases[i].range);
		assert_int_equal(range % SPOOL_BLOCK, 0);
	}
}

/* They cover the object in order, and none is of two parts. */
static void check_cut(uint64_t size, uint64_t part_size, uint64_t range)
{
	struct plan *send = make_parts(size, part_size),
		    *fetch = make_parts(size, 1 + size);
	uint64_t off = 0;

	fetch_plan_make(fetch, send, range, 0);
	for (size_t i = 0; i < fetch->nparts; i++) {
		const struct part *part = &fetch->parts[i];

		assert_int_equal(part->number, i + 1);
		assert_int_equal(part->off, off);
		assert_in_range(part->size, 1, range);
		assert_false(part->finished);
		assert_int_equal(plan_part_at(send, off), off / part_size);
		off += part->size;
		assert_int_equal(part->off / part_size, (off - 1) / part_size);
	}
	assert_int_equal(off, size);
	plan_free(send);
	plan_free(fetch);
}

static void cuts(void **state)
{
	(void)state;
	for (uint64_t size = 0; size <= 24; size++)
		for (uint64_t part = 1; part <= 25; part++)
			for (uint64_t range = 1; range <= 25; range++)
				check_cut(size, part, range);
	check_cut((uint64_t)5 << 40, (uint64_t)5 << 30, 32 * MIB);
}

static void ranges_of_a_part_are_about_equal(void **state)
{
	struct plan *send = make_parts(100, 100), *fetch = make_parts(100, 100);

	(void)state;
	fetch_plan_make(fetch, send, 33, 0);
	assert_int_equal(fetch->nparts, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fetch->parts[i].size, 25);
	plan_free(send);
	plan_free(fetch);
}

/* Bytes that were sent, or are stored, are fetched again only for the hash. */
static void skips(void **state)
{
	static const struct {
		uint64_t hashed;
		const char *expected;	/* bytes of each range of 5 */
	} cases[] = {
		{ 0, "00000000" },  { 4, "40000000" },	{ 5, "50000000" },
		{ 19, "55000000" }, { 25, "55005000" }, { 29, "55005400" },
		{ 30, "55005500" }, { 40, "55005500" },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(cases); k++) {
		struct plan *send = make_parts(40, 10),
			    *fetch = make_parts(40, 40);

		send->parts[0].finished = true;
		send->parts[2].finished = send->parts[2].is_stored = true;
		fetch_plan_make(fetch, send, 5, cases[k].hashed);
		assert_int_equal(fetch->nparts, 8);
		for (size_t i = 0; i < fetch->nparts; i++) {
			const struct part *part = &fetch->parts[i];
			unsigned done = (unsigned)(cases[k].expected[i] - '0');

			assert_int_equal(part->done, done);
			assert_int_equal(part->finished, done == 5);
		}
		plan_free(send);
		plan_free(fetch);
	}
}

static void the_least(void **state)
{
	struct plan *send = make_parts(25, 10);

	(void)state;
	assert_int_equal(fetch_least(send, 4), 20);
	assert_int_equal(fetch_least(send, 12), 24);
	/* Stored bytes are not moved. */
	send->parts[0].is_stored = send->parts[1].is_stored = true;
	assert_int_equal(fetch_least(send, 4), 10);
	send->mode = &one_put;
	assert_int_equal(fetch_least(send, 4), 8);
	plan_free(send);
	send = make_parts(0, 10);
	assert_int_equal(fetch_least(send, 4), 8);
	plan_free(send);
}

/* Two parts, or two ranges, must fit in; of an object that is smaller, all. */
static void room_in_the_spool(void **state)
{
	static const struct {
		uint64_t size, part_size, taken;	/* MiB */
		size_t needed;
		enum err_kind kind;
	} cases[] = {
		{ 12, 3, 0, 6, ERR_NONE }, { 12, 1, 0, 6, ERR_NONE },
		{ 2, 2, 0, 2, ERR_NONE },  { 12, 4, 0, 8, ERR_USAGE },
		{ 12, 3, 1, 6, ERR_BUSY }, { 4, 4, 2, 4, ERR_NONE },
		{ 4, 4, 3, 4, ERR_BUSY },  { 0, 1, 6, 0, ERR_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct plan *send = make_parts(cases[i].size * MIB,
					       cases[i].part_size * MIB);
		struct err err = ERR_INIT;
		struct spool *spool = spool_new("/tmp", SPOOL, &err);
		struct lane *other = lane_open(spool, cases[i].taken * MIB,
					       cases[i].taken);
		struct pipeline pipeline;
		size_t needed;

		pipeline_init(&pipeline, spool, cases[i].size * MIB, 1, NULL);
		assert_int_equal(pipeline_open(&pipeline, send, &needed, &err),
				 cases[i].kind ? -1 : 0);
		assert_int_equal(err.kind, cases[i].kind);
		assert_int_equal(needed, cases[i].needed);
		if (err.kind == ERR_USAGE)
			assert_non_null(strstr(err.msg, "at least 8 MiB"));
		pipeline_release(&pipeline);
		lane_close(other);
		spool_free(spool);
		plan_free(send);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_within_a_part),
		cmocka_unit_test(the_whole_again),
		cmocka_unit_test(ranges_again),
		cmocka_unit_test(good_sizes),
		cmocka_unit_test(cuts),
		cmocka_unit_test(ranges_of_a_part_are_about_equal),
		cmocka_unit_test(skips),
		cmocka_unit_test(the_least),
		cmocka_unit_test(room_in_the_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
