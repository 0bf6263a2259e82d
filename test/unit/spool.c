/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/pipeline.h"
#include "test/unit/unit.h"

enum {
	BLOCK = SPOOL_BLOCK,
	NLANES = 3,
	NBLOCKS = 6,
	LANE_BLOCKS = 5	/* the most of a lane */
};

static struct spool *make(uint64_t max)
{
	struct err err = ERR_INIT;
	struct spool *spool = spool_new("/tmp", max, &err);

	assert_non_null(spool);
	return spool;
}

static void sizes(void **state)
{
	static const struct {
		uint64_t max;
		size_t blocks;
	} cases[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ BLOCK - 1, 1 },
		{ BLOCK, 1 },
		{ 2 * BLOCK - 1, 1 },
		{ 2 * BLOCK, 2 },
		{ 15 * BLOCK, 15 },
		/* One in 16 is for the journals. */
		{ 16 * BLOCK, 15 },
		{ (uint64_t)4 << 30, 4096 - 256 },
		{ (uint64_t)2 << 40, SPOOL_BLOCKS_MAX },
		{ UINT64_MAX, SPOOL_BLOCKS_MAX },
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct spool *spool = make(cases[i].max);

		assert_int_equal(spool_blocks(spool), cases[i].blocks);
		assert_int_equal(spool_peak(spool), 0);
		spool_free(spool);
	}
	spool_free(NULL);
	assert_null(spool_new("/nowhere/at/all", BLOCK, &err));
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_non_null(strstr(err.msg, "/nowhere/at/all"));
}

/* The least size of a spool with so many blocks. */
static void the_least_max(void **state)
{
	(void)state;
	for (size_t n = 1; n < 200; n++) {
		struct spool *spool = make(spool_max(n));

		assert_int_equal(spool_blocks(spool), n);
		spool_free(spool);
		if (n == 1)
			continue;
		spool = make(spool_max(n) - 1);
		assert_true(spool_blocks(spool) < n);
		spool_free(spool);
	}
}

/* As many as a range of that length can touch. */
static void counts(void **state)
{
	static const uint64_t lengths[] = {
		1, 2, 999, BLOCK - 1, BLOCK + 1, BLOCK + 2, 3 * BLOCK - 1
	};

	(void)state;
	assert_int_equal(spool_count(0), 0);
	/* Parts and pieces of whole blocks begin at the first byte of one. */
	assert_int_equal(spool_count(BLOCK), 1);
	assert_int_equal(spool_count(7 * (uint64_t)BLOCK), 7);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint64_t end = BLOCK - 1 + lengths[i];
		size_t most = (size_t)((end + BLOCK - 1) / BLOCK);

		assert_in_range(spool_count(lengths[i]), most, most + 1);
	}
}

/* Blocks that are kept for one lane are no other lane's. */
static void kept_blocks(void **state)
{
	struct spool *spool = make(5 * BLOCK);
	struct lane *a = lane_open(spool, 10 * BLOCK, 2);
	struct lane *b = lane_open(spool, 10 * BLOCK, 2), *c;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_null(lane_open(spool, 10 * BLOCK, 2));
	/* A small object needs less than that. */
	c = lane_open(spool, 1, 2);
	assert_non_null(c);
	lane_close(c);
	/* Two are its own, one is who comes first's, and two are b's. */
	assert_false(lane_grant(a, 0, 4 * BLOCK));
	assert_true(lane_grant(a, 0, 3 * BLOCK));
	assert_false(lane_grant(a, 3 * BLOCK, 3 * BLOCK + 1));
	assert_null(lane_open(spool, 1, 1));
	assert_true(lane_grant(b, 0, 2 * BLOCK));
	assert_false(lane_grant(b, 2 * BLOCK, 3 * BLOCK));
	/* Bytes that are there already need no block. */
	assert_true(lane_grant(a, 1, 3 * BLOCK));
	assert_int_equal(spool_peak(spool), 5 * BLOCK);
	/* The one that a had beyond its own goes to b, the next stays its. */
	lane_drop(a, 0);
	assert_true(lane_grant(b, 2 * BLOCK, 3 * BLOCK));
	lane_drop(a, 1);
	assert_false(lane_grant(b, 3 * BLOCK, 4 * BLOCK));
	assert_true(lane_grant(a, 3 * BLOCK, 4 * BLOCK));
	lane_close(a);
	assert_true(lane_grant(b, 3 * BLOCK, 5 * BLOCK));
	lane_close(b);
	lane_close(NULL);
	spool_free(spool);
}

