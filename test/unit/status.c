/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/status.h"
#include "test/unit/unit.h"

static int check(int number, const char *body, struct err *err)
{
	const struct status status = { .status = number, .body = body };

	*err = (struct err)ERR_INIT;
	return status_check(&status, STATUS_ANY, err);
}

static void kinds(void **state)
{
	static const struct {
		int status;
		enum err_kind kind;
	} cases[] = {
		{ 200, ERR_NONE },    { 201, ERR_NONE },
		{ 204, ERR_NONE },    { 206, ERR_NONE },
		{ 299, ERR_NONE },    { 199, ERR_REFUSED },
		{ 300, ERR_REFUSED }, { 302, ERR_REFUSED },
		{ 304, ERR_REFUSED }, { 400, ERR_REFUSED },
		{ 401, ERR_AUTH },    { 403, ERR_REFUSED },
		{ 404, ERR_REFUSED }, { 408, ERR_BUSY },
		{ 409, ERR_REFUSED }, { 410, ERR_REFUSED },
		{ 411, ERR_REFUSED }, { 412, ERR_REFUSED },
		{ 413, ERR_REFUSED }, { 416, ERR_REFUSED },
		{ 422, ERR_REFUSED }, { 429, ERR_BUSY },
		{ 500, ERR_BUSY },    { 501, ERR_REFUSED },
		{ 502, ERR_BUSY },    { 503, ERR_BUSY },
		{ 504, ERR_BUSY },    { 505, ERR_REFUSED },
		{ 507, ERR_REFUSED }, { 509, ERR_REFUSED },
		{ 511, ERR_REFUSED }, { 599, ERR_BUSY },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err;
		char number[32];
		int ret = check(cases[i].status, "", &err);

		if (err.kind != cases[i].kind)
			fail_msg("%d is kind %d", cases[i].status, err.kind);
		assert_int_equal(ret, cases[i].kind ? -1 : 0);
		if (!ret)
			continue;
		assert_int_equal(err.code, cases[i].status);
		snprintf(number, sizeof(number), "the server answered %d",
			 cases[i].status);
		assert_memory_equal(err.msg, number, strlen(number));
		assert_null(strchr(err.msg, ':'));
	}
}

