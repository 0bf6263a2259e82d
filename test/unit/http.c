/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "test/unit/httpbench.h"
#include "test/unit/unit.h"

enum { BIG = 3 << 20 };

static void simple(void **state)
{
	struct bench bench;
	struct tinyserver *server;
	int ret;

	(void)state;
	server = get(&bench, tinyserver_text,
		     "HTTP/1.1 404 No\r\nX-A: b c \r\nContent-Length: "
		     "5\r\n\r\nwhere",
		     &ret);
	assert_int_equal(ret, 0);
	assert_int_equal(bench.response.status, 404);
	assert_string_equal(buf_str(&bench.response.body), "where");
	assert_string_equal(http_header(bench.http, "x-a"), "b c");
	assert_null(http_header(bench.http, "x-b"));
	assert_string_equal(http_url(bench.http), tinyserver_url(server));
	assert_false(http_was_resent(bench.http));
	assert_true(bench.shared.moved_ms);
	/* The second request comes by the same connection. */
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(buf_str(&bench.response.body), "where");
	assert_int_equal(tinyserver_count(server), 2);
	assert_int_equal(tinyserver_connections(server), 1);
	assert_non_null(strstr(tinyserver_head(server, 0),
			       "User-Agent: git-lfs-multipart/"));
	tear_down(&bench);
	tinyserver_stop(server);
}

static char *big_body(void)
{
	char *data = xmalloc(BIG + 1);

	for (int i = 0; i < BIG; i++)
		data[i] = (char)('a' + i % 23);
	data[BIG] = '\0';
	return data;
}

