/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <zlib.h>

#include "lfs/base/crc.h"
#include "test/unit/unit.h"

#define SEED 0x5eed0000c4c
#define MAX_LENGTH 5000

static uint64_t random_state;
static unsigned char bytes[MAX_LENGTH + 64];

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static size_t random_below(size_t n)
{
	return (size_t)(random_next() % n);
}

static void known_values(void **state)
{
	(void)state;
	assert_int_equal(crc_update(0, "", 0), 0);
	assert_int_equal(crc_update(0, NULL, 0), 0);
	assert_int_equal(crc_update(0x12345678, NULL, 0), 0x12345678);
	/* The "check" value in every table of CRCs. */
	assert_int_equal(crc_update(0, "123456789", 9), 0xcbf43926);
}

/* Each length around the sizes of the folds, at each alignment. */
static void short_lengths(void **state)
{
	size_t n, at;
	uint32_t crc;

	(void)state;
	for (n = 0; n < 400; n++) {
		for (at = 0; at < 17; at++) {
			crc = (uint32_t)random_next();
			assert_int_equal(crc_update(crc, bytes + at, n),
					 crc32_z(crc, bytes + at, n));
		}
	}
}

/* One bit at a time: a fold constant that is wrong loses one somewhere. */
static void single_bits(void **state)
{
	unsigned char zeros[256] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 8 * sizeof(zeros); i++) {
		zeros[i / 8] = (unsigned char)(1 << i % 8);
		assert_int_equal(crc_update(0, zeros, sizeof(zeros)),
				 crc32_z(0, zeros, sizeof(zeros)));
		zeros[i / 8] = 0;
	}
}

static void random_lengths_and_splits(void **state)
{
	size_t n, at, done, piece;
	uint32_t crc;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		n = random_below(MAX_LENGTH + 1);
		at = random_below(64);
		crc = 0;
		for (done = 0; done < n; done += piece) {
			piece = 1 + random_below(i % 2 ? 200 : MAX_LENGTH);
			if (piece > n - done)
				piece = n - done;
			crc = crc_update(crc, bytes + at + done, piece);
		}
		assert_int_equal(crc, crc32_z(0, bytes + at, n));
	}
}

static void large_update(void **state)
{
	const size_t n = (8 << 20) + 13;
	unsigned char *data = malloc(n);
	size_t i;

	(void)state;
	assert_non_null(data);
	for (i = 0; i < n; i++)
		data[i] = (unsigned char)random_next();
	assert_int_equal(crc_update(0, data, n), crc32_z(0, data, n));
	free(data);
}

static void combined(void **state)
{
	size_t n, at;
	uint32_t a, b;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		n = random_below(MAX_LENGTH + 1);
		at = random_below(n + 1);
		a = crc_update(0, bytes, at);
		b = crc_update(0, bytes + at, n - at);
		assert_int_equal(crc_combine(a, b, n - at),
				 crc_update(0, bytes, n));
	}
}

/* 5 GiB in one step must be the same as in five, none of which needs 33 bits. */
static void combined_over_4_gib(void **state)
{
	const uint64_t gib = (uint64_t)1 << 30;
	const uint32_t a = 0xdeadbeef;
	uint32_t step = a;
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		step = crc_combine(step, 0, gib);
	assert_int_equal(crc_combine(a, 0, 5 * gib), step);
	assert_int_not_equal(crc_combine(a, 0, gib), step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(short_lengths),
		cmocka_unit_test(single_bits),
		cmocka_unit_test(random_lengths_and_splits),
		cmocka_unit_test(large_update),
		cmocka_unit_test(combined),
		cmocka_unit_test(combined_over_4_gib),
	};
	size_t i;

	random_state = SEED;
	printf("# seed 0x%llx\n", (unsigned long long)SEED);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)random_next();
	return cmocka_run_group_tests_name("crc", tests, NULL, NULL);
}
