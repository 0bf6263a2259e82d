/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "test/unit/unit.h"

/* A buffer for the kernel begins where the kernel copies fast. */
static void large_ones_begin_at_a_page(void **state)
{
	static const size_t sizes[] = { 32 << 10, 128 << 10, (128 << 10) + 1,
					256 << 10, 5000001 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *p = xmalloc(sizes[i]);

		assert_int_equal((uintptr_t)p % 4096, 0);
		memset(p, 'x', sizes[i]);
		/* Any of them may grow. */
		p = xreallocarray(p, sizes[i] + 1, 1);
		assert_memory_equal(p, "xxxx", 4);
		assert_int_equal(p[sizes[i] - 1], 'x');
		free(p);
	}
}

static void nothing_is_something(void **state)
{
	char *p = xmalloc(0), *q = xcalloc(0, 0);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	q = xreallocarray(q, 0, 10);
	assert_non_null(q);
	free(p);
	free(q);
}

static void copies(void **state)
{
	char *whole = xstrdup("hello"), *some = xstrndup("hello", 3);
	char *more = xstrndup("hello", 30), *text = xstrfmt("%d-%s", 7, "x");

	(void)state;
	assert_string_equal(whole, "hello");
	assert_string_equal(some, "hel");
	assert_string_equal(more, "hello");
	assert_string_equal(text, "7-x");
	free(whole);
	free(some);
	free(more);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_ones_begin_at_a_page),
		cmocka_unit_test(nothing_is_something),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
