/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/git/storage.h"
#include "lfs/net/http.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/source.h"
#include "test/unit/tinyserver.h"
#include "test/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

enum { PART = 2 * MIB, SIZE = 3 * PART };

static char dir[] = "/tmp/lfsmp-download.XXXXXX";
static const struct storage storage = {
	.dir = dir, .multipart_dir = dir, .user_dir = dir, .object_mode = 0640
};
static unsigned char bytes[SIZE];
static char oid[SHA256_HEX_SIZE];

static int make_dir(void **state)
{
	unsigned char digest[SHA256_SIZE];
	struct sha256 sha;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * i >> 7 ^ i >> 13);
	sha256_init(&sha);
	sha256_update(&sha, bytes, sizeof(bytes));
	sha256_final(&sha, digest);
	sha256_hex(digest, oid);
	return mkdtemp(dir) && !http_setup(&err) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* A server with its behaviour, and an object with all that moves it. */
struct bench {
	enum tiny_way way;
	int status;	/* in place of the bytes; 0: serve them */
	struct tinyserver *server;
	struct http_shared shared;
	struct pool *pool;
	struct http *http;
	struct object object;
};

static bool answer(struct tinyrequest *request, void *ctx)
{
	const struct bench *bench = ctx;
	char text[100];

	if (!bench->status)
		return tinyserver_serve(request, bytes, SIZE, bench->way);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", bench->status);
	return tinyserver_puts(request, text);
}

static void set_up(struct bench *bench)
{
	static const struct retry_policy policy = { .retries = 0 };
	const struct plan_request request = { .direction = DOWNLOAD,
					      .oid = oid,
					      .size = SIZE };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;

	memset(bench, 0, sizeof(*bench));
	bench->server = tinyserver_start(answer, bench);
	assert_non_null(bench->server);
	bench->shared = (struct http_shared){ .connect_ms = 60000,
					      .stall_ms = 60000 };
	bench->pool = pool_new(1, &bench->shared, &policy);
	bench->http = http_new(&bench->shared, &err);
	assert_non_null(bench->http);
	assert_int_equal(plan_cut(plan, PART, &err), 0);
	plan->action.href = tinyserver_url(bench->server);
	plan->answer_ms = 60000;
	object_init(&bench->object, plan);
	bench->object.storage = &storage;
	bench->object.pool = bench->pool;
	bench->object.verifies = true;
	bench->object.source = source_new(NULL, plan->action.href, SIZE);
	assert_int_equal(download_open(&bench->object, &err), 0);
}

static void tear_down(struct bench *bench)
{
	partial_discard(&bench->object);
	bench->object.plan->action.href = NULL;
	object_release(&bench->object);
	http_free(bench->http);
	assert_true(pool_free(bench->pool, 60000));
	tinyserver_stop(bench->server);
}

static int fetch(struct bench *bench, size_t number, struct err *err)
{
	struct source_route route = SOURCE_ROUTE_INIT;
	int ret;

	do {
		err_clear(err);
		ret = download_part(&bench->object,
				    &bench->object.plan->parts[number - 1],
				    &route, bench->http, err);
	} while (ret && route.is_anew);
	return ret;
}

/* Bring the source to a state, by the answers that lead there. */
static void bring_to(struct bench *bench, enum source_state state)
{
	struct err err = ERR_INIT;

	switch (state) {
	case SOURCE_UNKNOWN:
		break;
	case SOURCE_EXPECTED:
		source_expect(bench->object.source);
		break;
	case SOURCE_HEEDED:
		assert_int_equal(fetch(bench, 3, &err), 0);
		break;
	case SOURCE_IGNORED:
		source_took_all(bench->object.source);
		break;
	case SOURCE_WHOLE:
		bench->status = 416;
		assert_int_equal(fetch(bench, 1, &err), -1);
		assert_true(download_ask_whole(&bench->object, &err));
		assert_int_equal(err.kind, ERR_NONE);
		bench->status = 0;
		break;
	}
	assert_int_equal(source_state(bench->object.source), state);
}