static const struct {
	int status;
	const char *body;
	enum err_kind kind;
	const char *msg;
} sayings[] = {
	{ 404, "", ERR_REFUSED, "the server answered 404 Not Found" },
	{ 418, "", ERR_REFUSED, "the server answered 418" },
	{ 422, "{\"message\":\"too big\",\"request_id\":\"1\"}", ERR_REFUSED,
	  "the server answered 422 Unprocessable Content: too big" },
	{ 403, "{\"error\":\"not yours\"}", ERR_REFUSED,
	  "the server answered 403 Forbidden: not yours" },
	{ 400, "{\"error\":\"b\",\"message\":\"a\"}", ERR_REFUSED,
	  "the server answered 400 Bad Request: a" },
	{ 400, "{\"error\":{\"a\":1},\"message\":7}", ERR_REFUSED,
	  "the server answered 400 Bad Request" },
	/* FastAPI, as of KohakuHub: a text, or what the program gave it. */
	{ 413, "{\"detail\":\"no room\"}", ERR_REFUSED,
	  "the server answered 413 Content Too Large: no room" },
	{ 413, "{\"detail\":{\"error\":\"quota\",\"message\":\"no room\"}}",
	  ERR_REFUSED, "the server answered 413 Content Too Large: no room" },
	{ 422, "{\"detail\":[{\"msg\":\"a\"}]}", ERR_REFUSED,
	  "the server answered 422 Unprocessable Content" },
	{ 400, "{\"message\":\"cut", ERR_REFUSED,
	  "the server answered 400 Bad Request" },
	{ 400, "{", ERR_REFUSED, "the server answered 400 Bad Request" },
	{ 400, "[\"message\"]", ERR_REFUSED,
	  "the server answered 400 Bad Request" },
	{ 502, "<html><body>Bad Gateway</body></html>", ERR_BUSY,
	  "the server answered 502 Bad Gateway" },
	{ 403,
	  "<html><title>Blocked by\n  the \x9b"
	  "31mproxy </title>",
	  ERR_REFUSED,
	  "the server answered 403 Forbidden: Blocked by the ?31mproxy" },
	{ 403, "<HTML><TITLE dir=ltr>no</TITLE><title>yes</title>", ERR_REFUSED,
	  "the server answered 403 Forbidden: no" },
	{ 403, "<html><title>403 forbidden</title>", ERR_REFUSED,
	  "the server answered 403 Forbidden" },
	{ 403, "<html><title>open", ERR_REFUSED,
	  "the server answered 403 Forbidden" },
	{ 403, "<html><title", ERR_REFUSED,
	  "the server answered 403 Forbidden" },
	{ 403, "<html><title> \n</title>", ERR_REFUSED,
	  "the server answered 403 Forbidden" },
	/* Only what the API says is of the link. */
	{ 403, "<html><title>Your session has expired</title>", ERR_REFUSED,
	  "the server answered 403 Forbidden: Your session has expired" },
	{ 403, "<title>of no page</title>", ERR_REFUSED,
	  "the server answered 403 Forbidden" },
	{ 403,
	  "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch"
	  "</Code><Message>no match</Message></Error>",
	  ERR_REFUSED,
	  "the server answered 403 Forbidden: SignatureDoesNotMatch: "
	  "no match" },
	{ 403,
	  "<Error><Code>AccessDenied</Code><Message>Request has "
	  "expired</Message></Error>",
	  ERR_EXPIRED,
	  "the server answered 403 Forbidden: AccessDenied: Request "
	  "has expired" },
	{ 403, "<Error><Code>ExpiredToken</Code></Error>", ERR_EXPIRED,
	  "the server answered 403 Forbidden: ExpiredToken" },
	{ 404, "<Error><Code>X</Code><Message>has expired</Message>",
	  ERR_REFUSED, "the server answered 404 Not Found: X: has expired" },
	{ 400, "<Error><Code>RequestTimeout</Code><Message>idle</Message>",
	  ERR_BUSY,
	  "the server answered 400 Bad Request: RequestTimeout: idle" },
	{ 400, "<Error><Code>EntityTooSmall</Code></Error>", ERR_REFUSED,
	  "the server answered 400 Bad Request: EntityTooSmall" },
	{ 400, "<Code>unterminated", ERR_REFUSED,
	  "the server answered 400 Bad Request" },
	{ 400, "<Code></Code><Message>x</Message>", ERR_REFUSED,
	  "the server answered 400 Bad Request" },
	{ 400, "</Code><Code>", ERR_REFUSED,
	  "the server answered 400 Bad Request" },
	{ 400, "<Code>A</Code><Message>open", ERR_REFUSED,
	  "the server answered 400 Bad Request: A" },
	{ 400, "<Code>a\r\nb\x1b[31m</Code>", ERR_REFUSED,
	  "the server answered 400 Bad Request: a  b?[31m" },
	{ 400, "{\"message\":\"a\\nb\\u001b\"}", ERR_REFUSED,
	  "the server answered 400 Bad Request: a b?" },
};

static void what_the_server_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sayings); i++) {
		struct err err;

		assert_int_equal(check(sayings[i].status, sayings[i].body,
				       &err),
				 -1);
		assert_string_equal(err.msg, sayings[i].msg);
		assert_int_equal(err.kind, sayings[i].kind);
	}
}

