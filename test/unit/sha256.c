/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The oracle's counter is set to lengths that no test could hash. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include "lfs/base/sha256.h"
#include "test/unit/unit.h"

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret
#endif

#define SEED 0x5eed0000256
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

/* Every test runs once for each implementation that the machine has. */
static const char *const impls[] = { "sha-ni", "armv8", "mbedtls" };
static const char *impl;

static int take_impl(void **state)
{
	impl = *(const char **)*state;
	return 0;
}

static void init(struct sha256 *s)
{
	assert_true(sha256_init_with(s, impl));
}

static void assert_digest(struct sha256 *s, const char *expected)
{
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	sha256_final(s, digest);
	sha256_hex(digest, hex);
	assert_string_equal(hex, expected);
}

static void assert_hash(const char *text, const char *expected)
{
	struct sha256 s;

	init(&s);
	sha256_update(&s, text, strlen(text));
	assert_digest(&s, expected);
}

/* FIPS 180-2, appendix B, and the empty string. */
static void known_vectors(void **state)
{
	struct sha256 s;
	char a[1000];
	int i;

	(void)state;
	assert_hash("", "e3b0c44298fc1c149afbf4c8996fb924"
			"27ae41e4649b934ca495991b7852b855");
	assert_hash("abc", "ba7816bf8f01cfea414140de5dae2223"
			   "b00361a396177a9cb410ff61f20015ad");
	assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1");
	memset(a, 'a', sizeof(a));
	init(&s);
	for (i = 0; i < 1000; i++)
		sha256_update(&s, a, sizeof(a));
	assert_int_equal(s.size, 1000000);
	assert_digest(&s, "cdc76e5c9914fb9281a1c7e284d73e67"
			  "f1809a48a497200e046d39ccc7112cd0");
}

static void nothing_at_all(void **state)
{
	struct sha256 s;

	(void)state;
	init(&s);
	sha256_update(&s, NULL, 0);
	sha256_update(&s, "a", 1);
	sha256_update(&s, NULL, 0);
	assert_digest(&s, "ca978112ca1bbdcafac231b39a23dc4d"
			  "a786eff8147c4e72b9807785afee48bb");
}

/* Start the oracle after `size` bytes, in the state h. */
static void oracle(const uint32_t h[8], uint64_t size,
		   const unsigned char *data, size_t n,
		   unsigned char digest[SHA256_SIZE])
{
	mbedtls_sha256_context ctx;

	mbedtls_sha256_init(&ctx);
	assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
	if (h)
		memcpy(ctx.state, h, sizeof(ctx.state));
	ctx.total[0] = (uint32_t)size;
	ctx.total[1] = (uint32_t)(size >> 32);
	assert_int_equal(mbedtls_sha256_update(&ctx, data, n), 0);
	assert_int_equal(mbedtls_sha256_finish(&ctx, digest), 0);
	mbedtls_sha256_free(&ctx);
}

static void update_in_pieces(struct sha256 *s, const unsigned char *data,
			     size_t n)
{
	size_t piece;

	for (; n; data += piece, n -= piece) {
		/* Mostly short ones, to stay within a block; some long. */
		piece = 1 + random_below(random_below(4) ? 80 : MAX_LENGTH);
		if (piece > n)
			piece = n;
		sha256_update(s, data, piece);
	}
}

static void random_lengths_and_splits(void **state)
{
	unsigned char digest[SHA256_SIZE], expected[SHA256_SIZE];
	struct sha256 s;
	size_t n, at;
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		/* Each short length once, since padding depends on it. */
		n = i < 200 ? (size_t)i : random_below(MAX_LENGTH + 1);
		at = random_below(64);
		init(&s);
		update_in_pieces(&s, bytes + at, n);
		assert_int_equal(s.size, n);
		sha256_final(&s, digest);
		oracle(NULL, 0, bytes + at, n, expected);
		assert_memory_equal(digest, expected, SHA256_SIZE);
	}
}

static void put_be64(unsigned char *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (56 - 8 * i));
}

/* Go on at `size` with n bytes, and compare with the oracle. */
static void check_from(uint64_t size, size_t n)
{
	unsigned char saved[SHA256_STATE_SIZE];
	unsigned char digest[SHA256_SIZE], expected[SHA256_SIZE];
	struct sha256 s;

	init(&s);
	sha256_update(&s, bytes, 64);
	sha256_save(&s, saved);
	put_be64(saved + SHA256_SIZE, size);
	assert_true(sha256_load(&s, saved));
	assert_int_equal(s.size, size);
	oracle(s.h, size, bytes, n, expected);
	update_in_pieces(&s, bytes, n);
	sha256_final(&s, digest);
	assert_memory_equal(digest, expected, SHA256_SIZE);
}

