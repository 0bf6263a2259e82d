/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lfs/net/http.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/upload.h"
#include "test/unit/tinyserver.h"
#include "test/unit/unit.h"

enum { MIB = 1 << 20 };

static const struct mode in_parts = { .name = "in parts" };

/* How many parts may go out before any byte is hashed? */
static size_t parts_at_once(uint64_t size, uint64_t part_size)
{
	static const struct retry_policy policy = { .retries = 0 };
	const struct plan_request request = { .oid = "0", .size = size };
	char path[] = "/tmp/lfsmp-upload.XXXXXX";
	int fd = mkstemp(path);
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct err err = ERR_INIT;
	struct object object;
	struct plan *plan;
	size_t n = 0;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	plan = plan_new(&request);
	assert_int_equal(plan_cut(plan, part_size, &err), 0);
	plan->mode = &in_parts;
	object_init(&object, plan);
	object.path = strdup(path);
	object.pool = pool;
	object.verifies = true;
	assert_int_equal(upload_open(&object, &err), 0);
	while (n < plan->nparts && object_is_ready(&object, &plan->parts[n]))
		n++;
	object_release(&object);
	assert_true(pool_free(pool, 30000));
	close(fd);
	unlink(path);
	return n;
}

/* Hashed, it has proved itself. */
static void touched(void **state)
{
	static const struct retry_policy policy = { .retries = 0 };
	static const struct plan_request request = { .oid = "0", .size = MIB };
	static const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

	(void)state;
	for (int verify = 0; verify < 2; verify++) {
		char path[] = "/tmp/lfsmp-upload.XXXXXX";
		int fd = mkstemp(path);
		struct http_shared shared = { .connect_ms = 1 };
		struct pool *pool = pool_new(1, &shared, &policy);
		struct err err = ERR_INIT;
		struct object object;
		struct plan *plan = plan_new(&request);

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, MIB), 0);
		assert_int_equal(plan_cut(plan, MIB, &err), 0);
		plan->mode = &in_parts;
		object_init(&object, plan);
		object.path = strdup(path);
		object.pool = pool;
		object.verifies = verify;
		assert_int_equal(upload_open(&object, &err), 0);
		assert_int_equal(futimens(fd, times), 0);
		assert_int_equal(upload_close(&object, &err), verify ? 0 : -1);
		assert_int_equal(err.kind, verify ? ERR_NONE : ERR_CORRUPT);
		object_release(&object);
		assert_true(pool_free(pool, 30000));
		close(fd);
		unlink(path);
	}
}

/* A file is read from disk once, if the hash is never far behind. */
static void not_too_far_ahead(void **state)
{
	(void)state;
	assert_int_equal(parts_at_once(1000 * MIB, 16 * MIB), 17);
	assert_int_equal(parts_at_once(1000 * MIB, 256 * MIB), 2);
}

/* But parts go side by side, whatever size the server wants. */
static void large_parts(void **state)
{
	(void)state;
	assert_int_equal(parts_at_once(1000 * MIB, 300 * MIB), 2);
	assert_int_equal(parts_at_once((uint64_t)20000 * MIB, 5000ull * MIB),
			 2);
}

/* A hash that is slow: its thread reads nothing until it may. */
struct slow {
	pthread_t worker;
	atomic_bool may_hash;
	struct object *object;
	uint64_t high;	/* what was read before */
};

static int read_zeros(void *ctx, void *data, size_t n, uint64_t off,
		      struct err *err)
{
	const struct slow *slow = ctx;

	(void)off;
	(void)err;
	while (!pthread_equal(pthread_self(), slow->worker) &&
	       !atomic_load(&slow->may_hash))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	memset(data, 0, n);
	return 0;
}

static void note_move(void *ctx, uint64_t from, uint64_t to)
{
	(void)ctx;
	(void)from;
	(void)to;
}

static uint64_t get_reach(void *ctx)
{
	return atomic_load(&((const struct slow *)ctx)->object->high);
}

static void *let_hash(void *arg)
{
	struct slow *slow = arg;

	nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	slow->high = atomic_load(&slow->object->high);
	atomic_store(&slow->may_hash, true);
	return NULL;
}

/* Or all but the last byte would be sent, and then nothing for a while. */
static void one_part_at_the_pace_of_the_hash(void **state)
{
	static const struct retry_policy policy = { .retries = 0 };
	static const struct mode mode = { .name = "one",
					  .part_is_final = true };
	struct http_shared shared = { .connect_ms = 5000, .stall_ms = 60000 };
	struct tinyserver *server = tinyserver_start(
		tinyserver_text,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	struct pool *pool = pool_new(1, &shared, &policy);
	const struct plan_request request = {
		.oid = "2daeb1f36095b44b318410b3f4e8b5d9"
		       "89dcc7bb023d1426c492dab0a3053e74",
		.size = 8 * MIB,
		.answer_ms = 60000,
		.finish_ms = 60000,
	};
	struct slow slow = { .worker = pthread_self() };
	struct object_io io = { .read = read_zeros,
				.moved = note_move,
				.reach = get_reach,
				.ctx = &slow };
	struct err err = ERR_INIT;
	struct http *http = http_new(&shared, &err);
	struct plan *plan = plan_new(&request);
	struct object object;
	pthread_t thread;

	(void)state;
	assert_int_equal(plan_cut(plan, 8 * MIB, &err), 0);
	plan->mode = &mode;
	plan->action.href = tinyserver_url(server);
	object_init(&object, plan);
	object.io = &io;
	slow.object = &object;
	object.pool = pool;
	object.verifies = true;
	assert_int_equal(upload_open(&object, &err), 0);
	assert_int_equal(object.window, 256 * MIB);
	object.window = 2 * MIB;
	assert_int_equal(pthread_create(&thread, NULL, let_hash, &slow), 0);
	assert_int_equal(upload_part(&object, plan->parts, http, &err), 0);
	pthread_join(thread, NULL);
	assert_in_range(slow.high, 2 * MIB, 3 * MIB);
	plan->action.href = NULL;
	object_release(&object);
	http_free(http);
	assert_true(pool_free(pool, 30000));
	tinyserver_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_too_far_ahead),
		cmocka_unit_test(large_parts),
		cmocka_unit_test(touched),
		cmocka_unit_test(one_part_at_the_pace_of_the_hash),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
