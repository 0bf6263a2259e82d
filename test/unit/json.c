/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/json.h"
#include "test/unit/unit.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *tree = json_parse(text, strlen(text), &err);

	assert_non_null(tree);
	assert_int_equal(err.kind, ERR_NONE);
	return tree;
}

static void not_json(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"{}x",
		"{\"a\":1,}",
		"{'a':1}",
		"nul",
		"1",
		"\"a\"",
		"[1e999]",
		"[99999999999999999999]",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\n\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct err err = ERR_INIT;

		assert_null(json_parse(texts[i], strlen(texts[i]), &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_memory_equal(err.msg, "not valid JSON: ", 16);
	}
}

static void too_deep(void **state)
{
	enum { DEPTH = 100000 };
	char *text = malloc(DEPTH);
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(text);
	memset(text, '[', DEPTH);
	assert_null(json_parse(text, DEPTH, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	free(text);
}

static void a_nul_does_not_end_it(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(json_parse("{}\0{}", 5, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
}

struct text {
	const char *data;
	size_t len, step;
};

static size_t read_text(void *data, size_t n, void *ctx)
{
	struct text *text = ctx;

	if (text->step == 0)
		return (size_t)-1;
	if (n > text->step)
		n = text->step;
	if (n > text->len)
		n = text->len;
	memcpy(data, text->data, n);
	text->data += n;
	text->len -= n;
	return n;
}

static void streams(void **state)
{
	static const char line[] = "{\"a\":[1,2,{\"b\":\"\xc3\xa9\"}]}";

	(void)state;
	for (size_t step = 1; step < sizeof(line); step++) {
		struct text text = { line, sizeof(line) - 1, step };
		struct err err = ERR_INIT;
		json_t *tree = json_parse_stream(read_text, &text, &err);

		assert_non_null(tree);
		assert_int_equal(json_array_size(json_object_get(tree, "a")),
				 3);
		json_decref(tree);
	}
}

static void streams_that_end_early(void **state)
{
	struct text broken = { "{}", 2, 0 }, half = { "{\"a\"", 4, 2 };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(json_parse_stream(read_text, &broken, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	err_clear(&err);
	assert_null(json_parse_stream(read_text, &half, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
}

static void format(void **state)
{
	json_t *tree = parse("{ \"b\" : [1, true, null],\n\"a\":\"x\\ny\" }");
	struct buf out = BUF_INIT(100), small = BUF_INIT(10);

	(void)state;
	assert_int_equal(json_format(tree, &out), 0);
	assert_string_equal(buf_str(&out),
			    "{\"b\":[1,true,null],\"a\":\"x\\ny\"}");
	assert_int_equal(json_format(tree, &small), -1);
	buf_release(&out);
	buf_release(&small);
	json_decref(tree);
}

static void strings(void **state)
{
	json_t *tree = parse("{\"s\":\"x\",\"n\":1,\"e\":\"\",\"z\":null}");
	struct err err = ERR_INIT;
	const char *value;

	(void)state;
	assert_string_equal(json_get_string(tree, "s", &err), "x");
	assert_string_equal(json_get_string(tree, "e", &err), "");
	assert_null(json_get_string(tree, "n", &err));
	assert_string_equal(err.msg, "'n' is not a string");
	err_clear(&err);
	assert_null(json_get_string(tree, "none", &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_string_equal(err.msg, "'none' is missing");
	err_clear(&err);
	assert_null(json_get_string(tree, "z", &err));
	err_clear(&err);
	assert_int_equal(json_get_optional_string(tree, "s", &value, &err), 0);
	assert_string_equal(value, "x");
	assert_int_equal(json_get_optional_string(tree, "z", &value, &err), 0);
	assert_null(value);
	assert_int_equal(json_get_optional_string(tree, "none", &value, &err),
			 0);
	assert_null(value);
	assert_int_equal(json_get_optional_string(tree, "n", &value, &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	json_decref(tree);
}

static void no_object_has_no_members(void **state)
{
	json_t *tree = parse("[\"s\"]");
	struct err err = ERR_INIT;
	uint64_t size;

	(void)state;
	assert_null(json_get_string(tree, "s", &err));
	err_clear(&err);
	assert_null(json_get_string(NULL, "s", &err));
	err_clear(&err);
	assert_int_equal(json_get_size(NULL, "s", &size, &err), -1);
	json_decref(tree);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		const char *complaint;
		uint64_t size;
	} cases[] = {
		{ "{\"n\":0}", NULL, 0 },
		{ "{\"n\":9223372036854775807}", NULL, INT64_MAX },
		{ "{\"n\":-1}", "'n' is negative", 0 },
		{ "{\"n\":1.0}", "'n' is not an integer", 0 },
		{ "{\"n\":1e3}", "'n' is not an integer", 0 },
		{ "{\"n\":\"1\"}", "'n' is not an integer", 0 },
		{ "{\"n\":true}", "'n' is not an integer", 0 },
		{ "{\"n\":null}", "'n' is not an integer", 0 },
		{ "{\"m\":1}", "'n' is missing", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *tree = parse(cases[i].text);
		struct err err = ERR_INIT;
		uint64_t size = 77;
		int ret = json_get_size(tree, "n", &size, &err);

		assert_int_equal(ret, cases[i].complaint ? -1 : 0);
		if (ret)
			assert_string_equal(err.msg, cases[i].complaint);
		else
			assert_int_equal(size, cases[i].size);
		json_decref(tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_json),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(a_nul_does_not_end_it),
		cmocka_unit_test(streams),
		cmocka_unit_test(streams_that_end_early),
		cmocka_unit_test(format),
		cmocka_unit_test(strings),
		cmocka_unit_test(no_object_has_no_members),
		cmocka_unit_test(sizes),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
