/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "lfs/server/batch.h"
#include "test/unit/unit.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define GET "\"actions\":{\"download\":{\"href\":\"http://h/a\"}}"

static const char *const transfers[] = { "multipart", "basic", NULL };

/* Two objects to ask for. */
struct fixture {
	struct batch_object objects[2];
	struct batch batch;
	struct err err;
};

static void set_up(struct fixture *f)
{
	*f = (struct fixture){ .objects = {
				       { .oid = A, .size = 1 },
				       { .oid = B, .size = 9000000000 } } };
	f->batch = (struct batch){
		.direction = DOWNLOAD,
		.transfers = transfers,
		.objects = f->objects,
		.nobjects = 2,
	};
}

static int parse(struct fixture *f, const char *text)
{
	err_clear(&f->err);
	return batch_parse(&f->batch, text, strlen(text), &f->err);
}

static void request(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	set_up(&f);
	text = batch_format(&f.batch);
	assert_string_equal(
		text,
		"{\"operation\":\"download\",\"transfers\":[\"multipart\","
		"\"basic\"],\"objects\":[{\"oid\":\"" A "\",\"size\":1},"
		"{\"oid\":\"" B "\",\"size\":9000000000}],"
		"\"hash_algo\":\"sha256\"}");
	free(text);
	f.batch.direction = UPLOAD;
	f.batch.ref = "refs/heads/m\xc3\xa4\"in";
	f.batch.nobjects = 0;
	text = batch_format(&f.batch);
	assert_string_equal(
		text, "{\"operation\":\"upload\",\"transfers\":[\"multipart\","
		      "\"basic\"],\"objects\":[],\"hash_algo\":\"sha256\","
		      "\"ref\":{\"name\":\"refs/heads/m\xc3\xa4\\\"in\"}}");
	free(text);
	/* A ref that JSON cannot say is not said. */
	f.batch.ref = "refs/heads/\xff";
	text = batch_format(&f.batch);
	assert_null(strstr(text, "ref\""));
	free(text);
}

static void answer(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(
		parse(&f, "{\"transfer\":\"basic\",\"new\":[1],\"objects\":["
			  "{\"oid\":\"" C "\",\"actions\":7},"
			  "{\"oid\":\"" B "\",\"size\":9000000000,"
			  "\"authenticated\":true," GET "},"
			  "{\"oid\":\"" A "\",\"error\":{\"code\":404,"
			  "\"message\":\"no\\nsuch\"}},"
			  "{\"oid\":\"" A "\"," GET "}],"
			  "\"hash_algo\":\"sha256\"}"),
		0);
	assert_string_equal(f.objects[0].err.msg,
			    "the server does not have this object (404: no "
			    "such)");
	assert_int_equal(f.objects[0].err.kind, ERR_REFUSED);
	assert_int_equal(f.objects[0].err.code, 404);
	assert_null(f.objects[0].actions);
	assert_int_equal(f.objects[1].err.kind, ERR_NONE);
	assert_true(f.objects[1].authenticated);
	assert_non_null(json_object_get(f.objects[1].actions, "download"));
	/* The tree outlives the answer. */
	json_incref(f.objects[1].actions);
	json_t *kept = f.objects[1].actions;
	batch_reset(&f.batch);
	assert_null(f.objects[1].actions);
	assert_non_null(json_object_get(kept, "download"));
	json_decref(kept);
}

static void nothing_to_do(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.batch.direction = UPLOAD;
	assert_int_equal(parse(&f, "{\"objects\":[{\"oid\":\"" A "\"},"
				   "{\"oid\":\"" B "\",\"actions\":{}}]}"),
			 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f.objects[i].err.kind, ERR_NONE);
		assert_null(f.objects[i].actions);
	}
	/* For a download that is an error, as is silence. */
	f.batch.direction = DOWNLOAD;
	assert_int_equal(parse(&f, "{\"objects\":[{\"oid\":\"" A "\","
				   "\"actions\":null}]}"),
			 0);
	assert_int_equal(f.objects[0].err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(f.objects[0].err.msg, "neither where"));
	assert_non_null(strstr(f.objects[1].err.msg, "not mention"));
	assert_int_equal(parse(&f, "{\"objects\":[{\"oid\":\"" A "\","
				   "\"_links\":{\"download\":{}}}]}"),
			 0);
	assert_non_null(f.objects[0].actions);
	batch_reset(&f.batch);
}

