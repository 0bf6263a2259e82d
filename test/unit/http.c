/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <time.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/net/status.h"
#include "test/unit/httpbench.h"
#include "test/unit/unit.h"

enum { BIG = 3 << 20 };

static void simple(void **state)
{
	struct bench bench;

	(void)state;
	assert_int_equal(get(&bench, tinyserver_text,
			     "HTTP/1.1 404 No\r\nX-A: b c \r\nContent-Length: "
			     "5\r\n\r\nwhere"),
			 0);
	assert_int_equal(http_status(bench.http), 404);
	assert_string_equal(buf_str(http_answer(bench.http)), "where");
	assert_string_equal(http_header(bench.http, "x-a"), "b c");
	assert_null(http_header(bench.http, "x-b"));
	assert_string_equal(http_url(bench.http), tinyserver_url(bench.server));
	assert_false(http_was_resent(bench.http));
	assert_true(bench.shared.moved_ms);
	/* The second request comes by the same connection. */
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(buf_str(http_answer(bench.http)), "where");
	assert_int_equal(tinyserver_count(bench.server), 2);
	assert_int_equal(tinyserver_connections(bench.server), 1);
	assert_non_null(strstr(tinyserver_head(bench.server, 0),
			       "User-Agent: git-lfs-multipart/"));
	tear_down(&bench);
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
	struct http_header list[] = { { "X-One", "1" }, { "X-Empty", "" } };
	struct bytes bytes = { .data = "hello", .size = 5, .at_most = 2 };
	struct bench bench;
	const char *head;

	(void)state;
	serve(&bench, "PUT", tinyserver_text, EMPTY);
	send_bytes(&bench, &bytes);
	bench.request.headers = &(struct headers){ list, 2 };
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(bench.server, 0);
	assert_memory_equal(head, "PUT / HTTP/1.1\r\n", 16);
	assert_non_null(strstr(head, "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(head, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(head, "\r\nX-Empty:\r\n"));
	assert_null(tinyserver_header(head, "expect"));
	assert_null(tinyserver_header(head, "content-type"));
	assert_null(tinyserver_header(head, "transfer-encoding"));
	assert_null(tinyserver_header(head, "authorization"));
	assert_string_equal(tinyserver_body(bench.server, 0), "hello");
	/* A media type brings both headers. */
	bench.request.media_type = "application/x-y";
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(bench.server, 1);
	assert_non_null(strstr(head, "\r\nContent-Type: application/x-y\r\n"));
	assert_non_null(strstr(head, "\r\nAccept: application/x-y\r\n"));
	assert_int_equal(bytes.from_the_start, 2);
	tear_down(&bench);
}

/* A length that is the action's would have the server wait for a body. */
static void headers_of_a_body(void **state)
{
	struct http_header list[] = { { "Content-length", "7" },
				      { "Transfer-Encoding", "chunked" },
				      { "X-One", "1" } };
	struct bytes bytes = { .data = "hello", .size = 5, .at_most = 5 };
	struct bench bench;
	const char *head;

	(void)state;
	serve(&bench, "GET", tinyserver_text, EMPTY);
	bench.request.headers = &(struct headers){ list, 3 };
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(bench.server, 0);
	assert_null(tinyserver_header(head, "content-length"));
	assert_null(tinyserver_header(head, "transfer-encoding"));
	assert_non_null(strstr(head, "\r\nX-One: 1\r\n"));
	/* The length of a body that is sent is the body's. */
	bench.request.method = "PUT";
	send_bytes(&bench, &bytes);
	bench.request.headers = &(struct headers){ list, 1 };
	assert_int_equal(perform(&bench), 0);
	head = tinyserver_head(bench.server, 1);
	assert_non_null(strstr(head, "\r\nContent-Length: 5\r\n"));
	assert_string_equal(tinyserver_body(bench.server, 1), "hello");
	tear_down(&bench);
}

static void put_of_nothing(void **state)
{
	struct bytes bytes = { .data = "" };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", tinyserver_text, EMPTY);
	send_bytes(&bench, &bytes);
	assert_int_equal(perform(&bench), 0);
	assert_non_null(strstr(tinyserver_head(bench.server, 0),
			       "\r\nContent-Length: 0\r\n"));
	assert_int_equal(bytes.from_the_start, 0);
	tear_down(&bench);
}

static void put_of_much(void **state)
{
	struct bytes bytes = { .data = big_body(), .size = BIG };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", tinyserver_text, EMPTY);
	send_bytes(&bench, &bytes);
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(tinyserver_body(bench.server, 0), bytes.data);
	assert_null(
		tinyserver_header(tinyserver_head(bench.server, 0), "expect"));
	tear_down(&bench);
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
	struct bytes bytes = { .data = big_body(), .size = BIG };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", answer_at_once,
	      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
	      "Connection: close\r\n\r\n");
	send_bytes(&bench, &bytes);
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_NETWORK);
	tear_down(&bench);
	free((char *)bytes.data);
}

