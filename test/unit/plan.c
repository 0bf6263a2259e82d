/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/plan.h"
#include "test/unit/unit.h"

static const char oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static struct plan *cut(uint64_t size, uint64_t part_size, struct err *err)
{
	const struct plan_request request = {
		.direction = DOWNLOAD,
		.oid = oid,
		.size = size,
		.answer_ms = 7,
		.finish_ms = 8,
	};
	struct plan *plan = plan_new(&request);

	assert_int_equal(plan->direction, DOWNLOAD);
	assert_ptr_equal(plan->oid, oid);
	assert_int_equal(plan->answer_ms, 7);
	assert_int_equal(plan->finish_ms, 8);
	if (!plan_cut(plan, part_size, err))
		return plan;
	plan_free(plan);
	return NULL;
}

/* Contiguous, numbered, in order, all of one size but the last. */
static void check_cut(uint64_t size, uint64_t part_size, size_t nparts)
{
	struct err err = ERR_INIT;
	struct plan *plan = cut(size, part_size, &err);
	uint64_t off = 0;

	assert_non_null(plan);
	assert_int_equal(plan->nparts, nparts);
	for (size_t i = 0; i < nparts; i++) {
		const struct part *part = &plan->parts[i];

		assert_int_equal(part->number, i + 1);
		assert_int_equal(part->off, off);
		if (i + 1 < nparts)
			assert_int_equal(part->size, part_size);
		else
			assert_in_range(part->size, 1, part_size);
		assert_null(part->href);
		assert_null(part->etag);
		off += part->size;
	}
	assert_int_equal(off, size);
	plan_free(plan);
}

static void sizes(void **state)
{
	(void)state;
	check_cut(0, 10, 0);
	check_cut(1, 10, 1);
	check_cut(9, 10, 1);
	check_cut(10, 10, 1);
	check_cut(11, 10, 2);
	check_cut(100, 10, 10);
	check_cut(101, 10, 11);
	check_cut(5, 1, 5);
	check_cut(UINT64_MAX, UINT64_MAX, 1);
	check_cut(INT64_MAX, (uint64_t)1 << 62, 2);
	check_cut(UINT64_MAX, (uint64_t)1 << 63, 2);
}

static void too_many(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	check_cut(PLAN_PARTS_MAX, 1, PLAN_PARTS_MAX);
	assert_null(cut(PLAN_PARTS_MAX + 1, 1, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_string_equal(err.msg, "parts of 1 bytes would be 50001, over "
				     "the limit of 50000");
	err_clear(&err);
	assert_null(cut(UINT64_MAX, 1, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
}

static void our_choice(void **state)
{
	const uint64_t mib = 1 << 20, gib = 1 << 30;

	(void)state;
	assert_int_equal(plan_part_size(0, 16, 0, 0, 0), 8 * mib);
	assert_int_equal(plan_part_size(gib, 16, 0, 0, 0), 16 * mib);
	assert_int_equal(plan_part_size(gib, 1, 0, 0, 0), 64 * mib);
	assert_int_equal(plan_part_size(100 * gib, 16, 0, 0, 0), 64 * mib);
	assert_int_equal(plan_part_size(gib, 16, 2, 0, mib), mib);
	assert_int_equal(plan_part_size(gib, 16, 2, 0, 5),
			 gib / PLAN_PARTS_MAX + 1);
	assert_true(plan_part_size(UINT64_MAX, 1000, 2, 0, 0) >=
		    UINT64_MAX / PLAN_PARTS_MAX);
	/* Small ones: a part for each connection. */
	assert_int_equal(plan_part_size(mib, 16, 2, 0, 0), mib);
	assert_int_equal(plan_part_size(2000000, 16, 2, 0, 0), mib);
	assert_int_equal(plan_part_size(6 * mib, 16, 2, 0, 0), 3 * mib + 1);
	assert_int_equal(plan_part_size(6 * mib, 16, 1, 0, 0), 6 * mib + 1);
	assert_int_equal(plan_part_size(6 * mib, 16, 16, 0, 0), mib);
	assert_int_equal(plan_part_size(64 * mib, 16, 2, 0, 0), 8 * mib);
	assert_int_equal(plan_part_size(gib, 16, 2, 0, 0), 16 * mib);
}

/* A part takes one to eight seconds at the rate of a connection. */
static void our_choice_by_rate(void **state)
{
	const uint64_t mib = 1 << 20, gib = 1 << 30;

	(void)state;
	/* Slow: 64 MiB would be 64 s, and 16 are in the bounds. */
	assert_int_equal(plan_part_size(100 * gib, 16, 0, mib, 0), 8 * mib);
	assert_int_equal(plan_part_size(100 * gib, 16, 0, 1, 0), 8 * mib);
	assert_int_equal(plan_part_size(100 * gib, 16, 0, 3 * mib, 0),
			 24 * mib);
	assert_int_equal(plan_part_size(gib, 16, 0, 3 * mib, 0), 16 * mib);
	/* Fast: a round trip for each 16 MiB would count. */
	assert_int_equal(plan_part_size(gib, 16, 2, 40 * mib, 0), 40 * mib);
	assert_int_equal(plan_part_size(gib, 16, 2, 900 * mib, 0), 64 * mib);
	assert_int_equal(plan_part_size(gib, 16, 2, UINT64_MAX, 0), 64 * mib);
	/* But each connection has its part. */
	assert_int_equal(plan_part_size(512 * mib, 16, 0, 900 * mib, 0),
			 32 * mib);
	assert_int_equal(plan_part_size(64 * mib, 16, 16, 900 * mib, 0),
			 4 * mib + 1);
	/* The user's choice, and what the number of parts allows, count. */
	assert_int_equal(plan_part_size(gib, 16, 2, 900 * mib, mib), mib);
	assert_int_equal(plan_part_size(1000 * gib, 16, 0, mib, 0),
			 1000 * gib / PLAN_PARTS_MAX + 1);
}

static void parts_at(void **state)
{
	struct err err = ERR_INIT;
	struct plan *plan = cut(25, 10, &err), *empty = cut(0, 10, &err);

	(void)state;
	for (uint64_t off = 0; off < 25; off++)
		assert_int_equal(plan_part_at(plan, off), off / 10);
	assert_int_equal(plan_part_at(plan, 25), 3);
	assert_int_equal(plan_part_at(plan, UINT64_MAX), 3);
	assert_int_equal(plan_part_at(empty, 0), 0);
	plan_free(plan);
	plan_free(empty);
}

static void free_of_nothing(void **state)
{
	(void)state;
	plan_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(too_many),
		cmocka_unit_test(our_choice),
		cmocka_unit_test(our_choice_by_rate),
		cmocka_unit_test(parts_at),
		cmocka_unit_test(free_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
