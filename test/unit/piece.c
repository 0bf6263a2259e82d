/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/piece.h"
#include "lfs/carry/spool.h"
#include "test/unit/unit.h"

#define MIB (1 << 20)

static const struct mode one_put = { .name = "one", .part_is_final = true };
static const struct mode parts = { .name = "parts" };

static const char oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* An object in parts of so many bytes. */
static struct plan *make(uint64_t size, uint64_t part_size)
{
	const struct plan_request request = { .direction = UPLOAD,
					      .oid = oid,
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
		uint64_t size, max, piece;
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
		uint64_t piece = piece_size(cases[i].size, cases[i].connections,
					    cases[i].max);

		assert_int_equal(piece, cases[i].piece);
		assert_int_equal(piece % SPOOL_BLOCK, 0);
	}
}

/* They cover the object in order, and none is of two parts. */
static void check_cut(uint64_t size, uint64_t part_size, uint64_t piece)
{
	struct plan *send = make(size, part_size),
		    *fetch = make(size, 1 + size);
	uint64_t off = 0;

	piece_cut(fetch, send, piece);
	for (size_t i = 0; i < fetch->nparts; i++) {
		const struct part *part = &fetch->parts[i];

		assert_int_equal(part->number, i + 1);
		assert_int_equal(part->off, off);
		assert_in_range(part->size, 1, piece);
		assert_false(part->finished);
		off += part->size;
		assert_int_equal(part->off / part_size, (off - 1) / part_size);
		assert_int_equal(piece_part_at(send, part->off),
				 part->off / part_size);
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
			for (uint64_t piece = 1; piece <= 25; piece++)
				check_cut(size, part, piece);
	check_cut((uint64_t)5 << 40, (uint64_t)5 << 30, 32 * MIB);
}

static void pieces_of_a_part_are_about_equal(void **state)
{
	struct plan *send = make(100, 100), *fetch = make(100, 100);

	(void)state;
	piece_cut(fetch, send, 33);
	assert_int_equal(fetch->nparts, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fetch->parts[i].size, 25);
	plan_free(send);
	plan_free(fetch);
}

/* What was sent, or is stored, need not come again: but for the hash. */
static void skips(void **state)
{
	static const struct {
		uint64_t hashed;
		const char *expected;	/* bytes of each piece of 5 */
	} cases[] = {
		{ 0, "00000000" },  { 4, "40000000" },	{ 5, "50000000" },
		{ 19, "55000000" }, { 25, "55005000" }, { 29, "55005400" },
		{ 30, "55005500" }, { 40, "55005500" },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(cases); k++) {
		struct plan *send = make(40, 10), *fetch = make(40, 40);

		send->parts[0].finished = true;
		send->parts[2].finished = send->parts[2].is_stored = true;
		piece_cut(fetch, send, 5);
		assert_int_equal(fetch->nparts, 8);
		piece_skip(fetch, send, cases[k].hashed);
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
	struct plan *send = make(25, 10);

	(void)state;
	assert_int_equal(piece_least(send, 4), 20);
	assert_int_equal(piece_least(send, 12), 24);
	/* What is stored is not moved. */
	send->parts[0].is_stored = send->parts[1].is_stored = true;
	assert_int_equal(piece_least(send, 4), 10);
	send->mode = &one_put;
	assert_int_equal(piece_least(send, 4), 8);
	plan_free(send);
	send = make(0, 10);
	assert_int_equal(piece_least(send, 4), 8);
	plan_free(send);
}

static void parts_at(void **state)
{
	struct plan *plan = make(25, 10), *empty = make(0, 10);

	(void)state;
	for (uint64_t off = 0; off < 25; off++)
		assert_int_equal(piece_part_at(plan, off), off / 10);
	assert_int_equal(piece_part_at(plan, 25), 3);
	assert_int_equal(piece_part_at(plan, UINT64_MAX), 3);
	assert_int_equal(piece_part_at(empty, 0), 0);
	plan_free(plan);
	plan_free(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_sizes),
		cmocka_unit_test(cuts),
		cmocka_unit_test(pieces_of_a_part_are_about_equal),
		cmocka_unit_test(skips),
		cmocka_unit_test(the_least),
		cmocka_unit_test(parts_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