static void a_body_that_fails(void **state)
{
	struct bytes bytes = { "hello", 5, 0, 2, true };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", tinyserver_text, EMPTY);
	send_bytes(&bench, &bytes);
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_LOCAL);
	assert_string_equal(bench.err.msg, "the disk is gone");
	/* The handle is good for another request. */
	bench.request.method = "GET";
	bench.request.body = NULL;
	assert_int_equal(perform(&bench), 0);
	tear_down(&bench);
}

static void range(void **state)
{
	struct bench bench;

	(void)state;
	serve(&bench, "GET", tinyserver_text, EMPTY);
	bench.request.range = "5-9";
	assert_int_equal(perform(&bench), 0);
	assert_non_null(strstr(tinyserver_head(bench.server, 0),
			       "\r\nRange: bytes=5-9\r\n"));
	bench.request.range = NULL;
	assert_int_equal(perform(&bench), 0);
	assert_null(strstr(tinyserver_head(bench.server, 1), "Range"));
	tear_down(&bench);
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
	struct http_sink sink = { keep_head, keep_bytes, kept };
	struct bench bench;
	int ret;

	kept->body.max = 10 << 20;
	serve(&bench, "GET", answer, ctx);
	bench.request.sink = &sink;
	ret = perform(&bench);
	if (!ret && kept->begun)
		assert_int_equal(http_status(bench.http), kept->status);
	*err = bench.err;
	if (!kept->begun)
		assert_non_null(buf_str(http_answer(bench.http)));
	tear_down(&bench);
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

/* An error names the server, so that its owner can be asked. */
static void the_peer_of_an_error(void **state)
{
	static char answer[] = "HTTP/1.1 403 No\r\nX-Amz-Request-Id: 4442\r\n"
			       "x-request-id: r-1\r\nX-Error-Message: \r\n"
			       "Content-Length: 0\r\n\r\n";
	char expected[200];
	struct bench bench;

	(void)state;
	assert_int_equal(get(&bench, tinyserver_text, answer), 0);
	err_set(&bench.err, ERR_REFUSED, "no");
	http_name_peer(bench.http, &bench.err);
	snprintf(expected, sizeof(expected),
		 "no (%s; x-amz-request-id 4442; X-Request-Id r-1)",
		 tinyserver_url(bench.server) + strlen("http://"));
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
}

static void headers_of_one_name(void **state)
{
	char answer[] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n"
			"WWW-Authenticate: Negotiate\r\nX: y\r\n"
			"www-authenticate: Basic realm=\"a\"\r\n\r\n";
	const char *name = "WWW-Authenticate";
	struct bench bench;

	(void)state;
	serve(&bench, "GET", tinyserver_text, answer);
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(http_header(bench.http, name), "Negotiate");
	assert_string_equal(http_header_at(bench.http, name, 1),
			    "Basic realm=\"a\"");
	assert_null(http_header_at(bench.http, name, 2));
	assert_null(http_header_at(bench.http, "Y", 0));
	tear_down(&bench);
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
	unsigned ends = 0;
	const struct http_watch watch = { look_at_end, &ends };
	struct kept kept = { .body = BUF_INIT(2) };
	struct http_sink sink = { keep_head, keep_bytes, &kept };
	struct bench bench;

	(void)state;
	serve(&bench, "GET", tinyserver_text, answer);
	http_set_watch(bench.http, &watch);
	bench.request.sink = &sink;
	assert_int_equal(perform(&bench), 0);
	assert_int_equal(ends, 1);
	buf_release(&kept.body);
	tear_down(&bench);
}

/* The text, and then the connection is closed. */
static bool answer_and_close(struct tinyrequest *request, void *ctx)
{
	tinyserver_text(request, ctx);
	return false;
}

static void bodies_have_a_limit(void **state)
{
	struct bench bench;

	(void)state;
	assert_int_equal(get(&bench, tinyserver_endless,
			     "HTTP/1.1 200 OK\r\n\r\n"),
			 -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	assert_string_equal(bench.err.msg, "the answer is over 1048576 bytes");
	tear_down(&bench);
}

/* A refusal is one, though its page never ends. */
static void refusals_have_a_limit(void **state)
{
	struct bench bench;

	(void)state;
	assert_int_equal(get(&bench, tinyserver_endless,
			     "HTTP/1.1 403 Forbidden\r\n\r\n"),
			 0);
	assert_int_equal(http_status(bench.http), 403);
	assert_true(http_answer(bench.http)->len > 1000);
	assert_true(http_answer(bench.http)->len <= HTTP_BODY_MAX);
	tear_down(&bench);
}

static bool answer_with_headers(struct tinyrequest *request, void *ctx)
{
	char line[1100];
	unsigned n = *(unsigned *)ctx;

	memset(line, 'x', sizeof(line));
	memcpy(line, "X-Long: ", 8);
	memcpy(line + 998, "\r\n", 3);
	tinyserver_puts(request, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
	while (n--)
		if (!tinyserver_puts(request, line))
			return false;
	tinyserver_puts(request, "\r\nok");
	return false;
}

static void headers_have_a_limit(void **state)
{
	unsigned few = HTTP_HEADERS_MAX / 1000 - 1;
	unsigned many = HTTP_HEADERS_MAX / 1000 + 1;
	struct bench bench;

	(void)state;
	assert_int_equal(get(&bench, answer_with_headers, &few), 0);
	tear_down(&bench);
	assert_int_equal(get(&bench, answer_with_headers, &many), -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(bench.err.msg, "headers"));
	tear_down(&bench);
}

static void use_proxy(const void *proxy, const char *url,
		      struct http_options *options)
{
	(void)url;
	options->proxy = proxy;
}

/* libcurl quotes the URL of a proxy that it cannot use. */
static void a_proxy_has_secrets(void **state)
{
	static const char *const proxies[] = {
		"ftp://me:secret@127.0.0.1:1",
		"http://me:secret@127.0.0.1:port",
		"me:secret@127.0.0.1:port",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(proxies); i++) {
		struct bench bench;

		set_up(&bench, "GET", "http://0.0.0.0:1/");
		bench.shared.options_for = use_proxy;
		bench.shared.ctx = proxies[i];
		assert_int_equal(perform(&bench), -1);
		if (strstr(bench.err.msg, "secret") ||
		    !strstr(bench.err.msg, "proxy"))
			fail_msg("%s", bench.err.msg);
		tear_down(&bench);
	}
}

static void half_answers(void **state)
{
	static char *const answers[] = {
		"",
		"HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"SSH-2.0-what\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct bench bench;
		int ret;

		ret = get(&bench, answer_and_close, answers[i]);
		if (!ret || bench.err.kind != ERR_NETWORK)
			fail_msg("case %zu: kind %d: %s", i, bench.err.kind,
				 bench.err.msg);
		assert_non_null(strstr(bench.err.msg, "cannot talk to "));
		tear_down(&bench);
	}
}

static void nobody_there(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, OK);
	char url[100];
	struct bench bench;

	(void)state;
	snprintf(url, sizeof(url), "%s/a?secret=1", tinyserver_url(server));
	tinyserver_stop(server);
	set_up(&bench, "GET", url);
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_NETWORK);
	assert_null(strstr(bench.err.msg, "secret"));
	bench.request.url = "http://no-such-host.invalid/";
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_OFFLINE);
	bench.request.url = "ftp://127.0.0.1/";
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	tear_down(&bench);
}