static void errors_of_objects(void **state)
{
	static const struct {
		const char *error;
		enum err_kind kind;
		const char *msg;
	} cases[] = {
		{ "{\"code\":401}", ERR_AUTH,
		  "the server does not let you have this object (401)" },
		{ "{\"code\":403,\"message\":\"\"}", ERR_REFUSED,
		  "the server does not let you have this object (403)" },
		{ "{\"code\":410,\"message\":null}", ERR_REFUSED,
		  "the owner has removed this object from the server (410)" },
		{ "{\"code\":422,\"message\":\"m\"}", ERR_REFUSED,
		  "the server finds this object invalid (422: m)" },
		{ "{\"code\":429,\"message\":\"m\"}", ERR_BUSY,
		  "the server refuses this object (429: m)" },
		{ "{\"code\":503,\"message\":\"m\"}", ERR_BUSY,
		  "the server refuses this object (503: m)" },
		{ "{\"code\":507,\"message\":\"m\"}", ERR_REFUSED,
		  "the server has no room for this object (507: m)" },
		{ "{\"message\":\"m\"}", ERR_REFUSED,
		  "the server refuses this object (m)" },
	};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = xstrfmt("{\"objects\":[{\"oid\":\"" A "\","
				     "\"error\":%s}]}",
				     cases[i].error);

		assert_int_equal(parse(&f, text), 0);
		assert_int_equal(f.objects[0].err.kind, cases[i].kind);
		assert_string_equal(f.objects[0].err.msg, cases[i].msg);
		free(text);
	}
	batch_reset(&f.batch);
}

static void no_answer(void **state)
{
	static const char *const cases[][2] = {
		{ "", "JSON" },
		{ "<html>", "JSON" },
		{ "[]", "not a JSON object" },
		{ "{}", "'objects' is missing" },
		{ "{\"objects\":{}}", "'objects' is not an array" },
		{ "{\"objects\":[7]}", "object 1" },
		{ "{\"objects\":[{}]}", "'oid' is missing" },
		{ "{\"objects\":[{\"oid\":7}]}", "'oid' is not a string" },
		{ "{\"transfer\":1,\"objects\":[]}", "'transfer'" },
		{ "{\"hash_algo\":\"md5\",\"objects\":[]}", "'hash_algo'" },
		{ "{\"hash_algo\":[],\"objects\":[]}", "'hash_algo'" },
		{ "{\"objects\":[{\"oid\":\"" A "\",\"actions\":[]}]}",
		  "'actions' is not an object" },
		{ "{\"objects\":[{\"oid\":\"" A "\",\"error\":\"x\"}]}",
		  "'error' is not an object" },
		{ "{\"objects\":[{\"oid\":\"" A "\",\"error\":"
		  "{\"code\":\"404\"}}]}",
		  "'code' is not an integer" },
		{ "{\"objects\":[{\"oid\":\"" A "\"," GET "},"
		  "{\"oid\":\"" B "\",\"error\":{\"message\":[]}}]}",
		  "'message' is not a string" },
	};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(&f, cases[i][0]), -1);
		assert_int_equal(f.err.kind, ERR_PROTOCOL);
		if (!strstr(f.err.msg, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], f.err.msg);
		assert_null(f.objects[0].actions);
	}
}

/* Little text can mean much memory. */
static void too_many_values(void **state)
{
	enum { N = BATCH_VALUES_MAX + 1 };
	struct buf text = BUF_INIT(BATCH_ANSWER_MAX);
	struct fixture f;

	(void)state;
	set_up(&f);
	buf_puts(&text, "{\"x\":[{}");
	for (int i = 0; i < N / 2; i++)
		buf_puts(&text, ",{}");
	buf_puts(&text, "],\"objects\":[]}");
	assert_int_equal(parse(&f, buf_str(&text)), -1);
	assert_non_null(strstr(f.err.msg, "JSON values"));
	/* Brackets in strings do not count. */
	buf_reset(&text);
	buf_puts(&text, "{\"x\":\"\\\"");
	for (int i = 0; i < N; i++)
		buf_puts(&text, "{");
	buf_puts(&text, "\",\"objects\":[]}");
	assert_int_equal(parse(&f, buf_str(&text)), 0);
	batch_reset(&f.batch);
	buf_release(&text);
}

/* The object may not be in sight yet; the login and the link are no better. */
static void verifications_that_are_refused(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
		unsigned nth, most;
		int wait_ms;	/* 0: it stays as it is */
	} cases[] = {
		{ ERR_REFUSED, 404, 1, 3, 1000 },
		{ ERR_REFUSED, 422, 2, 3, 2000 },
		{ ERR_REFUSED, 404, 3, 3, 0 },
		{ ERR_REFUSED, 404, 3, 4, 4000 },
		{ ERR_REFUSED, 404, 99, 100, 32000 },
		{ ERR_REFUSED, 200, 1, 3, 1000 },
		{ ERR_REFUSED, 401, 1, 3, 0 },
		{ ERR_REFUSED, 403, 1, 3, 0 },
		{ ERR_REFUSED, 410, 1, 3, 0 },
		{ ERR_REFUSED, 507, 1, 3, 0 },
		{ ERR_EXPIRED, 403, 1, 3, 0 },
		{ ERR_AUTH, 401, 1, 3, 0 },
		{ ERR_BUSY, 503, 1, 3, 0 },
		{ ERR_CANCELED, 0, 1, 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { .kind = cases[i].kind,
				   .code = cases[i].code };

		batch_verify_again(&err, cases[i].nth, cases[i].most);
		assert_int_equal(err.wait_ms, cases[i].wait_ms);
		assert_int_equal(err.kind, cases[i].wait_ms ? ERR_NETWORK :
							      cases[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request),
		cmocka_unit_test(answer),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(errors_of_objects),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(too_many_values),
		cmocka_unit_test(verifications_that_are_refused),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
