/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/net/pool.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/record.h"
#include "test/unit/unit.h"

/* A file of random bytes, a plan for it, and all that a hasher needs. */
struct bench {
	unsigned char *data;
	char oid[SHA256_HEX_SIZE];
	int fd;
	struct plan *plan;
	struct http_shared shared;
	struct pool *pool;
	_Atomic(uint64_t) reach;
	struct hasher *hasher;
	struct hasher_source source;
};

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static int read_file(void *ctx, void *data, size_t n, uint64_t off,
		     struct err *err)
{
	return file_read_at(((struct bench *)ctx)->fd, data, n, off, err);
}

static uint64_t reach(void *ctx)
{
	return atomic_load(&((struct bench *)ctx)->reach);
}

static void hash_all(const void *data, size_t n, char *hex)
{
	unsigned char digest[SHA256_SIZE];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, data, n);
	sha256_final(&sha, digest);
	sha256_hex(digest, hex);
}

static void set_up(struct bench *bench, size_t size, size_t part_size)
{
	static const struct retry_policy policy = { .retries = 0 };
	struct plan_request request = { .direction = UPLOAD, .size = size };
	struct err err = ERR_INIT;
	char path[] = "/tmp/lfsmp-hasher.XXXXXX";
	uint32_t random = 1;

	memset(bench, 0, sizeof(*bench));
	bench->data = xmalloc(size);
	for (size_t i = 0; i < size; i++) {
		random = random * 1103515245 + 12345;
		bench->data[i] = (unsigned char)(random >> 16);
	}
	hash_all(bench->data, size, bench->oid);
	bench->fd = mkstemp(path);
	assert_true(bench->fd >= 0);
	unlink(path);
	assert_int_equal(file_write_at(bench->fd, bench->data, size, 0, &err),
			 0);
	request.oid = bench->oid;
	bench->plan = plan_new(&request);
	assert_int_equal(plan_cut(bench->plan, part_size, &err), 0);
	bench->pool = pool_new(1, &bench->shared, &policy);
	bench->source = (struct hasher_source){ .plan = bench->plan,
						.read = read_file,
						.reach = reach,
						.save_every = 64 << 20,
						.ctx = bench };
}

static void start(struct bench *bench)
{
	struct err err = ERR_INIT;

	bench->hasher = hasher_new(&bench->source, bench->pool, &err);
	assert_non_null(bench->hasher);
}

static void tear_down(struct bench *bench)
{
	hasher_free(bench->hasher);
	assert_true(pool_free(bench->pool, 30000));
	plan_free(bench->plan);
	close(bench->fd);
	free(bench->data);
}

static void reach_to(struct bench *bench, uint64_t off)
{
	atomic_store(&bench->reach, off);
	hasher_poke(bench->hasher);
	for (int i = 0; i < 10000 && hasher_position(bench->hasher) < off; i++)
		sleep_ms(1);
	assert_int_equal(hasher_position(bench->hasher), off);
}

static void check_crcs(const struct bench *bench)
{
	for (size_t i = 0; i < bench->plan->nparts; i++) {
		const struct part *part = &bench->plan->parts[i];

		assert_int_equal(part->crc_hashed,
				 crc_update(0, bench->data + part->off,
					    (size_t)part->size));
	}
}

static void in_steps(void **state)
{
	static const uint64_t steps[] = { 1,	  2,	  63,	  64,	 65,
					  1000,	  9999,	  10000,  10001, 262144,
					  262145, 999999, 1000003 };
	struct err err = ERR_INIT;
	struct bench bench;

	(void)state;
	set_up(&bench, 1000003, 10000);
	start(&bench);
	sleep_ms(20);
	assert_int_equal(hasher_position(bench.hasher), 0);
	for (size_t i = 0; i < COUNT(steps); i++) {
		assert_false(hasher_is_done(bench.hasher));
		reach_to(&bench, steps[i]);
	}
	assert_true(hasher_wait(bench.hasher, 30000));
	assert_true(hasher_is_done(bench.hasher));
	assert_int_equal(hasher_verdict(bench.hasher, &err), 0);
	check_crcs(&bench);
	tear_down(&bench);
}

static void part_sizes(void **state)
{
	static const size_t part_sizes[] = { 333,    64,     65,     262143,
					     262144, 262145, 5000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(part_sizes) / sizeof(size_t); i++) {
		struct err err = ERR_INIT;
		struct bench bench;

		set_up(&bench, 1000003, part_sizes[i]);
		bench.reach = 1000003;
		start(&bench);
		assert_true(hasher_wait(bench.hasher, 30000));
		assert_int_equal(hasher_verdict(bench.hasher, &err), 0);
		check_crcs(&bench);
		tear_down(&bench);
	}
}

static void nothing_to_hash(void **state)
{
	struct err err = ERR_INIT;
	struct bench bench;

	(void)state;
	set_up(&bench, 0, 10);
	start(&bench);
	assert_true(hasher_wait(bench.hasher, 30000));
	assert_int_equal(hasher_verdict(bench.hasher, &err), 0);
	tear_down(&bench);
}