/* Send the text, and then nothing more. */
static bool answer_and_stall(struct tinyrequest *request, void *ctx)
{
	tinyserver_puts(request, ctx);
	tinyserver_pause(request, 60000);
	return false;
}

static void silence(void **state)
{
	static const struct {
		char *answer;
		unsigned answer_ms, stall_ms;
		const char *msg;
	} cases[] = {
		{ "", 300, 60000, "no answer for 0 s" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", 60000, 300,
		  "the connection stood still for 0 s" },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t begun = clock_ms();
		struct bench bench;

		serve(&bench, "GET", answer_and_stall, cases[i].answer);
		bench.request.answer_ms = cases[i].answer_ms;
		bench.shared.stall_ms = cases[i].stall_ms;
		assert_int_equal(perform(&bench), -1);
		assert_int_equal(bench.err.kind, ERR_OFFLINE);
		assert_string_equal(bench.err.msg, cases[i].msg);
		assert_in_range(clock_ms() - begun, 300, 5000);
		tear_down(&bench);
	}
}

/* The first answer comes, the second does not, on the same connection. */
static bool answer_once(struct tinyrequest *request, void *ctx)
{
	(void)ctx;
	if (request->number)
		return answer_and_stall(request, "");
	return tinyserver_puts(request, OK);
}