/* Near its end, a lane keeps no more than the object still has. */
static void the_end_of_an_object(void **state)
{
	struct spool *spool = make(3 * BLOCK);
	struct lane *a = lane_open(spool, 2 * BLOCK + 1, 2);

	(void)state;
	assert_true(lane_grant(a, 0, 2 * BLOCK));
	lane_drop(a, 0);
	lane_drop(a, 0);
	lane_drop(a, 2);
	assert_null(lane_open(spool, 4 * BLOCK, 2));
	lane_drop(a, 1);
	assert_non_null(a);
	assert_true(lane_grant(a, 2 * BLOCK, 2 * BLOCK + 1));
	lane_drop(a, 2);
	lane_close(lane_open(spool, 4 * BLOCK, 3));
	lane_close(a);
	spool_free(spool);
}

static void empty_objects(void **state)
{
	struct spool *spool = make(BLOCK);
	struct lane *full = lane_open(spool, BLOCK, 1);
	struct lane *empty = lane_open(spool, 0, 2);

	(void)state;
	assert_non_null(empty);
	assert_true(lane_grant(empty, 0, 0));
	lane_close(empty);
	lane_close(full);
	spool_free(spool);
}

static unsigned char byte_at(unsigned lane, uint64_t off)
{
	return (unsigned char)(off * 7 + off / 251 + lane * 31);
}

/* Bytes of the lane, which may begin and end anywhere. */
static void write_bytes(struct lane *lane, unsigned which, uint64_t off,
			size_t n)
{
	unsigned char *data = malloc(n);
	struct err err = ERR_INIT;

	assert_non_null(data);
	for (size_t i = 0; i < n; i++)
		data[i] = byte_at(which, off + i);
	assert_int_equal(lane_write(lane, data, n, off, &err), 0);
	free(data);
}

static void check_bytes(struct lane *lane, unsigned which, uint64_t off,
			size_t n)
{
	unsigned char *data = malloc(n);
	struct err err = ERR_INIT;

	assert_non_null(data);
	assert_int_equal(lane_read(lane, data, n, off, &err), 0);
	for (size_t i = 0; i < n; i++)
		if (data[i] != byte_at(which, off + i))
			fail_msg("lane %u, byte %zu", which, (size_t)off + i);
	free(data);
}

/* Two lanes whose blocks lie in each other's way. */
static void bytes(void **state)
{
	struct spool *spool = make(5 * BLOCK);
	struct lane *a = lane_open(spool, 9 * BLOCK + 5, 2);
	struct lane *b = lane_open(spool, 9 * BLOCK + 5, 2);

	(void)state;
	assert_true(lane_grant(a, 0, BLOCK));
	assert_true(lane_grant(b, 0, BLOCK));
	assert_true(lane_grant(a, BLOCK, 3 * BLOCK));
	assert_true(lane_grant(b, 0, 2 * BLOCK));
	write_bytes(a, 0, 0, 1);
	write_bytes(a, 0, 1, 3 * BLOCK - 2);
	write_bytes(a, 0, 3 * BLOCK - 1, 1);
	write_bytes(b, 1, 0, 2 * BLOCK);
	check_bytes(a, 0, 0, 3 * BLOCK);
	check_bytes(a, 0, BLOCK - 1, 2);
	check_bytes(b, 1, BLOCK - 3, BLOCK);
	/* The last block, which is short, in the place of the first one. */
	lane_drop(a, 0);
	lane_drop(a, 1);
	assert_true(lane_grant(a, 9 * BLOCK, 9 * BLOCK + 5));
	write_bytes(a, 0, 9 * BLOCK, 5);
	check_bytes(a, 0, 9 * BLOCK, 5);
	check_bytes(a, 0, 2 * BLOCK, BLOCK);
	check_bytes(b, 1, 0, 2 * BLOCK);
	lane_close(a);
	lane_close(b);
	assert_int_equal(spool_peak(spool), 5 * BLOCK);
	spool_free(spool);
}

/* The counts that the spool must have, computed again after each step. */
struct model {
	struct lane *lanes[NLANES];
	size_t nblocks[NLANES], least[NLANES];
	bool is_here[NLANES][LANE_BLOCKS];
	bool was_here[NLANES][LANE_BLOCKS];
	size_t peak;
};

