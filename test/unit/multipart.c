/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/multipart.h"
#include "test/unit/unit.h"

static const char oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* An action, its plan, and what became of it. */
struct
try {
	json_t *tree;
	struct plan *plan;
	struct err err;
	int ret;
};

static void plan_tree(struct try *try, uint64_t size, json_t *tree)
{
	const struct plan_request request = {
		.direction = UPLOAD, .oid = oid, .size = size, .finish_ms = 7000
	};

	*try = (struct try){ .tree = tree, .plan = plan_new(&request) };
	assert_int_equal(action_parse(&try->plan->action, tree, NULL,
				      &try->err),
			 0);
	assert_true(multipart_is(tree));
	try->ret = multipart_plan(try->plan, &try->err);
}

/* `header` is the JSON text of the action's. */
static void plan_text(struct try *try, uint64_t size, const char *header)
{
	struct err err = ERR_INIT;
	json_t *tree = json_object(),
	       *parsed = json_parse(header, strlen(header), &err);

	assert_non_null(parsed);
	json_object_set_new(tree, "href", json_string("http://h/complete?x"));
	json_object_set_new(tree, "header", parsed);
	plan_tree(try, size, tree);
}

static void release(struct try *try)
{
	plan_free(try->plan);
	json_decref(try->tree);
}

/* Names of `width` digits at least, in the order of strings, as git-lfs hands them on. */
static json_t *many_parts(unsigned n, int width, const char *size)
{
	json_t *tree = json_object(), *header = json_object();
	char name[32], url[64];

	json_object_set_new(tree, "href", json_string("http://h/complete"));
	json_object_set_new(tree, "header", header);
	/* 1, 10, 100, 11, 2, ... : by first digit, then by second, ... */
	for (unsigned first = 1; first <= 9; first++)
		for (unsigned i = 1; i <= n; i++) {
			unsigned top = i;

			while (top > 9)
				top /= 10;
			if (top != first)
				continue;
			snprintf(name, sizeof(name), "%0*u", width, i);
			snprintf(url, sizeof(url), "http://s/%u", i);
			json_object_set_new(header, name, json_string(url));
		}
	json_object_set_new(header, "chunk_size", json_string(size));
	return tree;
}

static void check_many(unsigned n, uint64_t size, int width,
		       const char *part_size)
{
	struct try try;
	uint64_t off = 0;
	char url[64];

	plan_tree(&try, size, many_parts(n, width, part_size));
	if (try.ret)
		fail_msg("%u parts: %s", n, try.err.msg);
	assert_int_equal(try.plan->nparts, n);
	for (unsigned i = 0; i < n; i++) {
		const struct part *part = &try.plan->parts[i];

		snprintf(url, sizeof(url), "http://s/%u", i + 1);
		assert_string_equal(part->href, url);
		assert_int_equal(part->number, i + 1);
		assert_int_equal(part->off, off);
		off += part->size;
	}
	assert_int_equal(off, size);
	assert_int_equal(try.plan->action.headers.n, 0);
	release(&try);
}

static void shapes(void **state)
{
	(void)state;
	check_many(1, 1, 5, "20000000");
	check_many(1, 20000000, 5, "20000000");
	check_many(2, 20000001, 5, "20000000");
	check_many(12, 115, 5, "10");
	check_many(12, 120, 1, "10");
	check_many(123, 1221, 1, "10");
	check_many(10000, 99991, 1, "10");
	check_many(10000, 10000, 5, "1");
	check_many(PLAN_PARTS_MAX, PLAN_PARTS_MAX, 1, "1");
	check_many(1, INT64_MAX, 1, "9223372036854775807");
	check_many(3, INT64_MAX, 1, "4611686018427387903");
}

