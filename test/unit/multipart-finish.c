/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/mode.h"
#include "test/unit/httpbench.h"
#include "test/unit/unit.h"

/* An action and its plan. */
struct
try {
	json_t *tree;
	struct plan *plan;
};

static void plan_text(struct try *try, uint64_t size, const char *header)
{
	struct plan_request request = {
		.direction = UPLOAD,
		.oid = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991"
		       "b7852b855",
		.size = size,
		.finish_ms = 60000,
	};
	struct err err = ERR_INIT;
	char text[400];

	snprintf(text, sizeof(text), "{\"href\":\"http://h\",\"header\":%s}",
		 header);
	try->tree = json_parse(text, strlen(text), &err);
	assert_non_null(try->tree);
	request.action = try->tree;
	try->plan = mode_plan(&request, &err);
	assert_non_null(try->plan);
}

static void release(struct try *try)
{
	plan_free(try->plan);
	json_decref(try->tree);
}

/* Let the mode look at an answer whose headers are `text`. */
static int keep(struct try *try, size_t i, const char *text, struct err *err)
{
	char answer[4000];
	struct bench bench;
	int ret;

	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n", text);
	ret = get(&bench, tinyserver_text, answer);
	assert_int_equal(ret, 0);
	err_clear(err);
	ret = try->plan->mode->answer(try->plan, &try->plan->parts[i],
				      bench.http, err);
	tear_down(&bench);
	return ret;
}

static void etags(void **state)
{
	static const char *const good[] = {
		"\"d41d8cd98f00b204e9800998ecf8427e\"",
		"W/\"a b\"",
		"bare",
		"\"a\\b\"",
		"~!",
	};
	static const char *const bad[] = {
		"",
		"ETag:\r\n",
		"ETag: \r\n",
		"ETag: \"\xc3\xa9\"\r\n",
		"ETag: \"a\x7f\"\r\n",
		"ETag: \"a\tb\"\r\n",
	};
	struct try try;
	struct err err;
	char line[2000];

	(void)state;
	plan_text(&try, 5, "{\"chunk_size\":\"10\",\"1\":\"http://s\"}");
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(line, sizeof(line), "eTag: %s\r\n", good[i]);
		assert_int_equal(keep(&try, 0, line, &err), 0);
		assert_string_equal(try.plan->parts[0].etag, good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(keep(&try, 0, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_non_null(strstr(err.msg, "ETag"));
	}
	snprintf(line, sizeof(line), "ETag: %0*d\r\n", PLAN_ETAG_MAX, 7);
	assert_int_equal(keep(&try, 0, line, &err), 0);
	snprintf(line, sizeof(line), "ETag: %0*d\r\n", PLAN_ETAG_MAX + 1, 7);
	assert_int_equal(keep(&try, 0, line, &err), -1);
	release(&try);
}

/* Finish a plan of two parts at `server`. */
static int finish(struct try *try, struct tinyserver *server, struct err *err)
{
	struct http_shared shared = { .connect_ms = 5000, .stall_ms = 60000 };
	struct http *http = http_new(&shared, err);
	int ret;

	assert_non_null(http);
	try->plan->action.href = tinyserver_url(server);
	ret = try->plan->mode->finish(try->plan, http, err);
	http_free(http);
	return ret;
}

static void prepare(struct try *try)
{
	plan_text(try, 15,
		  "{\"chunk_size\":\"10\",\"2\":\"http://s/2\","
		  "\"1\":\"http://s/1\"}");
	try->plan->parts[0].etag = strdup("\"a\\b\"");
	try->plan->parts[1].etag = strdup("W/x");
}

#define BODY                                                                 \
	"{\"oid\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991" \
	"b7852b855\",\"parts\":[{\"partNumber\":1,\"etag\":\"\\\"a\\\\b\\\""  \
	"\"},{\"partNumber\":2,\"etag\":\"W/x\"}]}"

static void the_completion(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, OK);
	struct err err = ERR_INIT;
	const char *head;
	struct try try;

	(void)state;
	prepare(&try);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(finish(&try, server, &err), 0);
		head = tinyserver_head(server, i);
		assert_memory_equal(head, "POST / HTTP/1.1\r\n", 17);
		assert_non_null(strstr(head, "\r\nContent-Type: application/"
					     "vnd.git-lfs+json\r\n"));
		assert_non_null(strstr(head, "\r\nAccept: application/"
					     "vnd.git-lfs+json\r\n"));
		assert_null(tinyserver_header(head, "chunk_size"));
		assert_null(tinyserver_header(head, "1"));
		assert_null(tinyserver_header(head, "Authorization"));
		assert_string_equal(tinyserver_body(server, i), BODY);
	}
	tinyserver_stop(server);
	release(&try);
}

static void a_completion_without_parts(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, OK);
	struct err err = ERR_INIT;
	struct try try;

	(void)state;
	plan_text(&try, 0, "{\"chunk_size\":\"10\"}");
	assert_int_equal(finish(&try, server, &err), 0);
	assert_string_equal(tinyserver_body(server, 0),
			    "{\"oid\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41"
			    "e4649b934ca495991b7852b855\",\"parts\":[]}");
	tinyserver_stop(server);
	release(&try);
}

/* Busy once, then the server no longer knows the upload. */
static bool busy_then_gone(struct tinyrequest *request, void *ctx)
{
	(void)ctx;
	if (!tinyserver_read_body(request))
		return false;
	if (!request->number)
		return tinyserver_puts(request,
				       "HTTP/1.1 503 Busy\r\nRetry-After: 2"
				       "\r\nContent-Length: 0\r\n\r\n");
	return tinyserver_puts(request, "HTTP/1.1 404 No\r\nContent-Length: "
					"20\r\n\r\n{\"error\":\"no upload\"}");
}

static void completions_that_fail(void **state)
{
	struct tinyserver *server = tinyserver_start(busy_then_gone, NULL);
	struct err err = ERR_INIT;
	struct try try;

	(void)state;
	prepare(&try);
	assert_int_equal(finish(&try, server, &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(err.wait_ms, 2000);
	assert_non_null(strstr(err.msg, "completing the upload: the server "
					"answered 503 Service Unavailable "
					"(127.0.0.1:"));
	err_clear(&err);
	assert_int_equal(finish(&try, server, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	/* The cause comes first, then who gave it, then the advice. */
	assert_non_null(strstr(err.msg, "); an earlier try may have completed "
					"it: push again to see"));
	assert_string_equal(tinyserver_body(server, 1), BODY);
	tinyserver_stop(server);
	release(&try);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(etags),
		cmocka_unit_test(the_completion),
		cmocka_unit_test(a_completion_without_parts),
		cmocka_unit_test(completions_that_fail),
	};
	struct err err = ERR_INIT;

	json_setup();
	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