static void silence_on_a_kept_connection(void **state)
{
	struct bench bench;
	uint64_t begun;

	(void)state;
	serve(&bench, "GET", answer_once, NULL);
	assert_int_equal(perform(&bench), 0);
	begun = clock_ms();
	bench.request.answer_ms = 300;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_OFFLINE);
	assert_in_range(clock_ms() - begun, 300, 5000);
	tear_down(&bench);
}

/* A server that does not read: the body stands still. */
static bool read_nothing(struct tinyrequest *request, void *ctx)
{
	(void)ctx;
	tinyserver_pause(request, 60000);
	return false;
}

static void a_body_nobody_takes(void **state)
{
	enum { SIZE = 64 << 20 };
	char *data = calloc(1, SIZE);
	struct bytes bytes = { .data = data, .size = SIZE };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", read_nothing, NULL);
	send_bytes(&bench, &bytes);
	bench.shared.stall_ms = 300;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_OFFLINE);
	assert_string_equal(bench.err.msg,
			    "the connection stood still for 0 s");
	tear_down(&bench);
	free(data);
}

/* Slow, but never silent for as long as the limit. */
static bool answer_slowly(struct tinyrequest *request, void *ctx)
{
	(void)ctx;
	tinyserver_puts(request,
			"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
	for (int i = 0; i < 6; i++) {
		if (!tinyserver_pause(request, 300))
			return false;
		tinyserver_puts(request, "x");
	}
	return true;
}

static void slowness_is_no_silence(void **state)
{
	struct bench bench;

	(void)state;
	serve(&bench, "GET", answer_slowly, NULL);
	bench.shared.stall_ms = 1200;
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(buf_str(http_answer(bench.http)), "xxxxxx");
	tear_down(&bench);
}

/* The server ends a kept-alive connection when the next request is there. */
static bool end_kept_connection(struct tinyrequest *request, void *ctx)
{
	(void)ctx;
	if (request->number == 1)
		return false;
	return tinyserver_read_body(request) && tinyserver_puts(request, OK);
}

static void a_dead_connection_is_replaced(void **state)
{
	struct bytes bytes = { .data = "hello", .size = 5 };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", end_kept_connection, NULL);
	send_bytes(&bench, &bytes);
	assert_int_equal(perform(&bench), 0);
	assert_false(http_was_resent(bench.http));
	bytes.from_the_start = 0;
	assert_int_equal(perform(&bench), 0);
	assert_int_equal(http_status(bench.http), 200);
	assert_string_equal(tinyserver_body(bench.server, 2), "hello");
	assert_int_equal(bytes.from_the_start, 2);
	assert_true(http_was_resent(bench.http));
	assert_int_equal(perform(&bench), 0);
	assert_false(http_was_resent(bench.http));
	tear_down(&bench);
}

static void *stop_soon(void *arg)
{
	struct bench *bench = arg;
	const struct timespec time = { 0, 100000000 };

	nanosleep(&time, NULL);
	atomic_store(&bench->shared.stop, true);
	http_wake(bench->http);
	return NULL;
}

static void stop_and_wake(void **state)
{
	static char *const answers[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t begun = clock_ms();
		struct bench bench;
		pthread_t thread;

		serve(&bench, "GET", answer_and_stall, answers[i]);
		assert_int_equal(pthread_create(&thread, NULL, stop_soon,
						&bench),
				 0);
		assert_int_equal(perform(&bench), -1);
		assert_int_equal(bench.err.kind, ERR_CANCELED);
		/* Sooner than the next look at the limits. */
		assert_in_range(clock_ms() - begun, 100, 400);
		assert_true(http_is_stopped(bench.http));
		pthread_join(thread, NULL);
		/* Nothing begins while the flag is set. */
		assert_int_equal(perform(&bench), -1);
		assert_int_equal(bench.err.kind, ERR_CANCELED);
		assert_int_equal(tinyserver_count(bench.server), 1);
		tear_down(&bench);
	}
}

/* The URLs to which the servers redirect; the last answer is "ok". */
struct route {
	int status;
	unsigned hops;	/* redirects before the answer */
	char location[200];
	const char *body;	/* of the redirect, or NULL */
};

static bool redirect(struct tinyrequest *request, void *ctx)
{
	const struct route *route = ctx;
	const char *body = route->body ? route->body : "";
	char head[400];

	if (!tinyserver_read_body(request))
		return false;
	if (request->number >= route->hops)
		return tinyserver_puts(request, OK);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d Found\r\nLocation: %s\r\nContent-Length: "
		 "%zu\r\n\r\n",
		 route->status, route->location, strlen(body));
	return tinyserver_puts(request, head) && tinyserver_puts(request, body);
}

