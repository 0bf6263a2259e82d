/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/pointer.h"
#include "test/unit/unit.h"

#define HEX "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define V "version https://git-lfs.github.com/spec/v1\n"
#define O "oid sha256:" HEX "\n"
#define S "size 12345\n"
#define EXT(n) "ext-" n "-foo sha256:" HEX "\n"

/* Parse a copy that ends where the text does, for the sanitizers' sake. */
static bool parse(struct pointer *pointer, const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	bool ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	ret = pointer_parse(pointer, copy, len);
	free(copy);
	return ret;
}

/* Texts that `git lfs pointer --check` (3.3.0) takes, too. */
static void pointers(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} cases[] = {
		{ V O S, 12345 },
		{ V O "size 12345", 12345 },
		{ V O "size 0\n", 0 },
		{ V O "size 0012\n", 12 },
		{ V O "size 999999999999999999\n", 999999999999999999 },
		{ "version https://hawser.github.com/spec/v1\n" O S, 12345 },
		{ "version http://git-media.io/v/2\n" O S, 12345 },
		{ "version https://git-lfs.github.com/spec/v1\r\n"
		  "oid sha256:" HEX "\r\nsize 12345\r\n",
		  12345 },
		{ "\n \t" V O S " \r\n\n", 12345 },
		{ V EXT("0") O S, 12345 },
		{ V EXT("0") EXT("1") EXT("9") O S, 12345 },
		/* Not as it writes them, but it reads them. */
		{ V O "size +12345\n", 12345 },
		{ V O "size -0\n", 0 },
		{ V O "size 00000000000000000000000000000012\n", 12 },
		{ V O "size 9223372036854775807\n", INT64_MAX },
		{ V "\n\n" O "\r\n" S, 12345 },
		{ "\v\f\xc2\x85\xc2\xa0\xe3\x80\x80\xe2\x80\x80" V O S, 12345 },
		{ V O S "\xe2\x80\x8a\xe2\x80\xa8\xe2\x81\x9f\xc2\x85\v\f",
		  12345 },
		{ V O S "\r\xc2\xa0\r\n", 12345 },
		{ V EXT("1") EXT("0") O S, 12345 },
		{ V O EXT("0") S, 12345 },
		{ EXT("0") V O S, 12345 },
		{ V EXT("0") EXT("0") O S, 12345 },
		/* git-lfs takes none of these, but it does no harm. */
		{ V EXT("1") "ext-1-bar sha256:" HEX "\n" O S, 12345 },
		{ V "ext-0-foo sha1:" HEX "\n" O S, 12345 },
		{ V "ext-0-foo\n" O S, 12345 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pointer pointer;

		if (!parse(&pointer, cases[i].text, strlen(cases[i].text)))
			fail_msg("case %zu", i);
		assert_string_equal(pointer.oid, HEX);
		assert_int_equal(pointer.size, cases[i].size);
	}
}

