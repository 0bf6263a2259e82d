/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <time.h>

#include "lfs/base/clock.h"
#include "test/unit/httpbench.h"
#include "test/unit/unit.h"

/* The text, and then the connection is closed. */
static bool answer_and_close(struct tinyrequest *request, void *ctx)
{
	tinyserver_text(request, ctx);
	return false;
}

static void bodies_have_a_limit(void **state)
{
	struct bench bench;
	struct tinyserver *server;
	int ret;

	(void)state;
	server = get(&bench, tinyserver_endless, "HTTP/1.1 200 OK\r\n\r\n",
		     &ret);
	assert_int_equal(ret, -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	assert_string_equal(bench.err.msg, "the answer is over 1048576 bytes");
	tear_down(&bench);
	tinyserver_stop(server);
}

/* A refusal is one, though its page never ends. */
static void refusals_have_a_limit(void **state)
{
	struct bench bench;
	struct tinyserver *server;
	int ret;

	(void)state;
	server = get(&bench, tinyserver_endless,
		     "HTTP/1.1 403 Forbidden\r\n\r\n", &ret);
	assert_int_equal(ret, 0);
	assert_int_equal(bench.response.status, 403);
	assert_true(bench.response.body.len > 1000);
	assert_true(bench.response.body.len <= HTTP_BODY_MAX);
	tear_down(&bench);
	tinyserver_stop(server);
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
	struct tinyserver *server;
	int ret;

	(void)state;
	server = get(&bench, answer_with_headers, &few, &ret);
	assert_int_equal(ret, 0);
	tear_down(&bench);
	tinyserver_stop(server);
	server = get(&bench, answer_with_headers, &many, &ret);
	assert_int_equal(ret, -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(bench.err.msg, "headers"));
	tear_down(&bench);
	tinyserver_stop(server);
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
		struct tinyserver *server;
		int ret;

		server = get(&bench, answer_and_close, answers[i], &ret);
		if (!ret || bench.err.kind != ERR_NETWORK)
			fail_msg("case %zu: kind %d: %s", i, bench.err.kind,
				 bench.err.msg);
		assert_non_null(strstr(bench.err.msg, "cannot talk to "));
		tear_down(&bench);
		tinyserver_stop(server);
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
		struct tinyserver *server = tinyserver_start(answer_and_stall,
							     cases[i].answer);
		uint64_t begun = clock_ms();
		struct bench bench;

		set_up(&bench, "GET", tinyserver_url(server));
		bench.request.answer_ms = cases[i].answer_ms;
		bench.shared.stall_ms = cases[i].stall_ms;
		assert_int_equal(perform(&bench), -1);
		assert_int_equal(bench.err.kind, ERR_OFFLINE);
		assert_string_equal(bench.err.msg, cases[i].msg);
		assert_in_range(clock_ms() - begun, 300, 5000);
		tear_down(&bench);
		tinyserver_stop(server);
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
	struct tinyserver *server = tinyserver_start(answer_once, NULL);
	struct bench bench;
	uint64_t begun;

	(void)state;
	set_up(&bench, "GET", tinyserver_url(server));
	assert_int_equal(perform(&bench), 0);
	begun = clock_ms();
	bench.request.answer_ms = 300;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_OFFLINE);
	assert_in_range(clock_ms() - begun, 300, 5000);
	tear_down(&bench);
	tinyserver_stop(server);
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
	struct tinyserver *server = tinyserver_start(read_nothing, NULL);
	char *data = calloc(1, SIZE);
	struct bytes bytes = { .data = data, .size = SIZE };
	struct http_body body = { SIZE, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	bench.shared.stall_ms = 300;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_OFFLINE);
	assert_string_equal(bench.err.msg,
			    "the connection stood still for 0 s");
	tear_down(&bench);
	tinyserver_stop(server);
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
	struct tinyserver *server = tinyserver_start(answer_slowly, NULL);
	struct bench bench;

	(void)state;
	set_up(&bench, "GET", tinyserver_url(server));
	bench.shared.stall_ms = 1200;
	assert_int_equal(perform(&bench), 0);
	assert_string_equal(buf_str(&bench.response.body), "xxxxxx");
	tear_down(&bench);
	tinyserver_stop(server);
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
	struct tinyserver *server = tinyserver_start(end_kept_connection, NULL);
	struct bytes bytes = { .data = "hello", .size = 5 };
	struct http_body body = { 5, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	assert_int_equal(perform(&bench), 0);
	assert_false(http_was_resent(bench.http));
	bytes.from_the_start = 0;
	assert_int_equal(perform(&bench), 0);
	assert_int_equal(bench.response.status, 200);
	assert_string_equal(tinyserver_body(server, 2), "hello");
	assert_int_equal(bytes.from_the_start, 2);
	assert_true(http_was_resent(bench.http));
	assert_int_equal(perform(&bench), 0);
	assert_false(http_was_resent(bench.http));
	tear_down(&bench);
	tinyserver_stop(server);
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
		struct tinyserver *server = tinyserver_start(answer_and_stall,
							     answers[i]);
		uint64_t begun = clock_ms();
		struct bench bench;
		pthread_t thread;

		set_up(&bench, "GET", tinyserver_url(server));
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
		assert_int_equal(tinyserver_count(server), 1);
		tear_down(&bench);
		tinyserver_stop(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