/* (state x answer): what one part gets. */
static const struct row {
	const char *name;
	enum source_state before;
	size_t part;	/* that is asked for */
	enum tiny_way way;
	int status;
	enum err_kind kind;
	const char *why;
	const char *range;	/* of the last request; NULL: none */
	uint64_t done;	/* bytes of the part, after it */
	size_t nparts;	/* of the object, after it */
	enum source_state after;
} rows[] = {
	{ "first, a range", SOURCE_UNKNOWN, 1, TINY_RANGE, 0, ERR_NONE, NULL,
	  "bytes=0-2097151", PART, 3, SOURCE_HEEDED },
	{ "first, the whole", SOURCE_UNKNOWN, 1, TINY_WHOLE, 0, ERR_NONE, NULL,
	  "bytes=0-2097151", SIZE, 1, SOURCE_IGNORED },
	{ "first of the middle, the whole", SOURCE_UNKNOWN, 2, TINY_WHOLE, 0,
	  ERR_NONE, NULL, "bytes=2097152-4194303", SIZE - PART, 2,
	  SOURCE_IGNORED },
	{ "first, cut", SOURCE_UNKNOWN, 1, TINY_CUT, 0, ERR_NETWORK,
	  "remaining", "bytes=0-2097151", MIB, 3, SOURCE_HEEDED },
	{ "expected, the whole", SOURCE_EXPECTED, 2, TINY_WHOLE, 0, ERR_NONE,
	  NULL, "bytes=2097152-4194303", PART, 3, SOURCE_EXPECTED },
	{ "heeded, a range", SOURCE_HEEDED, 2, TINY_RANGE, 0, ERR_NONE, NULL,
	  "bytes=2097152-4194303", PART, 3, SOURCE_HEEDED },
	{ "heeded, cut", SOURCE_HEEDED, 2, TINY_CUT, 0, ERR_NETWORK,
	  "remaining", "bytes=2097152-4194303", MIB, 3, SOURCE_HEEDED },
	{ "heeded, refused", SOURCE_HEEDED, 2, TINY_RANGE, 403, ERR_REFUSED,
	  "403", "bytes=2097152-4194303", 0, 3, SOURCE_HEEDED },
	{ "heeded, busy", SOURCE_HEEDED, 2, TINY_RANGE, 503, ERR_BUSY, "503",
	  "bytes=2097152-4194303", 0, 3, SOURCE_HEEDED },
	{ "whole", SOURCE_WHOLE, 1, TINY_RANGE, 0, ERR_NONE, NULL, NULL, SIZE,
	  1, SOURCE_WHOLE },
	{ "whole, cut", SOURCE_WHOLE, 1, TINY_CUT, 0, ERR_NETWORK, "remaining",
	  NULL, SIZE / 2, 1, SOURCE_WHOLE },
	{ "whole, busy", SOURCE_WHOLE, 1, TINY_RANGE, 500, ERR_BUSY, "500",
	  NULL, 0, 1, SOURCE_WHOLE },
};

static void check_range(struct bench *bench, const struct row *row)
{
	unsigned n = tinyserver_count(bench->server);
	const char *range = tinyserver_header(tinyserver_head(bench->server,
							      n - 1),
					      "Range");

	assert_int_equal(!range, !row->range);
	if (range)
		assert_memory_equal(range, row->range, strlen(row->range));
}

static void check_row(const struct row *row)
{
	struct bench bench;
	struct err err = ERR_INIT;
	const struct plan *plan;
	const struct part *part;
	char *got = xmalloc(SIZE);
	int ret;

	set_up(&bench);
	bring_to(&bench, row->before);
	bench.way = row->way;
	bench.status = row->status;
	ret = fetch(&bench, row->part, &err);
	plan = bench.object.plan;
	part = &plan->parts[row->part - 1];
	if (ret != (row->kind ? -1 : 0) || err.kind != row->kind ||
	    (row->why && !strstr(err.msg, row->why)) ||
	    part->done != row->done || plan->nparts != row->nparts ||
	    source_state(bench.object.source) != row->after)
		fail_msg("%s: %d, kind %d: %s; %llu bytes of %zu parts, state "
			 "%d",
			 row->name, ret, err.kind, err.msg,
			 (unsigned long long)part->done, plan->nparts,
			 source_state(bench.object.source));
	check_range(&bench, row);
	assert_int_equal(object_read(&bench.object, got, (size_t)row->done,
				     part->off, &err),
			 0);
	assert_memory_equal(got, bytes + part->off, row->done);
	tear_down(&bench);
	free(got);
}

