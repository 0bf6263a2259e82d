/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/status.h"
#include "test/unit/httpbench.h"
#include "test/unit/unit.h"

/* Where the servers send their clients; the last answer is "ok". */
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
		struct tinyserver *server;
		int ret;

		snprintf(route.location, sizeof(route.location), "%s",
			 cases[i].location);
		server = get(&bench, redirect, &route, &ret);
		assert_int_equal(ret, 0);
		assert_int_equal(bench.response.status, 200);
		assert_string_equal(buf_str(&bench.response.body), "ok");
		assert_memory_equal(tinyserver_head(server, 1), cases[i].line,
				    strlen(cases[i].line));
		assert_string_not_equal(http_url(bench.http),
					tinyserver_url(server));
		tear_down(&bench);
		tinyserver_stop(server);
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
		struct tinyserver *server;
		int ret;

		server = get(&bench, tinyserver_text, answers[i], &ret);
		assert_int_equal(ret, 0);
		assert_int_equal(bench.response.status / 100, i < 3 ? 3 : 4);
		assert_int_equal(tinyserver_count(server), 1);
		tear_down(&bench);
		tinyserver_stop(server);
	}
}

static void how_many(void **state)
{
	struct route route = { .status = 302,
			       .hops = HTTP_REDIRECTS_MAX,
			       .location = "/" };
	struct bench bench;
	struct tinyserver *server;
	int ret;

	(void)state;
	server = get(&bench, redirect, &route, &ret);
	assert_int_equal(ret, 0);
	assert_int_equal(tinyserver_count(server), 4);
	tear_down(&bench);
	tinyserver_stop(server);
	/* A loop looks like one too many. */
	route.hops = 1000;
	server = get(&bench, redirect, &route, &ret);
	assert_int_equal(ret, -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	assert_string_equal(bench.err.msg,
			    "the server redirects more than 3 times");
	assert_int_equal(tinyserver_count(server), 4);
	tear_down(&bench);
	tinyserver_stop(server);
}

/* The action's headers may hold a credential: they stay at their origin. */
static void headers_and_origins(void **state)
{
	const struct http_header headers[] = {
		{ "Authorization", "Basic c2VjcmV0" }, { "X-Token", "secret" }
	};
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
		bench.request.headers = headers;
		bench.request.nheaders = 2;
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
	const struct http_header headers[] = { { "X-Token", "secret" } };
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
		bench.request.headers = headers;
		bench.request.nheaders = 1;
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
	const struct http_header headers[] = { { "X-Token", "secret" } };
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
	bench.request.headers = headers;
	bench.request.nheaders = 1;
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

/* Who did not get the login cannot have refused it. */
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
						  &bench.response, STATUS_ANY,
						  &bench.err),
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
	struct tinyserver *server = tinyserver_start(redirect, &route);
	struct bytes bytes = { .data = "hello", .size = 5 };
	struct http_body body = { 5, read_bytes, &bytes };
	struct bench bench;

	(void)state;
	set_up(&bench, "PUT", tinyserver_url(server));
	bench.request.body = &body;
	assert_int_equal(perform(&bench), 0);
	assert_int_equal(bytes.from_the_start, 3);
	for (unsigned i = 0; i < 3; i++) {
		const char *head = tinyserver_head(server, i);

		assert_string_equal(tinyserver_body(server, i), "hello");
		assert_memory_equal(head, "PUT /", 5);
		assert_null(tinyserver_header(head, "Expect"));
	}
	tear_down(&bench);
	tinyserver_stop(server);
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
		struct tinyserver *server;
		int ret;

		snprintf(route.location, sizeof(route.location), "%s",
			 places[i]);
		server = get(&bench, redirect, &route, &ret);
		assert_int_equal(ret, -1);
		assert_int_equal(bench.err.kind, ERR_PROTOCOL);
		assert_int_equal(tinyserver_count(server), 1);
		tear_down(&bench);
		tinyserver_stop(server);
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

/* What a redirect says is for nobody, however long it is. */
static void the_redirects_body_is_dropped(void **state)
{
	const struct http_sink sink = { never, never_write, NULL };
	char *body = malloc(50001);
	struct route route = { .status = 302, .hops = 3, .location = "/b" };
	struct tinyserver *server;
	struct bench bench;
	int ret;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 50000);
	body[50000] = '\0';
	route.body = body;
	server = get(&bench, redirect, &route, &ret);
	assert_int_equal(ret, 0);
	assert_string_equal(buf_str(&bench.response.body), "ok");
	tear_down(&bench);
	tinyserver_stop(server);
	/* Nor for the sink. */
	route.hops = 1000;
	server = tinyserver_start(redirect, &route);
	set_up(&bench, "GET", tinyserver_url(server));
	bench.request.sink = &sink;
	assert_int_equal(perform(&bench), -1);
	assert_int_equal(bench.err.kind, ERR_PROTOCOL);
	tear_down(&bench);
	tinyserver_stop(server);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