/* The text cannot forge formats, and whatever its length it is cut. */
static void hostile_bodies(void **state)
{
	enum {
		SIZE = 1 << 20
	};
	char *body = malloc(SIZE + 1);
	static const char *const begins[] = {
		"<Code>",
		"<Message>",
		"{\"message\":\"",
		"{\"error\":",
		"[",
		"{\"a\":[",
		"%s%n",
		"<html><title>",
		"<Code>%s%n%d</Code><Message>",
	};

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < COUNT(begins); i++) {
		struct err err;

		memset(body, i % 2 ? '[' : 'x', SIZE);
		memcpy(body, begins[i], strlen(begins[i]));
		body[SIZE] = '\0';
		assert_int_equal(check(400, body, &err), -1);
		assert_int_equal(err.kind, ERR_REFUSED);
		memcpy(body + SIZE - 24, "</Code></Message>\"}", 19);
		assert_int_equal(check(400, body, &err), -1);
		assert_true(strlen(err.msg) < 400);
	}
	free(body);
}

/* To a completion S3 may answer 200 before it knows how that ends. */
static const struct {
	const char *body;
	enum err_kind kind;
	const char *msg;
} ends[] = {
	{ "", ERR_NONE, "" },
	{ " \r\n", ERR_NONE, "" },
	{ "OK", ERR_NONE, "" },
	{ "{}", ERR_NONE, "" },
	{ "[]", ERR_NONE, "" },
	{ "{\"message\":\"done\"}", ERR_NONE, "" },
	{ "{\"error\":null,\"ok\":true}", ERR_NONE, "" },
	{ "{\"success\":true,\"errors\":[],\"error\":{}}", ERR_NONE, "" },
	{ "{\"error\":\"\"}", ERR_NONE, "" },
	{ "{\"error\":false}", ERR_NONE, "" },
	{ "{\"error\":0,\"success\":null}", ERR_NONE, "" },
	{ "{\"success\":\"false\"}", ERR_NONE, "" },
	{ "<CompleteMultipartUploadResult><ETag>x</ETag>"
	  "</CompleteMultipartUploadResult>",
	  ERR_NONE, "" },
	{ "<Errors/>", ERR_NONE, "" },
	{ "\r\n {\"error\":\"late\"}", ERR_REFUSED,
	  "the server answered 200, but with an error: late" },
	{ "<Error>", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "<Error xmlns=\"http://s3\"><Code>NoSuchUpload</Code></Error>",
	  ERR_REFUSED,
	  "the server answered 200, but with an error: NoSuchUpload" },
	{ "<?xml version=\"1.0\"?>\n<Error\n/>", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "   \n\n<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code>"
	  "<Message>try again</Message></Error>",
	  ERR_BUSY,
	  "the server answered 200, but with an error: InternalError: "
	  "try again" },
	{ "<Error><Code>SlowDown</Code></Error>", ERR_BUSY,
	  "the server answered 200, but with an error: SlowDown" },
	{ "<Error><Code>ServiceUnavailable</Code></Error>", ERR_BUSY,
	  "the server answered 200, but with an error: ServiceUnavailable" },
	{ "<Error><Code>RequestTimeout</Code></Error>", ERR_BUSY,
	  "the server answered 200, but with an error: RequestTimeout" },
	{ "<Error><Code>NoSuchUpload</Code></Error>", ERR_REFUSED,
	  "the server answered 200, but with an error: NoSuchUpload" },
	{ "{\"error\":\"upload not found\",\"message\":\"x\"}", ERR_REFUSED,
	  "the server answered 200, but with an error: upload not found" },
	{ "{\"success\":false}", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "{\"success\":false,\"message\":\"no room\"}", ERR_REFUSED,
	  "the server answered 200, but with an error: no room" },
	{ "{\"ok\":false,\"error\":null}", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "{\"error\":true}", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "{\"error\":7}", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "{\"error\":{\"code\":5,\"message\":\"no room\"}}", ERR_REFUSED,
	  "the server answered 200, but with an error: no room" },
	{ "{\"errors\":[{\"message\":\"no room\"},{}]}", ERR_REFUSED,
	  "the server answered 200, but with an error: no room" },
	{ "{\"errors\":[\"no room\"],\"success\":true}", ERR_REFUSED,
	  "the server answered 200, but with an error: no room" },
	{ "{\"errors\":{\"parts\":7}}", ERR_REFUSED,
	  "the server answered 200, but with an error" },
#define IN_PLACE                                                       \
	" in place of an answer (a sign-in page or captive portal?); " \
	"sign in there with a web browser, or check lfs.url and the proxy"
	{ "<html>Error</html>", ERR_NETWORK,
	  "the server sent a web page" IN_PLACE },
	{ "\n<!DOCTYPE HTML>\n<title>Sign in</title>", ERR_NETWORK,
	  "the server sent a web page ('Sign in')" IN_PLACE },
	{ "\xef\xbb\xbf{\"success\":false}", ERR_REFUSED,
	  "the server answered 200, but with an error" },
	{ "{\"error\":\"cut", ERR_PROTOCOL,
	  "the server answered 200 with JSON that is cut, which does not tell "
	  "whether the object is there" },
};