#define TEXT(text) { text, sizeof(text) - 1 }
/* git-lfs reads none of them. */
static const struct {
	const char *text;
	size_t len;
} no_pointers[] = {
	TEXT(""),
	TEXT("version https://git-lfs.github.com/spec/v1"),
	TEXT(V O),
	TEXT(V S),
	TEXT(O S),
	/* The keys: each once, in order, and nothing else. */
	TEXT(V S O),
	TEXT(O V S),
	TEXT(V V O S),
	TEXT(V O O S),
	TEXT(V O S S),
	TEXT(V O S "more\n"),
	TEXT(V O "flag 1\n" S),
	TEXT("Version https://git-lfs.github.com/spec/v1\n" O S),
	/* The version. */
	TEXT("version https://git-lfs.github.com/spec/v2\n" O S),
	TEXT("version https://git-lfs.github.com/spec/v11\n" O S),
	TEXT("version https://git-lfs.github.com/spec/v\n" O S),
	TEXT("version http://git-lfs.github.com/spec/v1\n" O S),
	TEXT("version  https://git-lfs.github.com/spec/v1\n" O S),
	TEXT("version https://git-lfs.github.com/spec/v1 \n" O S),
	TEXT("version\thttps://git-lfs.github.com/spec/v1\n" O S),
	TEXT("\xef\xbb\xbf" V O S),
	/* The oid. */
	TEXT(V "oid sha256:4D7A214614AB2935C943F9E0FF69D22EADBB8F32B12"
	       "58DAAA5E2CA24D17E2393\n" S),
	TEXT(V "oid sha1:" HEX "\n" S),
	TEXT(V "oid sha512:" HEX "\n" S),
	TEXT(V "oid " HEX "\n" S),
	TEXT(V "oid sha256:" HEX "0\n" S),
	TEXT(V "oid sha256:" HEX " \n" S),
	TEXT(V "oid sha256: " HEX "\n" S),
	TEXT(V "oid sha256:../../../../../../../../../../../../../../../"
	       "../../../../../etc/x\n" S),
	TEXT(V "oid sha256:\n" HEX "\n" S),
	TEXT(V "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b12"
	       "58daaa5e2ca24d17e239\0\n" S),
	TEXT(V "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b12"
	       "58daaa5e2ca24d17e239g\n" S),
	/* The size. */
	TEXT(V O "size \n"),
	TEXT(V O "size -1\n"),
	TEXT(V O "size +\n"),
	TEXT(V O "size -\n"),
	TEXT(V O "size ++1\n"),
	TEXT(V O "size -+0\n"),
	TEXT(V O "size 99999999999999999999999\n"),
	TEXT(V O "size 1 2\n"),
	TEXT(V O "size 1.5\n"),
	TEXT(V O "size 0x10\n"),
	TEXT(V O "size 1e9\n"),
	TEXT(V O "size  1\n"),
	TEXT(V O "size 9223372036854775808\n"),
	TEXT(V O "size 18446744073709551617\n"),
	TEXT(V O "size 1\0002\n"),
	TEXT(V O "size 1\n\0"),
	/* Blanks around the whole, or in a line of their own. */
	TEXT("\xe2\x80\x8b" V O S),
	TEXT("\x85" V O S),
	TEXT(V O S "\xa0"),
	TEXT(V O S "\x80\xa8"),
	TEXT(V O S "\0"),
	TEXT(V " \n" O S),
	TEXT(V "\r\r\n" O S),
	TEXT(V "\v" O S),
	/* Extensions. */
	TEXT(V O S EXT("0")),
	TEXT(V "ext-0-\xc3\xa9 sha256:" HEX "\n" O S),
	TEXT(V "ext-0_foo sha256:" HEX "\n" O S),
	TEXT(V EXT("10") O S),
	TEXT(V EXT("-1") O S),
	TEXT(V EXT("") O S),
	TEXT(V "ext-0- sha256:" HEX "\n" O S),
	TEXT(V "ext-0\n" O S),
	TEXT(V "ext-0-\n" O S),
	TEXT(V "ext-\n" O S),
};
#undef TEXT

static void others(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(no_pointers); i++) {
		struct pointer pointer;

		if (parse(&pointer, no_pointers[i].text, no_pointers[i].len))
			fail_msg("case %zu: %s", i, no_pointers[i].text);
	}
}

/* However it is cut, no byte beyond is looked at, and it is none. */
static void cut_anywhere(void **state)
{
	static const char text[] = V EXT("0") O S;
	struct pointer pointer;

	(void)state;
	for (size_t len = 0; len < sizeof(V EXT("0") O "size"); len++)
		assert_false(parse(&pointer, text, len));
	for (size_t from = 1; from < sizeof(text); from++)
		assert_false(
			parse(&pointer, text + from, sizeof(text) - 1 - from));
}

/* A blank line of one character more, and it is too long. */
static void lengths(void **state)
{
	char text[POINTER_MAX + 1];
	struct pointer pointer;

	(void)state;
	memset(text, '\n', sizeof(text));
	memcpy(text, V O S, strlen(V O S));
	assert_true(parse(&pointer, text, POINTER_MAX));
	assert_false(parse(&pointer, text, POINTER_MAX + 1));
	memset(text, ' ', sizeof(text));
	assert_false(parse(&pointer, text, POINTER_MAX));
	memset(text, '\n', sizeof(text));
	assert_false(parse(&pointer, text, POINTER_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers),
		cmocka_unit_test(others),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