static void states_and_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

/* Bytes of a part that were fetched are not asked for again. */
static void within_a_part(void **state)
{
	const struct row half = { .range = "bytes=3145728-4194303" };
	struct bench bench;
	struct err err = ERR_INIT;

	(void)state;
	set_up(&bench);
	/* Only one thread may ask object_reach(). */
	object_stop_hasher(&bench.object);
	bench.way = TINY_CUT;
	assert_int_equal(fetch(&bench, 2, &err), -1);
	assert_int_equal(object_reach(&bench.object), 0);
	bench.way = TINY_RANGE;
	assert_int_equal(fetch(&bench, 2, &err), 0);
	check_range(&bench, &half);
	assert_int_equal(bench.object.moved, PART);
	bench.way = TINY_CUT;
	assert_int_equal(fetch(&bench, 1, &err), -1);
	assert_int_equal(object_reach(&bench.object), MIB);
	bench.way = TINY_RANGE;
	assert_int_equal(fetch(&bench, 1, &err), 0);
	assert_int_equal(object_reach(&bench.object), 2 * PART);
	tear_down(&bench);
}

/* A stop ends a part at its next byte. */
static void stopped(void **state)
{
	struct bench bench;
	struct err err = ERR_INIT;

	(void)state;
	set_up(&bench);
	atomic_store(&bench.object.stopped, true);
	assert_int_equal(fetch(&bench, 1, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_int_equal(bench.object.moved, 0);
	tear_down(&bench);
}

static void fetch_all(struct bench *bench)
{
	struct err err = ERR_INIT;

	for (size_t i = 1; i <= bench->object.plan->nparts; i++) {
		const struct part *part = &bench->object.plan->parts[i - 1];

		if (part->done < part->size)
			assert_int_equal(fetch(bench, i, &err), 0);
	}
	assert_true(hasher_wait(bench->object.hasher, 60000));
}

/* The parts that are fetched again, the reason, and who is to blame. */
static void wrong_bytes(void **state)
{
	struct bench bench;
	struct err err = ERR_INIT;
	struct stat st;
	char byte = '?';

	(void)state;
	set_up(&bench);
	bench.way = TINY_SPOILT;
	fetch_all(&bench);
	assert_int_equal(object_check(&bench.object, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	/* By http: all of it. */
	bench.way = TINY_RANGE;
	assert_int_equal(download_mend(&bench.object, &err), 3);
	assert_int_equal(bench.object.moved, 0);
	fetch_all(&bench);
	err_clear(&err);
	assert_int_equal(object_check(&bench.object, &err), 0);
	/* One part is damaged on the disk, and hashed after that. */
	assert_int_equal(object_write(&bench.object, &byte, 1, PART + 1, &err),
			 0);
	assert_int_equal(object_start_hasher(&bench.object, &err), 0);
	assert_true(hasher_wait(bench.object.hasher, 60000));
	assert_int_equal(object_check(&bench.object, &err), -1);
	assert_int_equal(download_mend(&bench.object, &err), 1);
	assert_int_equal(bench.object.moved, 2 * PART);
	fetch_all(&bench);
	err_clear(&err);
	assert_int_equal(object_check(&bench.object, &err), 0);
	assert_int_equal(download_close(&bench.object, &err), 0);
	assert_int_equal(fstat(bench.object.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(st.st_size, SIZE);
	tear_down(&bench);
}

/* The same bytes come twice: they are the server's. */
static void the_servers_fault(void **state)
{
	struct bench bench;
	struct err err = ERR_INIT;

	(void)state;
	set_up(&bench);
	bench.way = TINY_SPOILT;
	fetch_all(&bench);
	assert_int_equal(object_check(&bench.object, &err), -1);
	assert_int_equal(download_mend(&bench.object, &err), 3);
	fetch_all(&bench);
	assert_int_equal(object_check(&bench.object, &err), -1);
	assert_int_equal(download_mend(&bench.object, &err), 0);
	download_blame(&bench.object, &err);
	assert_non_null(strstr(err.msg, "the same bytes came twice"));
	tear_down(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_and_answers),
		cmocka_unit_test(within_a_part),
		cmocka_unit_test(stopped),
		cmocka_unit_test(wrong_bytes),
		cmocka_unit_test(the_servers_fault),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
