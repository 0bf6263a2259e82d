/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "lfs/server/credhelper.h"
#include "test/unit/unit.h"

static void lines(void **state)
{
	static const char text[] = "protocol=https\nhost=h\r\nempty=\njunk\n\n"
				   "password=a=b \nstate[]=1\nstate[]=2\n=x";
	struct credtext lines = CREDTEXT_INIT;
	struct buf out = BUF_INIT(CREDTEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(credtext_parse(&lines, text, strlen(text), &err), 0);
	assert_string_equal(credtext_get(&lines, "host"), "h");
	assert_string_equal(credtext_get(&lines, "password"), "a=b ");
	assert_null(credtext_get(&lines, "empty"));
	assert_null(credtext_get(&lines, "junk"));
	assert_string_equal(credtext_get(&lines, "state[]"), "1");
	assert_int_equal(credtext_format(&lines, &out), 0);
	assert_string_equal(buf_str(&out),
			    "protocol=https\nhost=h\npassword=a=b \n"
			    "state[]=1\nstate[]=2\n=x\n");
	buf_release(&out);
	credtext_release(&lines);
}

static void refused(void **state)
{
	struct credtext lines = CREDTEXT_INIT;
	struct buf many = BUF_INIT(1 << 16);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(credtext_add(&lines, "host", "h\nhost=evil", &err),
			 -1);
	err_clear(&err);
	assert_int_equal(credtext_add(&lines, "host", "h\rx", &err), -1);
	err_clear(&err);
	assert_int_equal(credtext_parse(&lines, "a=b\0c", 5, &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	err_clear(&err);
	for (int i = 0; i <= CREDTEXT_LINES_MAX; i++)
		buf_puts(&many, "a=b\n");
	assert_int_equal(credtext_parse(&lines, buf_str(&many), many.len, &err),
			 -1);
	buf_release(&many);
	credtext_release(&lines);
}

static void authorizations(void **state)
{
	static const struct {
		const char *text;
		const char *value;	/* NULL: none */
	} cases[] = {
		/* RFC 7617, 2, and RFC 4648, 10. */
		{ "username=Aladdin\npassword=open sesame\n",
		  "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "username=foob\npassword=r", "Basic Zm9vYjpy" },
		{ "username=fooba\npassword=r", "Basic Zm9vYmE6cg==" },
		{ "username=fooba\npassword=rs", "Basic Zm9vYmE6cnM=" },
		{ "username=u\npassword=\xff\xfe\xfb", "Basic dTr//vs=" },
		{ "username=u", "Basic dTo=" },
		{ "password=p", "Basic OnA=" },
		{ "authtype=Bearer\ncredential=tok", "Bearer tok" },
		{ "authtype=Bearer\nusername=u\npassword=p", "Basic dTpw" },
		{ "host=h", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct credtext lines = CREDTEXT_INIT;
		struct err err = ERR_INIT;
		char *value;

		assert_int_equal(credtext_parse(&lines, cases[i].text,
						strlen(cases[i].text), &err),
				 0);
		value = credtext_authorization(&lines);
		if (cases[i].value)
			assert_string_equal(value, cases[i].value);
		else
			assert_null(value);
		free(value);
		credtext_release(&lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(refused),
		cmocka_unit_test(authorizations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
