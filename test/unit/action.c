/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/plan.h"
#include "test/unit/unit.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *tree = json_parse(text, strlen(text), &err);

	assert_non_null(tree);
	return tree;
}

static void good(void **state)
{
	json_t *tree = parse(
		"{\"href\":\"https://h/a?b\",\"header\":{"
		"\"Authorization\":\"Basic eA==\",\"X-Empty\":\"\","
		"\"X-Tab\":\"a\\tb\",\"X-Null\":null},\"expires_in\":3600,"
		"\"more\":[1]}");
	struct err err = ERR_INIT;
	struct action action;

	(void)state;
	assert_int_equal(action_parse(&action, tree, NULL, &err), 0);
	assert_string_equal(action.href, "https://h/a?b");
	assert_int_equal(action.headers.n, 0);
	assert_int_equal(action_headers(&action, &err), 0);
	assert_int_equal(action.headers.n, 4);
	assert_string_equal(action.headers.list[0].name, "Authorization");
	assert_string_equal(action.headers.list[0].value, "Basic eA==");
	assert_string_equal(action.headers.list[1].value, "");
	assert_string_equal(action.headers.list[2].value, "a\tb");
	assert_string_equal(action.headers.list[3].value, "");
	action_release(&action);
	assert_null(action.headers.list);
	action_release(&action);
	json_decref(tree);
}

static void no_header(void **state)
{
	static const char *const texts[] = {
		"{\"href\":\"http://h\"}",
		"{\"href\":\"http://h\",\"header\":null}",
		"{\"href\":\"http://h\",\"header\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		json_t *tree = parse(texts[i]);
		struct err err = ERR_INIT;
		struct action action;

		assert_int_equal(action_parse(&action, tree, NULL, &err), 0);
		assert_int_equal(action_headers(&action, &err), 0);
		assert_int_equal(action.headers.n, 0);
		action_release(&action);
		json_decref(tree);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		const char *complaint;
	} cases[] = {
		{ "[]", "'action' is not an object" },
		{ "{}", "action: 'href' is missing" },
		{ "{\"href\":1}", "action: 'href' is not a string" },
		{ "{\"href\":null}", "action: 'href' is not a string" },
		{ "{\"href\":\"\"}", "action: 'href': " },
		{ "{\"href\":\"ftp://h/a\"}", "action: 'href': " },
		{ "{\"href\":\"http://h/a b\"}", "action: 'href': " },
		{ "{\"href\":\"http://h\",\"header\":[]}",
		  "action: 'header' is not an object" },
		{ "{\"href\":\"http://h\",\"header\":\"a: b\"}",
		  "action: 'header' is not an object" },
	};
	struct err err = ERR_INIT;
	struct action action;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *tree = parse(cases[i].text);

		err_clear(&err);
		assert_int_equal(action_parse(&action, tree, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_memory_equal(err.msg, cases[i].complaint,
				    strlen(cases[i].complaint));
		action_release(&action);
		json_decref(tree);
	}
	err_clear(&err);
	assert_int_equal(action_parse(&action, NULL, NULL, &err), -1);
	assert_string_equal(err.msg, "'action' is missing");
	action_release(&action);
}

static void bad_headers(void **state)
{
	static const char *const headers[] = {
		"{\"a\":1}",
		"{\"a\":[\"b\"]}",
		"{\"\":\"b\"}",
		"{\"a b\":\"c\"}",
		"{\"a:\":\"c\"}",
		"{\"a\\r\\nb\":\"c\"}",
		"{\"a;\":\"c\"}",
		"{\"\xc3\xa9\":\"c\"}",
		"{\"a\":\"b\\r\\nX: y\"}",
		"{\"a\":\"b\\n\"}",
		"{\"a\":\"\\r\"}",
		"{\"a\":\"\\u0001\"}",
		"{\"a\":\"\\u007f\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct err err = ERR_INIT;
		struct action action;
		char text[200];
		json_t *tree;

		snprintf(text, sizeof(text),
			 "{\"href\":\"http://h\",\"header\":%s}", headers[i]);
		tree = parse(text);
		assert_int_equal(action_parse(&action, tree, NULL, &err), 0);
		assert_int_equal(action_headers(&action, &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_non_null(strstr(err.msg, "action: 'header'"));
		action_release(&action);
		json_decref(tree);
	}
}

/* With `n` members. */
static int take_headers(unsigned n, struct err *err)
{
	json_t *tree = parse("{\"href\":\"http://h\",\"header\":{}}");
	json_t *header = json_object_get(tree, "header");
	struct action action;
	char name[32];
	int ret;

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "X-%u", i);
		json_object_set_new(header, name, json_string("y"));
	}
	assert_int_equal(action_parse(&action, tree, NULL, err), 0);
	ret = action_headers(&action, err);
	if (!ret)
		assert_int_equal(action.headers.n, n);
	action_release(&action);
	json_decref(tree);
	return ret;
}

static void how_many_headers(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(take_headers(HEADERS_MAX, &err), 0);
	assert_int_equal(take_headers(HEADERS_MAX + 1, &err), -1);
	assert_non_null(strstr(err.msg, "over 64 headers"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(no_header),
		cmocka_unit_test(refused),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(how_many_headers),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
