/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/buf.h"
#include "test/unit/unit.h"

static void empty(void **state)
{
	struct buf buf = BUF_INIT(10);
	char *text;

	(void)state;
	assert_string_equal(buf_str(&buf), "");
	assert_int_equal(buf_add(&buf, "", 0), 0);
	assert_string_equal(buf_str(&buf), "");
	text = buf_take(&buf);
	assert_string_equal(text, "");
	free(text);
	assert_null(buf.data);
	text = buf_take(&buf);
	assert_string_equal(text, "");
	free(text);
	buf_reset(&buf);
	buf_release(&buf);
	buf_release(&buf);
}

static void up_to_the_maximum(void **state)
{
	struct buf buf = BUF_INIT(10);

	(void)state;
	assert_int_equal(buf_puts(&buf, "12345"), 0);
	assert_int_equal(buf_puts(&buf, "678901"), -1);
	assert_int_equal(buf_printf(&buf, "%d", 678901), -1);
	assert_string_equal(buf_str(&buf), "12345");
	assert_int_equal(buf_printf(&buf, "%d", 67890), 0);
	assert_int_equal(buf.len, 10);
	assert_string_equal(buf_str(&buf), "1234567890");
	assert_int_equal(buf_puts(&buf, ""), 0);
	assert_int_equal(buf_puts(&buf, "x"), -1);
	assert_int_equal(buf_add(&buf, "x", SIZE_MAX), -1);
	buf_release(&buf);
	assert_int_equal(buf.max, 10);
	assert_int_equal(buf_puts(&buf, "1234567890"), 0);
	buf_release(&buf);
}

static void nothing_fits(void **state)
{
	struct buf buf = BUF_INIT(0);

	(void)state;
	assert_int_equal(buf_puts(&buf, "x"), -1);
	assert_int_equal(buf_puts(&buf, ""), 0);
	assert_string_equal(buf_str(&buf), "");
	buf_release(&buf);
}

/* Every length around the steps in which the storage grows. */
static void growth(void **state)
{
	struct buf buf = BUF_INIT(5000);

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		char c = (char)('a' + i % 26);

		assert_int_equal(i % 2 ? buf_add(&buf, &c, 1) :
					 buf_printf(&buf, "%c", c),
				 0);
		assert_int_equal(buf.len, i + 1);
		assert_int_equal(buf.data[i + 1], '\0');
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
	buf_release(&buf);
}

static void reset_and_take(void **state)
{
	struct buf buf = BUF_INIT(100);
	char *text;

	(void)state;
	assert_int_equal(buf_add(&buf, "a\0b", 3), 0);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
	buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf_str(&buf), "");
	assert_int_equal(buf_puts(&buf, "later"), 0);
	text = buf_take(&buf);
	assert_string_equal(text, "later");
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf_puts(&buf, "again"), 0);
	assert_string_equal(text, "later");
	free(text);
	buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(up_to_the_maximum),
		cmocka_unit_test(nothing_fits),
		cmocka_unit_test(growth),
		cmocka_unit_test(reset_and_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