static void a_finish_that_fails_late(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		const struct status status = { .status = 200,
					       .body = ends[i].body };
		struct err err = ERR_INIT;
		int ret = status_check(&status, STATUS_DONE, &err);

		assert_string_equal(err.msg, ends[i].msg);
		assert_int_equal(err.kind, ends[i].kind);
		assert_int_equal(err.code, ret ? 200 : 0);
		assert_int_equal(ret, ends[i].kind ? -1 : 0);

		/* It has been taken, unless that is said not to be. */
		err_clear(&err);
		status_check(&status, STATUS_TAKEN, &err);
		assert_int_equal(err.kind, ends[i].kind == ERR_PROTOCOL ?
						   ERR_NONE :
						   ends[i].kind);
	}
}

/* Whatever is called HTML is a page only if it is one. */
static void pages(void **state)
{
	static const struct {
		const char *type, *body;
		bool is_page;
	} cases[] = {
		{ "text/html", "<p>Please hold.</p>", true },
		{ "Text/HTML; charset=utf-8", "\n<head>", true },
		{ "text/html", "", false },
		{ "text/html", "OK", false },
		{ "text/html", "{\"ok\":true}", false },
		{ "application/xml", "<Result/>", false },
		{ "application/xhtml+xml", "<?xml version='1.0'?><a/>", true },
		{ NULL, "\xef\xbb\xbf<!DOCTYPE html>", true },
		{ NULL, "<Result/>", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct status status = {
			.status = 200,
			.content_type = cases[i].type,
			.body = cases[i].body,
		};
		struct err err = ERR_INIT;

		status_check(&status, STATUS_DONE, &err);
		assert_int_equal(err.kind,
				 cases[i].is_page ? ERR_NETWORK : ERR_NONE);
	}
}

/* A 2xx need not mean that the object is there. */
static void finishes_by_status(void **state)
{
	static const int done[] = { 200, 201, 203, 204, 205 };
	static const int others[] = { 202, 206, 207, 226, 299 };

	(void)state;
	for (size_t i = 0; i < COUNT(done); i++) {
		const struct status status = { .status = done[i], .body = "" };
		struct err err = ERR_INIT;

		assert_int_equal(status_check(&status, STATUS_DONE, &err), 0);
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		const struct status status = { .status = others[i],
					       .body = "{}" };
		struct err err = ERR_INIT;

		assert_int_equal(status_check(&status, STATUS_DONE, &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_int_equal(err.code, others[i]);
		err_clear(&err);
		assert_int_equal(status_check(&status, STATUS_TAKEN, &err), 0);
	}
}

/* A front says so: the server itself is not there, or something else is. */
static void answers_of_something_else(void **state)
{
	static const struct {
		int status;
		const char *type, *body;
		bool is_strange;
	} cases[] = {
		{ 200, NULL, "<html>", true },
		{ 200, NULL, "{}", false },
		{ 503, "text/html", "<h1>Busy</h1>", true },
		{ 503, NULL, "<!doctype html>", true },
		{ 503, "text/html", "{\"message\":\"busy\"}", false },
		{ 500, NULL, "<html>", true },
		{ 403, NULL, "<html>", false },
		{ 429, NULL, "<html>", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct status status = {
			.status = cases[i].status,
			.content_type = cases[i].type,
			.body = cases[i].body,
			.url = "https://me@host.example:8/x?secret",
		};
		struct err err = ERR_INIT;

		status_check(&status, STATUS_TAKEN, &err);
		assert_int_equal(err.is_strange, cases[i].is_strange);
		if (err.code == 200)
			assert_non_null(strstr(err.msg, "host.example:8 sent"));
		assert_null(strstr(err.msg, "secret"));
	}
}

static void a_finish_that_fails(void **state)
{
	const struct status status = { .status = 503, .body = "" };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(status_check(&status, STATUS_DONE, &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(err.code, 503);
}

static void a_pause_that_is_asked_for(void **state)
{
	struct status status = { .status = 503, .body = "", .now = 784111777 };
	struct err err = ERR_INIT;

	(void)state;
	status.retry_after = "7";
	assert_int_equal(status_check(&status, STATUS_ANY, &err), -1);
	assert_int_equal(err.wait_ms, 7000);
	err_clear(&err);
	status.retry_after = "Sun, 06 Nov 1994 08:50:07 GMT";
	assert_int_equal(status_check(&status, STATUS_ANY, &err), -1);
	assert_int_equal(err.wait_ms, 30000);
	err_clear(&err);
	status.retry_after = "never";
	assert_int_equal(status_check(&status, STATUS_ANY, &err), -1);
	assert_int_equal(err.wait_ms, 0);
}

/* Whatever the server says, or does not say, of it. */
static void links_whose_time_is_past(void **state)
{
	enum {
		NOW = 784111777
	};
	static const struct {
		int status;
		int64_t expires;
		enum err_kind kind;
	} cases[] = {
		{ 403, NOW, ERR_EXPIRED },     { 403, NOW - 1, ERR_EXPIRED },
		{ 403, NOW + 1, ERR_REFUSED }, { 403, 0, ERR_REFUSED },
		{ 400, NOW, ERR_EXPIRED },     { 401, NOW, ERR_EXPIRED },
		{ 401, NOW + 1, ERR_AUTH },    { 404, NOW, ERR_REFUSED },
		{ 410, NOW, ERR_REFUSED },     { 429, NOW, ERR_BUSY },
		{ 500, NOW, ERR_BUSY },	       { 200, NOW, ERR_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct status status = {
			.status = cases[i].status,
			.body = "<Error><Code>AccessDenied</Code><Message>"
				"</Message></Error>",
			.now = NOW,
			.expires = cases[i].expires,
		};
		struct err err = ERR_INIT;

		status_check(&status, STATUS_ANY, &err);
		assert_int_equal(err.kind, cases[i].kind);
	}
}

static void first_error_stays(void **state)
{
	const struct status status = { .status = 503, .body = "" };
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_LOCAL, "earlier");
	assert_int_equal(status_check(&status, STATUS_ANY, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.msg, "earlier");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(what_the_server_says),
		cmocka_unit_test(hostile_bodies),
		cmocka_unit_test(a_finish_that_fails_late),
		cmocka_unit_test(pages),
		cmocka_unit_test(finishes_by_status),
		cmocka_unit_test(answers_of_something_else),
		cmocka_unit_test(a_finish_that_fails),
		cmocka_unit_test(a_pause_that_is_asked_for),
		cmocka_unit_test(links_whose_time_is_past),
		cmocka_unit_test(first_error_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