static void statuses_and_forms(void **state)
{
	static const struct {
		int status;
		const char *location;
		const char *line;
	} cases[] = {
		{ 301, "/b?c=d", "GET /b?c=d HTTP" },
		{ 302, "b", "GET /b HTTP" },
		{ 303, "?q", "GET /?q HTTP" },
		{ 307, "/a/../b", "GET /b HTTP" },
		{ 308, "/", "GET / HTTP" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct route route = { .status = cases[i].status, .hops = 1 };
		struct bench bench;

		snprintf(route.location, sizeof(route.location), "%s",
			 cases[i].location);
		assert_int_equal(get(&bench, redirect, &route), 0);
		assert_int_equal(http_status(bench.http), 200);
		assert_string_equal(buf_str(http_answer(bench.http)), "ok");
		assert_memory_equal(tinyserver_head(bench.server, 1),
				    cases[i].line, strlen(cases[i].line));
		assert_string_not_equal(http_url(bench.http),
					tinyserver_url(bench.server));
		tear_down(&bench);
	}
}

/* Without a Location, or with another 3xx, the answer is what it is. */
static void no_redirects(void **state)
{
	static char *const answers[] = {
		"HTTP/1.1 302 Found\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 300 Many\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 304 Same\r\nLocation: /b\r\n\r\n",
		"HTTP/1.1 404 No\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct bench bench;

		assert_int_equal(get(&bench, tinyserver_text, answers[i]), 0);
		assert_int_equal(http_status(bench.http) / 100, i < 3 ? 3 : 4);
		assert_int_equal(tinyserver_count(bench.server), 1);
		tear_down(&bench);
	}
}

static void how_many(void **state)
{
	struct route route = { .status = 302,
			       .hops = HTTP_REDIRECTS_MAX,
			       .location = "/" };
	struct bench bench;

	(void)state;
	assert_int_equal(get(&bench, redirect, &route), 0);
	assert_int_equal(tinyserver_count(bench.server), 4);
	tear_down(&bench);
	/* A loop looks like one too many. */
	route.hops = 1000;
	assert_int_equal(get(&bench, redirect, &route), -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	assert_string_equal(bench.err.msg,
			    "the server redirects more than 3 times");
	assert_int_equal(tinyserver_count(bench.server), 4);
	tear_down(&bench);
}

/* The action's headers may hold a credential: they stay at their origin. */
static void headers_and_origins(void **state)
{
	struct http_header list[] = { { "Authorization", "Basic c2VjcmV0" },
				      { "X-Token", "secret" } };
	struct route home = { .status = 307, .hops = 1, .location = "/b" };
	struct route away = { .status = 307, .hops = 1 };
	struct route other = { .status = 200 };
	struct tinyserver *here, *there = tinyserver_start(redirect, &other);
	struct bench bench;

	(void)state;
	assert_non_null(there);
	snprintf(away.location, sizeof(away.location), "%s/c",
		 tinyserver_url(there));
	for (int i = 0; i < 2; i++) {
		const char *head;

		here = tinyserver_start(redirect, i ? &away : &home);
		assert_non_null(here);
		set_up(&bench, "GET", tinyserver_url(here));
		bench.request.headers = &(struct headers){ list, 2 };
		bench.request.range = "1-2";
		assert_int_equal(perform(&bench), 0);
		head = tinyserver_head(here, 0);
		assert_non_null(tinyserver_header(head, "Authorization"));
		assert_non_null(tinyserver_header(head, "X-Token"));
		head = i ? tinyserver_head(there, 0) : tinyserver_head(here, 1);
		assert_int_equal(!tinyserver_header(head, "Authorization"), i);
		assert_int_equal(!tinyserver_header(head, "X-Token"), i);
		assert_null(tinyserver_header(head, "Referer"));
		/* The range is ours, and goes along. */
		assert_non_null(tinyserver_header(head, "Range"));
		tear_down(&bench);
		tinyserver_stop(here);
	}
	tinyserver_stop(there);
}

/* A target that is known from before gets what it would by a redirect. */
static void straight_to_the_target(void **state)
{
	struct http_header list[] = { { "X-Token", "secret" } };
	struct route route = { .status = 200 };
	struct tinyserver *here = tinyserver_start(redirect, &route);
	struct tinyserver *there = tinyserver_start(redirect, &route);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tinyserver *server = i ? there : here;
		struct bench bench;
		const char *head;

		set_up(&bench, "GET", tinyserver_url(here));
		bench.request.target = tinyserver_url(server);
		bench.request.headers = &(struct headers){ list, 1 };
		bench.request.range = "1-2";
		bench.request.if_range = "\"tag\"";
		assert_int_equal(perform(&bench), 0);
		head = tinyserver_head(server, 0);
		assert_int_equal(!tinyserver_header(head, "X-Token"), i);
		assert_memory_equal(tinyserver_header(head, "If-Range"),
				    "\"tag\"\r", 6);
		tear_down(&bench);
	}
	assert_int_equal(tinyserver_count(here), 1);
	tinyserver_stop(here);
	tinyserver_stop(there);
}

/* Back at home after a hop abroad: the headers are meant for it. */
static void there_and_back(void **state)
{
	struct http_header list[] = { { "X-Token", "secret" } };
	struct route away = { .status = 307, .hops = 1 };
	struct route back = { .status = 307, .hops = 1 };
	struct tinyserver *here = tinyserver_start(redirect, &away);
	struct tinyserver *there = tinyserver_start(redirect, &back);
	struct bench bench;

	(void)state;
	snprintf(away.location, sizeof(away.location), "%s/c",
		 tinyserver_url(there));
	snprintf(back.location, sizeof(back.location), "%s/d",
		 tinyserver_url(here));
	set_up(&bench, "GET", tinyserver_url(here));
	bench.request.headers = &(struct headers){ list, 1 };
	assert_int_equal(perform(&bench), 0);
	assert_null(tinyserver_header(tinyserver_head(there, 0), "X-Token"));
	assert_non_null(tinyserver_header(tinyserver_head(here, 1), "X-Token"));
	tear_down(&bench);
	tinyserver_stop(here);
	tinyserver_stop(there);
}

static bool want_login(struct tinyrequest *request, void *ctx)
{
	(void)ctx;
	return tinyserver_puts(request, "HTTP/1.1 401 Who?\r\n"
					"Content-Length: 0\r\n\r\n");
}

/* A server that did not get the login cannot have refused it. */
static void whose_refusal(void **state)
{
	struct tinyserver *there = tinyserver_start(want_login, NULL);
	struct route away = { .status = 307, .hops = 1 };
	struct tinyserver *here = tinyserver_start(redirect, &away);
	struct bench bench;

	(void)state;
	snprintf(away.location, sizeof(away.location), "%s/c?secret",
		 tinyserver_url(there));
	for (int is_away = 0; is_away < 2; is_away++) {
		set_up(&bench, "GET", tinyserver_url(is_away ? here : there));
		assert_int_equal(perform(&bench), 0);
		assert_int_equal(status_of_answer(bench.http, &bench.request,
						  STATUS_ANY, &bench.err),
				 -1);
		assert_int_equal(bench.err.kind,
				 is_away ? ERR_REFUSED : ERR_AUTH);
		assert_int_equal(bench.err.code, 401);
		assert_int_equal(!!strstr(bench.err.msg, "another server"),
				 is_away);
		assert_null(strstr(bench.err.msg, "secret"));
		tear_down(&bench);
	}
	tinyserver_stop(here);
	tinyserver_stop(there);
}

static void the_body_goes_again(void **state)
{
	struct route route = { .status = 303, .hops = 2, .location = "/b" };
	struct bytes bytes = { .data = "hello", .size = 5 };
	struct bench bench;

	(void)state;
	serve(&bench, "PUT", redirect, &route);
	send_bytes(&bench, &bytes);
	assert_int_equal(perform(&bench), 0);
	assert_int_equal(bytes.from_the_start, 3);
	for (unsigned i = 0; i < 3; i++) {
		const char *head = tinyserver_head(bench.server, i);

		assert_string_equal(tinyserver_body(bench.server, i), "hello");
		assert_memory_equal(head, "PUT /", 5);
		assert_null(tinyserver_header(head, "Expect"));
	}
	tear_down(&bench);
}

static void refused_places(void **state)
{
	static const char *const places[] = {
		"ftp://127.0.0.1/a",	   "file:///etc/passwd", "https://",
		"http://127.0.0.1:99999/", "gopher://h/",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(places); i++) {
		struct route route = { .status = 302, .hops = 1 };
		struct bench bench;

		snprintf(route.location, sizeof(route.location), "%s",
			 places[i]);
		assert_int_equal(get(&bench, redirect, &route), -1);
		assert_int_equal(bench.err.kind, ERR_PROTOCOL);
		assert_int_equal(tinyserver_count(bench.server), 1);
		tear_down(&bench);
	}
}

static int never(void *ctx, struct http *http, int status, struct err *err)
{
	(void)ctx;
	(void)http;
	return err_set(err, ERR_LOCAL, "begun with %d", status);
}

static int never_write(void *ctx, const char *data, size_t n, struct err *err)
{
	(void)ctx;
	(void)data;
	return err_set(err, ERR_LOCAL, "%zu bytes written", n);
}

/* The body of a redirect is dropped, however long it is. */
static void the_redirects_body_is_dropped(void **state)
{
	const struct http_sink sink = { never, never_write, NULL };
	char *body = malloc(50001);
	struct route route = { .status = 302, .hops = 3, .location = "/b" };
	struct bench bench;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 50000);
	body[50000] = '\0';
	route.body = body;
	assert_int_equal(get(&bench, redirect, &route), 0);
	assert_string_equal(buf_str(http_answer(bench.http)), "ok");
	tear_down(&bench);
	/* The sink does not get it either. */
	route.hops = 1000;
	serve(&bench, "GET", redirect, &route);
	bench.request.sink = &sink;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	tear_down(&bench);
	free(body);
}