static void put(void **state)
{
	const struct http_header headers[] = { { "X-One", "1" },
					       { "X-Empty", "" } };
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct bytes bytes = { .data = "hello", .size = 5, .at_most = 2 };
	struct http_body body = { 5, read_bytes, &bytes };
	struct bench bench;
	const char *head;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	bench.request.headers = headers;
	bench.request.nheaders = 2;
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(server, 0);
	assert_memory_equal(head, "PUT / HTTP/1.1\r\n", 16);
	assert_non_null(strstr(head, "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(head, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(head, "\r\nX-Empty:\r\n"));
	assert_null(tinyserver_header(head, "expect"));
	assert_null(tinyserver_header(head, "content-type"));
	assert_null(tinyserver_header(head, "transfer-encoding"));
	assert_null(tinyserver_header(head, "authorization"));
	assert_string_equal(tinyserver_body(server, 0), "hello");
	/* A media type brings both headers. */
	bench.request.media_type = "application/x-y";
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(server, 1);
	assert_non_null(strstr(head, "\r\nContent-Type: application/x-y\r\n"));
	assert_non_null(strstr(head, "\r\nAccept: application/x-y\r\n"));
	assert_int_equal(bytes.from_the_start, 2);
	tear_down(&bench);
	tinyserver_stop(server);
}

/* A length that is the action's would have the server wait for a body. */
static void headers_of_a_body(void **state)
{
	const struct http_header headers[] = { { "Content-length", "7" },
					       { "Transfer-Encoding",
						 "chunked" },
					       { "X-One", "1" } };
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct bytes bytes = { .data = "hello", .size = 5, .at_most = 5 };
	struct http_body body = { 5, read_bytes, &bytes };
	struct bench bench;
	const char *head;

	(void)state;
	set_up(&bench, "GET", tinyserver_url(server));
	bench.request.headers = headers;
	bench.request.nheaders = 3;
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(server, 0);
	assert_null(tinyserver_header(head, "content-length"));
	assert_null(tinyserver_header(head, "transfer-encoding"));
	assert_non_null(strstr(head, "\r\nX-One: 1\r\n"));
	/* Of a body that is sent, the length is the body's. */
	bench.request.method = "PUT";
	bench.request.body = &body;
	bench.request.nheaders = 1;
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(server, 1);
	assert_non_null(strstr(head, "\r\nContent-Length: 5\r\n"));
	assert_string_equal(tinyserver_body(server, 1), "hello");
	tear_down(&bench);
	tinyserver_stop(server);
}

static void put_of_nothing(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct bytes bytes = { .data = "" };
	struct http_body body = { 0, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	assert_int_equal(perform(&bench), 0);
	assert_non_null(strstr(tinyserver_head(server, 0),
			       "\r\nContent-Length: 0\r\n"));
	assert_int_equal(bytes.from_the_start, 0);
	tear_down(&bench);
	tinyserver_stop(server);
}

static void put_of_much(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct bytes bytes = { .data = big_body(), .size = BIG };
	struct http_body body = { BIG, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(tinyserver_body(server, 0), bytes.data);
	assert_null(tinyserver_header(tinyserver_head(server, 0), "expect"));
	tear_down(&bench);
	tinyserver_stop(server);
	free((char *)bytes.data);
}

static bool answer_at_once(struct tinyrequest *request, void *ctx)
{
	tinyserver_puts(request, ctx);
	tinyserver_pause(request, 300);
	return false;
}

/* Somebody on the way says yes to what he has not read. */
static void a_yes_before_the_body(void **state)
{
	struct tinyserver *server =
		tinyserver_start(answer_at_once,
				 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
				 "Connection: close\r\n\r\n");
	struct bytes bytes = { .data = big_body(), .size = BIG };
	struct http_body body = { BIG, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_NETWORK);
	tear_down(&bench);
	tinyserver_stop(server);
	free((char *)bytes.data);
}

static void a_body_that_fails(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct bytes bytes = { "hello", 5, 0, 2, true };
	struct http_body body = { 5, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_LOCAL);
	assert_string_equal(bench.err.msg, "the disk is gone");
	/* The handle is good for another request. */
	bench.request.method = "GET";
	bench.request.body = NULL;
	assert_int_equal(perform(&bench), 0);
	tear_down(&bench);
	tinyserver_stop(server);
}

static void range(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct bench bench;

	(void)state;
	set_up(&bench, "GET", tinyserver_url(server));
	bench.request.range = "5-9";
	assert_int_equal(perform(&bench), 0);
	assert_non_null(
		strstr(tinyserver_head(server, 0), "\r\nRange: bytes=5-9\r\n"));
	bench.request.range = NULL;
	assert_int_equal(perform(&bench), 0);
	assert_null(strstr(tinyserver_head(server, 1), "Range"));
	tear_down(&bench);
	tinyserver_stop(server);
}

struct kept {
	struct buf body;
	unsigned begun;
	int status;
	bool refuse_head, refuse_bytes;
	size_t enough;	/* bytes, or 0 */
};

static int keep_head(void *ctx, struct http *http, int status, struct err *err)
{
	struct kept *kept = ctx;

	(void)http;
	kept->begun++;
	kept->status = status;
	if (kept->refuse_head)
		return err_set(err, ERR_PROTOCOL, "not such a head");
	return 0;
}

static int keep_bytes(void *ctx, const char *data, size_t n, struct err *err)
{
	struct kept *kept = ctx;

	if (kept->refuse_bytes)
		return err_set(err, ERR_LOCAL, "the disk is full");
	buf_add(&kept->body, data, n);
	return kept->enough && kept->body.len >= kept->enough;
}

/* One GET into `kept`. */
static int get_into(struct kept *kept, tinyserver_answer *answer, void *ctx,
		    struct err *err)
{
	struct tinyserver *server = tinyserver_start(answer, ctx);
	struct http_sink sink = { keep_head, keep_bytes, kept };
	struct bench bench;
	int ret;

	kept->body.max = 10 << 20;
	set_up(&bench, "GET", tinyserver_url(server));
	bench.request.sink = &sink;
	ret = perform(&bench);
	if (!ret && kept->begun)
		assert_int_equal(bench.response.status, kept->status);
	*err = bench.err;
	if (!kept->begun)
		assert_non_null(buf_str(&bench.response.body));
	tear_down(&bench);
	tinyserver_stop(server);
	return ret;
}

static void sink(void **state)
{
	struct kept kept = { .begun = 0 };
	struct err err;

	(void)state;
	assert_int_equal(get_into(&kept, tinyserver_text,
				  "HTTP/1.1 100 Continue\r\n\r\n"
				  "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"
				  "HTTP/1.1 206 OK\r\nContent-Length: 3\r\n"
				  "\r\nabc",
				  &err),
			 0);
	assert_int_equal(kept.begun, 1);
	assert_int_equal(kept.status, 206);
	assert_string_equal(buf_str(&kept.body), "abc");
	buf_release(&kept.body);
}

/* Lines after the body are no second head. */
static void trailers(void **state)
{
	struct kept kept = { .begun = 0 };
	struct err err;

	(void)state;
	assert_int_equal(get_into(&kept, tinyserver_text,
				  "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				  "chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n"
				  "\r\n",
				  &err),
			 0);
	assert_int_equal(kept.begun, 1);
	assert_string_equal(buf_str(&kept.body), "abc");
	buf_release(&kept.body);
}

static void a_sink_is_not_for_refusals(void **state)
{
	struct kept kept = { .begun = 0 };
	struct err err;

	(void)state;
	assert_int_equal(get_into(&kept, tinyserver_text,
				  "HTTP/1.1 416 No\r\nContent-Length: 3\r\n"
				  "\r\nabc",
				  &err),
			 0);
	assert_int_equal(kept.begun, 0);
	assert_int_equal(kept.body.len, 0);
}

static void a_sink_that_refuses(void **state)
{
	struct kept head = { .refuse_head = true };
	struct kept bytes = { .refuse_bytes = true };
	struct err err;

	(void)state;
	assert_int_equal(get_into(&head, tinyserver_text, OK, &err), -1);
	assert_string_equal(err.msg, "not such a head");
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_int_equal(get_into(&bytes, tinyserver_text, OK, &err), -1);
	assert_string_equal(err.msg, "the disk is full");
	assert_int_equal(err.kind, ERR_LOCAL);
}

static void a_sink_that_has_enough(void **state)
{
	struct kept kept = { .enough = 100000 };
	struct err err;

	(void)state;
	assert_int_equal(get_into(&kept, tinyserver_endless,
				  "HTTP/1.1 200 OK\r\n\r\n", &err),
			 0);
	assert_true(kept.body.len >= 100000);
	assert_int_equal(err.kind, ERR_NONE);
	buf_release(&kept.body);
}

/* Who gave an error, for whoever has to ask its owner. */
static void the_peer_of_an_error(void **state)
{
	static char answer[] = "HTTP/1.1 403 No\r\nX-Amz-Request-Id: 4442\r\n"
			       "x-request-id: r-1\r\nX-Error-Message: \r\n"
			       "Content-Length: 0\r\n\r\n";
	char expected[200];
	struct bench bench;
	struct tinyserver *server;
	int ret;

	(void)state;
	server = get(&bench, tinyserver_text, answer, &ret);
	assert_int_equal(ret, 0);
	err_set(&bench.err, ERR_REFUSED, "no");
	http_name_peer(bench.http, &bench.err);
	snprintf(expected, sizeof(expected),
		 "no (%s; x-amz-request-id 4442; X-Request-Id r-1)",
		 tinyserver_url(server) + strlen("http://"));
	assert_string_equal(bench.err.msg, expected);
	/* Once is enough. */
	http_name_peer(bench.http, &bench.err);
	assert_string_equal(bench.err.msg, expected);
	err_clear(&bench.err);
	err_set(&bench.err, ERR_LOCAL, "no");
	http_name_peer(bench.http, &bench.err);
	assert_string_equal(bench.err.msg, "no");
	err_clear(&bench.err);
	err_set(&bench.err, ERR_PROTOCOL, "no");
	http_forget(bench.http);
	http_name_peer(bench.http, &bench.err);
	assert_string_equal(bench.err.msg, "no");
	tear_down(&bench);
	tinyserver_stop(server);
}

static void headers_of_one_name(void **state)
{
	char answer[] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n"
			"WWW-Authenticate: Negotiate\r\nX: y\r\n"
			"www-authenticate: Basic realm=\"a\"\r\n\r\n";
	struct tinyserver *server = tinyserver_start(tinyserver_text, answer);
	const char *name = "WWW-Authenticate";
	struct bench bench;

	(void)state;
	set_up(&bench, "GET", tinyserver_url(server));
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(http_header(bench.http, name), "Negotiate");
	assert_string_equal(http_header_at(bench.http, name, 1),
			    "Basic realm=\"a\"");
	assert_null(http_header_at(bench.http, name, 2));
	assert_null(http_header_at(bench.http, "Y", 0));
	tear_down(&bench);
	tinyserver_stop(server);
}

static int look_at_end(void *ctx, uint64_t moved, uint64_t busy_ms,
		       struct err *err)
{
	unsigned *ends = ctx;

	(void)busy_ms;
	*ends += !err && moved == 2;
	return -1;
}

/* A watch is told of the end, where its word no longer counts. */
static void a_watch_and_the_end(void **state)
{
	char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	struct tinyserver *server = tinyserver_start(tinyserver_text, answer);
	unsigned ends = 0;
	const struct http_watch watch = { look_at_end, &ends };
	struct kept kept = { .body = BUF_INIT(2) };
	struct http_sink sink = { keep_head, keep_bytes, &kept };
	struct bench bench;

	(void)state;
	set_up(&bench, "GET", tinyserver_url(server));
	http_set_watch(bench.http, &watch);
	bench.request.sink = &sink;
	assert_int_equal(perform(&bench), 0);
	assert_int_equal(ends, 1);
	buf_release(&kept.body);
	tear_down(&bench);
	tinyserver_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple),
		cmocka_unit_test(the_peer_of_an_error),
		cmocka_unit_test(put),
		cmocka_unit_test(headers_of_a_body),
		cmocka_unit_test(put_of_nothing),
		cmocka_unit_test(put_of_much),
		cmocka_unit_test(a_yes_before_the_body),
		cmocka_unit_test(a_body_that_fails),
		cmocka_unit_test(range),
		cmocka_unit_test(sink),
		cmocka_unit_test(trailers),
		cmocka_unit_test(a_sink_is_not_for_refusals),
		cmocka_unit_test(a_sink_that_refuses),
		cmocka_unit_test(a_sink_that_has_enough),
		cmocka_unit_test(a_watch_and_the_end),
		cmocka_unit_test(headers_of_one_name),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