static void is(void **state)
{
	static const struct {
		const char *action;
		bool is;
	} cases[] = {
		{ "{\"href\":\"http://h\",\"header\":{\"chunk_size\":\"1\"}}",
		  true },
		{ "{\"href\":\"http://h\",\"header\":{\"chunk_size\":null}}",
		  true },
		{ "{\"href\":\"http://h\",\"header\":{\"00001\":\"x\"}}",
		  true },
		{ "{\"href\":\"http://h\",\"header\":{}}", false },
		{ "{\"href\":\"http://h\",\"header\":null}", false },
		{ "{\"href\":\"http://h\",\"chunk_size\":\"1\"}", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		json_t *tree = json_parse(cases[i].action,
					  strlen(cases[i].action), &err);

		assert_int_equal(multipart_is(tree), cases[i].is);
		json_decref(tree);
	}
}

/* KohakuHub's upload_id, and whatever others may add. */
static void other_members(void **state)
{
	struct try try;

	(void)state;
	plan_text(&try, 15,
		  "{\"upload_id\":\"a b\\r\\nc\",\"chunk_size\":\"10\",\"x1\":7,"
		  "\"1\":\"http://s/1\",\"2x\":\"\",\"\":[],\"-1\":null,"
		  "\"1.0\":\"y\",\"+2\":\"z\",\" 2\":\"w\","
		  "\"2\":\"https://s/2?a=b&c=d\"}");
	assert_int_equal(try.ret, 0);
	assert_int_equal(try.plan->nparts, 2);
	assert_string_equal(try.plan->parts[1].href, "https://s/2?a=b&c=d");
	release(&try);
}

static const struct {
	uint64_t size;
	const char *header;
	const char *complaint;
} refusals[] = {
	{ 5, "{\"chunk_size\":10}", "'chunk_size' is not a string" },
	{ 5, "{\"chunk_size\":null}", "'chunk_size' is not a string" },
	{ 5, "{\"chunk_size\":\"\"}", "'chunk_size' is ''" },
	{ 5, "{\"chunk_size\":\"0\"}", "'chunk_size' is '0'" },
	{ 5, "{\"chunk_size\":\"000\"}", "'chunk_size' is '000'" },
	{ 5, "{\"chunk_size\":\"-1\"}", "'chunk_size' is '-1'" },
	{ 5, "{\"chunk_size\":\"1.5\"}", "'chunk_size' is '1.5'" },
	{ 5, "{\"chunk_size\":\"1e3\"}", "'chunk_size' is '1e3'" },
	{ 5, "{\"chunk_size\":\" 9\"}", "'chunk_size' is ' 9'" },
	{ 5, "{\"chunk_size\":\"0x9\"}", "'chunk_size' is '0x9'" },
	{ 5, "{\"chunk_size\":\"9223372036854775808\"}",
	  "'chunk_size' is '9223372036854775808'" },
	{ 5, "{\"chunk_size\":\"20000000000000000000\"}",
	  "'chunk_size' is '20000000000000000000'" },
	{ 5, "{\"chunk_size\":\"18446744073709551626\"}",
	  "'chunk_size' is '18446744073709551626'" },
	{ INT64_MAX, "{\"chunk_size\":\"1\"}", "over the limit" },
	{ PLAN_PARTS_MAX + 1, "{\"chunk_size\":\"1\"}", "over the limit" },
	{ 15, "{\"chunk_size\":\"10\"}", "no URL for part 1 of 2" },
	{ 15, "{\"chunk_size\":\"10\",\"1\":\"http://s\"}",
	  "no URL for part 2 of 2" },
	{ 15, "{\"chunk_size\":\"10\",\"2\":\"http://s\"}",
	  "no URL for part 1 of 2" },
	{ 25,
	  "{\"chunk_size\":\"10\",\"1\":\"http://s\","
	  "\"3\":\"http://s\"}",
	  "no URL for part 2 of 3" },
	{ 15, "{\"chunk_size\":\"10\",\"0\":\"http://s\"}",
	  "a URL for part '0', but 15 bytes are parts 1 to 2" },
	{ 15, "{\"chunk_size\":\"10\",\"3\":\"http://s\"}",
	  "a URL for part '3', but 15 bytes are parts 1 to 2" },
	{ 15,
	  "{\"chunk_size\":\"10\",\"18446744073709551617\":"
	  "\"http://s\"}",
	  "a URL for part '18446744073709551617'" },
	{ 15,
	  "{\"chunk_size\":\"10\",\"1\":\"http://s\","
	  "\"01\":\"http://t\"}",
	  "two URLs for part 1" },
	{ 15,
	  "{\"chunk_size\":\"10\",\"00002\":\"http://s\","
	  "\"2\":\"http://t\"}",
	  "two URLs for part 2" },
	{ 5, "{\"chunk_size\":\"10\",\"1\":7}",
	  "the URL of part 1 is not a string" },
	{ 5, "{\"chunk_size\":\"10\",\"1\":null}",
	  "the URL of part 1 is not a string" },
	{ 5, "{\"chunk_size\":\"10\",\"1\":\"\"}", "part 1: " },
	{ 5, "{\"chunk_size\":\"10\",\"1\":\"ftp://s/1\"}", "part 1: " },
	{ 5, "{\"chunk_size\":\"10\",\"1\":\"/relative\"}", "part 1: " },
	{ 5, "{\"chunk_size\":\"10\",\"1\":\"http://s/\\r\\nX: y\"}",
	  "part 1: " },
	{ 0, "{\"chunk_size\":\"10\",\"2\":\"http://s\"}",
	  "a URL for part '2'" },
	{ 0, "{\"chunk_size\":\"10\",\"0\":\"http://s\"}",
	  "a URL for part '0'" },
	{ 0,
	  "{\"chunk_size\":\"10\",\"1\":\"http://s\","
	  "\"2\":\"http://s\"}",
	  "a URL for part '2'" },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct try try;

		plan_text(&try, refusals[i].size, refusals[i].header);
		assert_int_equal(try.ret, -1);
		assert_int_equal(try.err.kind, ERR_PROTOCOL);
		if (!strstr(try.err.msg, refusals[i].complaint))
			fail_msg("%s: %s", refusals[i].header, try.err.msg);
		assert_memory_equal(try.err.msg, "action: ", 8);
		release(&try);
	}
}

static void the_empty_object(void **state)
{
	struct try try;

	(void)state;
	plan_text(&try, 0, "{\"chunk_size\":\"10\"}");
	assert_int_equal(try.ret, 0);
	assert_int_equal(try.plan->nparts, 0);
	release(&try);
	plan_text(&try, 0, "{\"chunk_size\":\"10\",\"00001\":\"http://s\"}");
	assert_int_equal(try.ret, 0);
	assert_int_equal(try.plan->nparts, 1);
	assert_int_equal(try.plan->parts[0].number, 1);
	assert_int_equal(try.plan->parts[0].size, 0);
	assert_string_equal(try.plan->parts[0].href, "http://s");
	release(&try);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),	    cmocka_unit_test(is),
		cmocka_unit_test(other_members),    cmocka_unit_test(refused),
		cmocka_unit_test(the_empty_object),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
