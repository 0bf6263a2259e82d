/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/md5.h"
#include "lfs/base/text.h"
#include "test/unit/unit.h"

/* The MD5 of `text`, handed over in two pieces. */
static void check(const char *text, size_t first, const char *expected)
{
	struct buf out = BUF_INIT(64);
	unsigned char digest[MD5_SIZE];
	struct md5 md5;

	md5_init(&md5);
	md5_update(&md5, text, first);
	md5_update(&md5, text + first, strlen(text) - first);
	md5_final(&md5, digest);
	text_base64(&out, digest, sizeof(digest));
	assert_string_equal(buf_str(&out), expected);
	buf_release(&out);
}

/* RFC 1321, A.5, in base64. */
static void vectors(void **state)
{
	(void)state;
	check("", 0, "1B2M2Y8AsgTpgAmY7PhCfg==");
	check("abc", 1, "kAFQmDzST7DWlj99KOF/cg==");
	check("message digest", 14, "+WtpfXy3k41SWi8xqvFh0A==");
	check("1234567890123456789012345678901234567890"
	      "1234567890123456789012345678901234567890",
	      65, "V+30oivjyVWsSdouIQe2eg==");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
