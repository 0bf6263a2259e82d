/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lfs/net/http.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/pool.h"
#include "lfs/transfer/upload.h"

enum { MIB = 1 << 20 };

/* How many parts may go out before any byte is hashed? */
static size_t parts_at_once(uint64_t size, uint64_t part_size)
{
	static const struct retry_policy policy = { 0, 0, 0 };
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
	object_init(&object, plan);
	object.path = strdup(path);
	assert_int_equal(upload_open(&object, NULL, true, pool, &err), 0);
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
	static const struct retry_policy policy = { 0, 0, 0 };
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
		object_init(&object, plan);
		object.path = strdup(path);
		assert_int_equal(upload_open(&object, NULL, verify, pool, &err),
				 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_too_far_ahead),
		cmocka_unit_test(large_parts),
		cmocka_unit_test(touched),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