static size_t held(const struct model *model, unsigned i)
{
	size_t n = 0;

	for (size_t k = 0; model->lanes[i] && k < LANE_BLOCKS; k++)
		n += model->is_here[i][k];
	return n;
}

static size_t sum_held(const struct model *model)
{
	size_t n = 0;

	for (unsigned i = 0; i < NLANES; i++)
		n += held(model, i);
	return n;
}

/* Blocks that a lane can count on beyond those that it has. */
static size_t kept(const struct model *model, unsigned i)
{
	size_t n = held(model, i), left = model->nblocks[i];

	if (!model->lanes[i] || n >= model->least[i])
		return 0;
	for (size_t k = 0; k < LANE_BLOCKS; k++)
		left -= model->was_here[i][k];
	return left < model->least[i] - n ? left : model->least[i] - n;
}

/* Those that are free, and kept for no lane but perhaps for this one. */
static size_t spare(const struct model *model, unsigned but)
{
	size_t n = NBLOCKS;

	for (unsigned i = 0; i < NLANES; i++)
		n -= held(model, i) + (i == but ? 0 : kept(model, i));
	return n;
}

static void open_one(struct model *model, struct spool *spool, unsigned i,
		     unsigned dice)
{
	size_t n = dice % LANE_BLOCKS + 1, least = dice / 8 % 4;
	size_t room = spare(model, NLANES);

	model->lanes[i] = lane_open(spool, (uint64_t)n * BLOCK - dice % 3,
				    least);
	least = least < n ? least : n;
	assert_int_equal(model->lanes[i] != NULL, least <= room);
	model->nblocks[i] = n;
	model->least[i] = least;
	memset(model->is_here[i], 0, sizeof(model->is_here[i]));
	memset(model->was_here[i], 0, sizeof(model->was_here[i]));
}

/* As pipelines do, a block that was dropped is not granted again. */
static void grant(struct model *model, unsigned i, unsigned dice)
{
	size_t first = dice % model->nblocks[i], n = 0;
	size_t end = first + dice / 8 % (model->nblocks[i] - first) + 1;
	uint64_t from = (uint64_t)first * BLOCK + dice % 2;

	for (size_t k = first; k < end; k++) {
		if (model->was_here[i][k] && !model->is_here[i][k])
			return;
		n += !model->is_here[i][k];
	}
	if (lane_grant(model->lanes[i], from, (uint64_t)end * BLOCK - 3)) {
		assert_true(n <= spare(model, i));
		for (size_t k = first; k < end; k++)
			model->is_here[i][k] = model->was_here[i][k] = true;
	} else {
		assert_true(n > spare(model, i));
	}
}

static void step(struct model *model, struct spool *spool, unsigned dice)
{
	unsigned i = dice % NLANES, act = dice / 4 % 8, rest = dice / 32;

	if (!model->lanes[i]) {
		open_one(model, spool, i, rest);
	} else if (act < 4) {
		grant(model, i, rest);
	} else if (act < 7) {
		lane_drop(model->lanes[i], rest % model->nblocks[i]);
		model->is_here[i][rest % model->nblocks[i]] = false;
	} else {
		lane_close(model->lanes[i]);
		model->lanes[i] = NULL;
	}
}

static void a_random_walk(void **state)
{
	struct spool *spool = make(NBLOCKS * BLOCK);
	struct model model = { .peak = 0 };
	uint64_t seed = 1;

	(void)state;
	for (int n = 0; n < 200000; n++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		step(&model, spool, (unsigned)(seed >> 33));
		if (sum_held(&model) > model.peak)
			model.peak = sum_held(&model);
		assert_int_equal(spool_peak(spool), model.peak * BLOCK);
	}
	for (unsigned i = 0; i < NLANES; i++)
		lane_close(model.lanes[i]);
	assert_int_equal(model.peak, NBLOCKS);
	/* All of it is free again. */
	lane_close(lane_open(spool, NBLOCKS * BLOCK, NBLOCKS));
	spool_free(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(the_least_max),
		cmocka_unit_test(counts),
		cmocka_unit_test(kept_blocks),
		cmocka_unit_test(the_end_of_an_object),
		cmocka_unit_test(empty_objects),
		cmocka_unit_test(bytes),
		cmocka_unit_test(a_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