static void wrong_bytes(void **state)
{
	struct err err = ERR_INIT;
	struct bench bench;
	char hex[13];

	(void)state;
	set_up(&bench, 1000, 100);
	snprintf(hex, sizeof(hex), "%.12s", bench.oid);
	memset(bench.oid, '0', 64);
	bench.reach = 1000;
	start(&bench);
	assert_true(hasher_wait(bench.hasher, 30000));
	assert_int_equal(hasher_verdict(bench.hasher, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, hex));
	assert_non_null(strstr(err.msg, "000000000000..."));
	tear_down(&bench);
}

/* In a download it matters only for a bad whole which parts are bad. */
static void parts_of_a_download(void **state)
{
	struct err err = ERR_INIT;
	struct bench bench;

	(void)state;
	for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
		set_up(&bench, 1000003, 10000);
		bench.plan->direction = DOWNLOAD;
		bench.data[555555] ^= (unsigned char)is_wrong;
		assert_int_equal(file_write_at(bench.fd, bench.data, 1000003, 0,
					       &err),
				 0);
		bench.reach = 1000003;
		start(&bench);
		assert_true(hasher_wait(bench.hasher, 30000));
		assert_int_equal(hasher_verdict(bench.hasher, &err), -is_wrong);
		if (is_wrong)
			check_crcs(&bench);
		else
			assert_int_equal(bench.plan->parts[0].crc_hashed, 0);
		tear_down(&bench);
	}
}

static void the_file_got_shorter(void **state)
{
	struct err err = ERR_INIT;
	struct bench bench;

	(void)state;
	set_up(&bench, 1000000, 100000);
	start(&bench);
	reach_to(&bench, 300000);
	assert_int_equal(ftruncate(bench.fd, 500000), 0);
	atomic_store(&bench.reach, 1000000);
	hasher_poke(bench.hasher);
	assert_true(hasher_wait(bench.hasher, 30000));
	assert_int_equal(hasher_verdict(bench.hasher, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_non_null(strstr(err.msg, "the file ends at byte 500000"));
	/* It stays so, and does not hide an earlier error. */
	err_clear(&err);
	err_set(&err, ERR_NETWORK, "earlier");
	assert_int_equal(hasher_verdict(bench.hasher, &err), -1);
	assert_string_equal(err.msg, "earlier");
	tear_down(&bench);
}

static void waits_and_wakes(void **state)
{
	struct bench bench;
	uint64_t begun;

	(void)state;
	set_up(&bench, 100000, 1000);
	bench.reach = 5000;
	start(&bench);
	begun = clock_ms();
	assert_false(hasher_wait(bench.hasher, 60));
	assert_true(clock_ms() - begun >= 59);
	atomic_store(&bench.reach, 100000);
	hasher_poke(bench.hasher);
	begun = clock_ms();
	/* The pool hears of the end. */
	assert_null(pool_wait(bench.pool, 30000));
	assert_true(clock_ms() - begun < 20000);
	assert_true(hasher_is_done(bench.hasher));
	tear_down(&bench);
}

static void freed_before_the_end(void **state)
{
	struct bench bench;
	uint64_t begun = clock_ms();

	(void)state;
	set_up(&bench, 100000, 1000);
	bench.reach = 5000;
	start(&bench);
	sleep_ms(10);
	tear_down(&bench);
	assert_true(clock_ms() - begun < 20000);
	hasher_free(NULL);
}

/* From a saved state: what was hashed before is not read again. */
static void going_on(void **state)
{
	static const size_t positions[] = { 64, 9984, 100032, 999936 };

	(void)state;
	for (size_t i = 0; i < sizeof(positions) / sizeof(size_t); i++) {
		struct journal_hash hash = { .zero = 0 };
		size_t n = positions[i], rest = n % 10000;
		struct err err = ERR_INIT;
		struct sha256 sha;
		struct bench bench;
		char *junk;

		set_up(&bench, 1000003, 10000);
		sha256_init(&sha);
		sha256_update(&sha, bench.data, n);
		sha256_save(&sha, hash.sha);
		hash.crc = crc_update(0, bench.data + n - rest, rest);
		for (size_t k = 0; k < n / 10000; k++)
			bench.plan->parts[k].crc_hashed =
				crc_update(0, bench.data + k * 10000, 10000);
		/* Such as of an earlier run that had come further. */
		bench.plan->parts[n / 10000].crc_hashed = 12345;
		bench.plan->parts[100].crc_hashed = 12345;
		/* Destroy the bytes: whoever reads them again, fails. */
		junk = xcalloc(n, 1);
		assert_int_equal(file_write_at(bench.fd, junk, n, 0, &err), 0);
		free(junk);
		bench.reach = 1000003;
		bench.source.start = &hash;
		start(&bench);
		assert_true(hasher_wait(bench.hasher, 30000));
		assert_int_equal(hasher_verdict(bench.hasher, &err), 0);
		check_crcs(&bench);
		tear_down(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_steps),
		cmocka_unit_test(part_sizes),
		cmocka_unit_test(nothing_to_hash),
		cmocka_unit_test(wrong_bytes),
		cmocka_unit_test(parts_of_a_download),
		cmocka_unit_test(the_file_got_shorter),
		cmocka_unit_test(waits_and_wakes),
		cmocka_unit_test(freed_before_the_end),
		cmocka_unit_test(going_on),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
