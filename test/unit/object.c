/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "lfs/net/pool.h"
#include "lfs/transfer/object.h"
#include "test/unit/unit.h"

/* SHA-256 of "hello". */
static const char oid[] =
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

static struct plan *make_plan(uint64_t size, uint64_t part_size)
{
	const struct plan_request request = { .oid = oid, .size = size };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;

	assert_int_equal(plan_cut(plan, part_size, &err), 0);
	return plan;
}

static void moves_add_up(void **state)
{
	struct object object;
	struct part *parts;

	(void)state;
	object_init(&object, make_plan(100, 30));
	parts = object.plan->parts;
	object_move(&object, &parts[0], 10);
	object_move(&object, &parts[3], 10);
	object_move(&object, &parts[0], 30);
	assert_int_equal(object.moved, 40);
	/* A part that begins again takes back what it had. */
	object_move(&object, &parts[0], 0);
	assert_int_equal(object.moved, 10);
	object_move(&object, &parts[3], 0);
	assert_int_equal(object.moved, 0);
	for (int i = 0; i < 4; i++)
		object_move(&object, &parts[i], parts[i].size);
	assert_int_equal(object.moved, 100);
	/* Nobody to poke. */
	object_poke(&object, 0, 100, true);
	object_release(&object);
}

static uint64_t reach_all(void *ctx)
{
	(void)ctx;
	return 5;
}

/* Hash "hello" and check the object, its parts' CRCs as given. */
static int check(const uint32_t crcs[2], const char *text, struct err *err)
{
	static const struct retry_policy policy = { .retries = 0 };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	struct hasher_source source = { .read = object_read,
					.reach = reach_all };
	char path[] = "/tmp/lfsmp-object.XXXXXX";
	struct object object;
	int ret, fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(file_write(fd, text, strlen(text), err), 0);
	object_init(&object, make_plan(5, 3));
	object.path = strdup("the/file");
	object.plan->parts[0].crc_moved = crcs[0];
	object.plan->parts[1].crc_moved = crcs[1];
	object.fd = fd;
	source.ctx = &object;
	source.plan = object.plan;
	object.hasher = hasher_new(&source, pool, err);
	assert_non_null(object.hasher);
	assert_true(hasher_wait(object.hasher, 30000));
	ret = object_check(&object, err);
	object_release(&object);
	assert_true(pool_free(pool, 30000));
	return ret;
}

static void checks(void **state)
{
	/* The CRC-32 of "hel" and of "lo". */
	static const uint32_t good[2] = { 0xe50bf11b, 0x559c4a9d };
	static const uint32_t bad[2] = { 0xe50bf11b, 0x559c4a9e };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(check(good, "hello", &err), 0);
	assert_int_equal(check(bad, "hello", &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "part 2 of 2 moved other bytes"));
	assert_non_null(strstr(err.msg, "'the/file'"));
	err_clear(&err);
	assert_int_equal(check(good, "hallo", &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "2cf24dba5fb0"));
	err_clear(&err);
	assert_int_equal(check(good, "hell", &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
}

static void unverified(void **state)
{
	struct err err = ERR_INIT;
	struct object object;

	(void)state;
	object_init(&object, make_plan(5, 3));
	object.plan->parts[0].crc_moved = 1;
	assert_int_equal(object_check(&object, &err), 0);
	object_release(&object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_add_up),
		cmocka_unit_test(checks),
		cmocka_unit_test(unverified),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
