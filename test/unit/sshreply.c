/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/json.h"
#include "lfs/base/mem.h"
#include "lfs/server/ssh.h"
#include "test/unit/unit.h"

enum { ASKED = 1000, TTL = 60 };

static int parse(struct sshreply *reply, const char *text, struct err *err)
{
	const struct sshreply_times times = { .asked = ASKED };

	return sshreply_parse(reply, text, strlen(text), &times, err);
}

static void a_whole_reply(void **state)
{
	struct sshreply reply;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		parse(&reply,
		      "{\"href\": \"https://l.example/x\","
		      " \"header\": {\"Authorization\": \"RemoteAuth t\","
		      " \"X\": null}, \"more\": [1],"
		      " \"expires_in\": 30}\n",
		      &err),
		0);
	assert_string_equal(reply.href, "https://l.example/x");
	assert_int_equal(reply.headers.n, 2);
	assert_string_equal(headers_get(&reply.headers, "authorization"),
			    "RemoteAuth t");
	assert_string_equal(headers_get(&reply.headers, "X"), "");
	assert_int_equal(reply.expires, ASKED + 30);
	sshreply_release(&reply);
}

static void expiries(void **state)
{
	static const struct {
		const char *text;
		int64_t ttl, expires;
	} cases[] = {
		{ "{}", 0, INT64_MAX },
		{ "{}", TTL, ASKED + TTL },
		{ "{\"expires_in\": 0}", TTL, ASKED + TTL },
		{ "{\"expires_in\": null}", 0, INT64_MAX },
		{ "{\"expires_in\": 5}", TTL, ASKED + 5 },
		/* Over before it was given: of no use to know. */
		{ "{\"expires_in\": -5}", TTL, INT64_MAX },
		{ "{\"expires_in\": 9223372036854775807}", 0,
		  ASKED + (int64_t)1000 * 366 * 86400 },
		{ "{\"expires_in\": -9223372036854775808}", 0, INT64_MAX },
		{ "{}", INT64_MAX, ASKED + (int64_t)1000 * 366 * 86400 },
		{ "{\"expires_at\": \"1970-01-01T00:01:00Z\"}", TTL,
		  INT64_MAX },
		{ "{\"expires_at\": \"1970-01-01T00:01:00Z\","
		  " \"expires_in\": 7}",
		  TTL, ASKED + 7 },
		{ "{\"expires_at\": \"0001-01-01T00:00:00Z\"}", TTL,
		  ASKED + TTL },
		{ "{\"expires_at\": null}", 0, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sshreply_times times = {
			.asked = ASKED, .default_ttl = cases[i].ttl
		};
		struct sshreply reply;
		struct err err = ERR_INIT;

		assert_int_equal(sshreply_parse(&reply, cases[i].text,
						strlen(cases[i].text), &times,
						&err),
				 0);
		assert_int_equal(reply.expires, cases[i].expires);
		sshreply_release(&reply);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "JSON" },
		{ "hello", "JSON" },
		{ "{} {}", "JSON" },
		{ "[]", "not an object" },
		{ "{\"href\": 1}", "href" },
		{ "{\"href\": \"ftp://secret.example/\"}", "href" },
		{ "{\"href\": \"https://h/\\u000a\"}", "href" },
		{ "{\"header\": []}", "header" },
		{ "{\"header\": {\"A\": 1}}", "'A' is not a string" },
		{ "{\"header\": {\"A\": \"secret\\r\\nB: c\"}}", "'A'" },
		{ "{\"header\": {\"A:\": \"secret\"}}", "'A:'" },
		{ "{\"expires_in\": \"5\"}", "expires_in" },
		{ "{\"expires_in\": 1.5}", "expires_in" },
		{ "{\"expires_at\": 5}", "expires_at" },
		{ "{\"expires_at\": \"soon\"}", "expires_at" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sshreply reply;
		struct err err = ERR_INIT;

		assert_int_equal(parse(&reply, cases[i].text, &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_non_null(strstr(err.msg, "git-lfs-authenticate"));
		if (!strstr(err.msg, cases[i].message))
			fail_msg("'%s': '%s'", cases[i].text, err.msg);
		assert_null(strstr(err.msg, "secret"));
		assert_null(reply.href);
		assert_null(reply.headers.list);
	}
}

static void bounds(void **state)
{
	struct buf text = BUF_INIT(1 << 20);
	struct sshreply reply;
	struct err err = ERR_INIT;

	(void)state;
	buf_puts(&text, "{\"header\": {");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "%s\"H%d\": \"v\"", i ? "," : "", i);
	buf_puts(&text, "}}");
	assert_int_equal(parse(&reply, text.data, &err), -1);
	assert_non_null(strstr(err.msg, "64"));
	err_clear(&err);
	while (text.len <= SSHREPLY_MAX)
		buf_puts(&text, " ");
	assert_int_equal(parse(&reply, text.data, &err), -1);
	assert_non_null(strstr(err.msg, "longer"));
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_reply),
		cmocka_unit_test(expiries),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounds),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