static void headers_are_added_and_found(void **state)
{
	struct headers headers = HEADERS_INIT, more = HEADERS_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(headers_add(&headers, "X-A", "1", &err), 0);
	assert_int_equal(headers_add(&headers, "x-a", "", &err), 0);
	assert_int_equal(headers_add_all(&more, &headers, &err), 0);
	headers_release(&headers);
	assert_int_equal(more.n, 2);
	assert_string_equal(headers_get(&more, "x-A"), "1");
	assert_null(headers_get(&more, "x"));
	headers_release(&more);
}

static void refused_headers(void **state)
{
	static const char *const cases[][2] = {
		{ "", "x" },	   { "a b", "x" },    { "a:", "x" },
		{ "a\r\nb", "x" }, { "a", "x\r\ny" }, { "a", "\x01" },
		{ "a", "\x7f" },
	};
	struct headers headers = HEADERS_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		err_clear(&err);
		assert_int_equal(headers_add(&headers, cases[i][0], cases[i][1],
					     &err),
				 -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
	}
	err_clear(&err);
	for (int i = 0; i < HEADERS_MAX; i++)
		assert_int_equal(headers_add(&headers, "a", "b", &err), 0);
	assert_int_equal(headers_add(&headers, "a", "b", &err), -1);
	headers_release(&headers);
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
		cmocka_unit_test(a_proxy_has_secrets),
		cmocka_unit_test(bodies_have_a_limit),
		cmocka_unit_test(refusals_have_a_limit),
		cmocka_unit_test(headers_have_a_limit),
		cmocka_unit_test(half_answers),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(silence),
		cmocka_unit_test(silence_on_a_kept_connection),
		cmocka_unit_test(a_body_nobody_takes),
		cmocka_unit_test(slowness_is_no_silence),
		cmocka_unit_test(a_dead_connection_is_replaced),
		cmocka_unit_test(stop_and_wake),
		cmocka_unit_test(statuses_and_forms),
		cmocka_unit_test(no_redirects),
		cmocka_unit_test(how_many),
		cmocka_unit_test(headers_and_origins),
		cmocka_unit_test(straight_to_the_target),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(whose_refusal),
		cmocka_unit_test(the_body_goes_again),
		cmocka_unit_test(refused_places),
		cmocka_unit_test(the_redirects_body_is_dropped),
		cmocka_unit_test(headers_are_added_and_found),
		cmocka_unit_test(refused_headers),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