static void large_sizes(void **state)
{
	const uint64_t four_gib = (uint64_t)1 << 32;
	const uint64_t limit = (uint64_t)1 << 61;
	size_t n;

	(void)state;
	for (n = 0; n < 300; n++) {
		/* 2^29 bytes are 2^32 bits, the other place to overflow. */
		check_from(four_gib / 8 - 128, n);
		check_from(four_gib - 128, n);
		check_from(11 * four_gib - 64, n);
		check_from(limit - 320, n);
	}
}

static void save_and_load(void **state)
{
	unsigned char saved[SHA256_STATE_SIZE];
	unsigned char digest[SHA256_SIZE], expected[SHA256_SIZE];
	struct sha256 s;
	size_t n, at;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		n = random_below(MAX_LENGTH + 1);
		at = random_below(n + 1) / 64 * 64;
		init(&s);
		update_in_pieces(&s, bytes, at);
		sha256_save(&s, saved);
		memset(&s, 0xee, sizeof(s));
		init(&s);
		sha256_update(&s, "left behind", 11);
		assert_true(sha256_load(&s, saved));
		update_in_pieces(&s, bytes + at, n - at);
		sha256_final(&s, digest);
		oracle(NULL, 0, bytes, n, expected);
		assert_memory_equal(digest, expected, SHA256_SIZE);
	}
}

static void saved_form(void **state)
{
	static const unsigned char expected[SHA256_STATE_SIZE] = {
		0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85,
		0x3c, 0x6e, 0xf3, 0x72, 0xa5, 0x4f, 0xf5, 0x3a,
		0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05, 0x68, 0x8c,
		0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19,
		0, 0, 0, 0, 0, 0, 0, 0
	};
	unsigned char saved[SHA256_STATE_SIZE];
	struct sha256 s;

	(void)state;
	init(&s);
	sha256_save(&s, saved);
	assert_memory_equal(saved, expected, sizeof(saved));
	sha256_update(&s, bytes, 64 * 5);
	sha256_save(&s, saved);
	assert_int_equal(saved[SHA256_STATE_SIZE - 2], 1);
	assert_int_equal(saved[SHA256_STATE_SIZE - 1], 64);
}

static void impossible_states(void **state)
{
	unsigned char saved[SHA256_STATE_SIZE];
	struct sha256 s, before;

	(void)state;
	init(&s);
	sha256_update(&s, bytes, 64);
	sha256_save(&s, saved);
	before = s;
	put_be64(saved + SHA256_SIZE, 63);
	assert_false(sha256_load(&s, saved));
	put_be64(saved + SHA256_SIZE, (uint64_t)1 << 61);
	assert_false(sha256_load(&s, saved));
	assert_memory_equal(s.h, before.h, sizeof(s.h));
	assert_int_equal(s.size, 64);
}

#if defined(__aarch64__)
#define KERNEL_WORD " sha2 "
#else
#define KERNEL_WORD " sha_ni"
#endif

/* As far as Linux says; elsewhere there is no such file. */
static bool kernel_says_sha(void)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, KERNEL_WORD) != NULL;
	if (f)
		fclose(f);
	return found;
}

static void the_choice(void **state)
{
	struct sha256 s, best;

	(void)state;
	assert_false(sha256_init_with(&s, "no such thing"));
	assert_true(sha256_init_with(&s, sha256_impl()));
	sha256_init(&best);
	assert_true(best.run == s.run);
	if (kernel_says_sha())
		assert_string_not_equal(sha256_impl(), "mbedtls");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(known_vectors),
	cmocka_unit_test(nothing_at_all),
	cmocka_unit_test(random_lengths_and_splits),
	cmocka_unit_test(large_sizes),
	cmocka_unit_test(save_and_load),
	cmocka_unit_test(saved_form),
	cmocka_unit_test(impossible_states),
	cmocka_unit_test(the_choice),
};

#define NTESTS (COUNT(tests))
#define NIMPLS (COUNT(impls))

int main(void)
{
	/* cmocka passes over the entries left empty. */
	struct CMUnitTest all[NIMPLS * NTESTS] = { 0 };
	char names[NIMPLS * NTESTS][64];
	struct sha256 s;
	size_t i, at;

	random_state = SEED;
	printf("# seed 0x%llx, default %s\n", (unsigned long long)SEED,
	       sha256_impl());
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)random_next();
	for (i = 0; i < NIMPLS * NTESTS; i++) {
		at = i / NTESTS;
		if (!sha256_init_with(&s, impls[at])) {
			if (i % NTESTS == 0)
				printf("# not on this machine: %s\n",
				       impls[at]);
			continue;
		}
		snprintf(names[i], sizeof(names[i]), "%s: %s", impls[at],
			 tests[i % NTESTS].name);
		all[i] = tests[i % NTESTS];
		all[i].name = names[i];
		all[i].setup_func = take_impl;
		all[i].initial_state = (void *)&impls[at];
	}
	fflush(stdout);
	return cmocka_run_group_tests_name("sha256", all, NULL, NULL) != 0;
}
