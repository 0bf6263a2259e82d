/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lfs/base/base64.h"

static void check(const char *data, size_t len, const char *expected)
{
	struct buf out = BUF_INIT(64);

	buf_puts(&out, "=");
	base64_add(&out, data, len);
	assert_string_equal(buf_str(&out) + 1, expected);
	buf_release(&out);
}

/* RFC 4648, 10, and bytes that are no text. */
static void vectors(void **state)
{
	static const char *const expected[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
	};

	(void)state;
	for (size_t i = 0; i <= 6; i++)
		check("foobar", i, expected[i]);
	check("\x00\xff\xfe\xfb\xef\xbe\x3e\x3f", 8, "AP/+++++Pj8=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
