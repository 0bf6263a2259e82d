/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/status.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/clock.h"
#include "lfs/base/json.h"
#include "lfs/base/text.h"
#include "lfs/net/http.h"
#include "lfs/net/libcurl.h"
#include "lfs/net/link.h"
#include "lfs/net/retry.h"
#include "lfs/net/url.h"

enum { TITLE_MAX = 100 };	/* bytes of a page's title */

/* The name of a status, and advice for people, or NULL. */
static const struct meaning {
	int status;
	const char *name;
	const char *step;
} meanings[] = {
	{ 202, "Accepted", NULL },
	{ 206, "Partial Content", NULL },
	{ 400, "Bad Request", NULL },
	{ 401, "Unauthorized", NULL },
	{ 403, "Forbidden", NULL },
	{ 404, "Not Found", NULL },
	{ 405, "Method Not Allowed",
	  "it takes no such request at this address: check lfs.url" },
	{ 407, "Proxy Authentication Required", CONNECT_PROXY_LOGIN },
	{ 408, "Request Timeout", NULL },
	{ 409, "Conflict", NULL },
	{ 410, "Gone", NULL },
	{ 411, "Length Required", NULL },
	{ 412, "Precondition Failed", NULL },
	{ 413, "Content Too Large",
	  "it, or a proxy before it, takes no body of this size: its owner "
	  "can raise that limit" },
	{ 416, "Range Not Satisfiable", NULL },
	{ 422, "Unprocessable Content", NULL },
	{ 423, "Locked",
	  "something is locked there: git lfs locks may tell by whom" },
	{ 429, "Too Many Requests", NULL },
	{ 500, "Internal Server Error", NULL },
	{ 501, "Not Implemented", "it lacks what is asked for: check lfs.url" },
	{ 502, "Bad Gateway", NULL },
	{ 503, "Service Unavailable", NULL },
	{ 504, "Gateway Timeout", NULL },
	{ 507, "Insufficient Storage",
	  "its room or your quota is used up: make room, or ask its owner" },
	{ 509, "Bandwidth Limit Exceeded",
	  "its bandwidth limit is used up: wait until it is renewed, or ask "
	  "its owner" },
	{ 511, "Network Authentication Required",
	  "a captive portal of the network asks for it: open any page in a web "
	  "browser and sign in" },
};

static const struct meaning *meaning_of(int status)
{
	static const struct meaning none = { 0, "", NULL };

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].status == status)
			return &meanings[i];
	return &none;
}

/* The text between <tag> and </tag>, cut to fit; "" if there is none. */
static void xml_text(const char *body, const char *tag, char *out, size_t size)
{
	char open[32], close[32];
	const char *begin, *end;

	out[0] = '\0';
	snprintf(open, sizeof(open), "<%s>", tag);
	snprintf(close, sizeof(close), "</%s>", tag);
	begin = strstr(body, open);
	if (!begin)
		return;
	begin += strlen(open);
	end = strstr(begin, close);
	if (end)
		snprintf(out, size, "%.*s", (int)(end - begin), begin);
}

/* The body as JSON, which the caller releases; NULL if it is none. */
static json_t *parse_body(const char *body)
{
	struct err ignored = ERR_INIT;

	return json_parse(body, strlen(body), &ignored);
}

/* A string, the `message` of an object, or either in an array; or NULL. */
static const char *words_of(const json_t *value)
{
	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (json_is_object(value))
		value = json_object_get(value, "message");
	return json_string_value(value);
}

static void json_text(const char *body, char *out, size_t size)
{
	json_t *tree = parse_body(body);
	const json_t *detail = json_object_get(tree, "detail");
	const json_t *place = json_is_object(detail) ? detail : tree;
	const char *text = json_string_value(detail);

	if (!text)
		text = json_string_value(json_object_get(place, "message"));
	if (!text)
		text = words_of(json_object_get(place, "error"));
	if (!text)
		text = words_of(json_object_get(place, "errors"));
	snprintf(out, size, "%s", text ? text : "");
	json_decref(tree);
}

static void server_text(const char *body, char *out, size_t size)
{
	char code[64], message[192];

	out[0] = '\0';
	if (body[0] == '{') {
		json_text(body, out, size);
		return;
	}
	xml_text(body, "Code", code, sizeof(code));
	xml_text(body, "Message", message, sizeof(message));
	if (code[0])
		snprintf(out, size, "%.60s%s%.180s", code,
			 message[0] ? ": " : "", message);
}

static const char *find_word(const char *text, const char *word)
{
	for (; *text; text++)
		if (!strncasecmp(text, word, strlen(word)))
			return text;
	return NULL;
}

/* The title of a page, in one line, cut to fit; "" if it has none. */
static void html_title(const char *body, char *out, size_t size)
{
	const char *begin = find_word(body, "<title"), *end = NULL;
	size_t n = 0;

	if (begin)
		begin = strchr(begin, '>');
	if (begin)
		end = find_word(++begin, "</title");
	for (; end && begin < end && n + 1 < size; begin++) {
		bool is_blank = strchr(" \t\r\n", *begin);

		if (!is_blank)
			out[n++] = *begin;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* Has the link expired, and does the refusal say so? */
static bool is_expired(const struct status *status)
{
	return status->expires && status->now >= status->expires &&
	       (status->status == 400 || status->status == 401 ||
		status->status == 403);
}

/* The server lacks the feature, the room or the budget: that does not pass. */
static bool is_lasting(int status)
{
	return status == 501 || status == 505 || status == 507 ||
	       status == 509 || status == 511;
}

static enum err_kind kind_of_status(int status, const char *text)
{
	if (status == 401)
		return ERR_AUTH;
	if (status == 407)
		return ERR_USAGE;
	/* "Request has expired", or ExpiredToken. */
	if ((status == 400 || status == 403) && strstr(text, "xpired"))
		return ERR_EXPIRED;
	if (status == 408 || status == 429 ||
	    (status >= 500 && !is_lasting(status)) ||
	    (status == 400 && text_has_prefix(text, "RequestTimeout")))
		return ERR_BUSY;
	return ERR_REFUSED;
}

/* Is it one of the transient error codes of S3? */
static bool is_transient_code(const char *text)
{
	return text_has_prefix(text, "InternalError") ||
	       text_has_prefix(text, "SlowDown") ||
	       text_has_prefix(text, "ServiceUnavailable") ||
	       text_has_prefix(text, "RequestTimeout");
}

/* Has a member that stands for an error a value? */
static bool has_value(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text)
		return *text;
	return json_is_true(value) || json_integer_value(value) ||
	       json_object_size(value) || json_array_size(value);
}

static bool json_has_failed(const json_t *tree, char *out, size_t size)
{
	const json_t *error = json_object_get(tree, "error");
	const json_t *errors = json_object_get(tree, "errors");
	const char *words = has_value(error) ? words_of(error) :
					       words_of(errors);

	if (!words)
		words = json_string_value(json_object_get(tree, "message"));
	snprintf(out, size, "%s", words ? words : "");
	return has_value(error) || has_value(errors) ||
	       json_is_false(json_object_get(tree, "success")) ||
	       json_is_false(json_object_get(tree, "ok"));
}

static bool has_xml_error(const char *body)
{
	static const char open[] = "<Error";

	while ((body = strstr(body, open))) {
		body += strlen(open);
		if (*body && strchr("> \t\r\n", *body))
			return true;
	}
	return false;
}

/*
 * To keep the line alive S3 sends blanks until it knows; servers on Windows
 * begin with a byte order mark.
 */
static const char *skip_blanks(const char *body)
{
	static const char mark[] = "\xef\xbb\xbf";

	body += strspn(body, " \t\r\n");
	if (!strncmp(body, mark, strlen(mark)))
		body += strlen(mark);
	return body + strspn(body, " \t\r\n");
}

bool status_is_html(const char *content_type)
{
	return content_type &&
	       (!strncasecmp(content_type, "text/html", 9) ||
		!strncasecmp(content_type, "application/xhtml+xml", 21));
}

/* Some servers call all of their answers HTML, even an "OK". */
bool status_is_page(const char *body, const char *content_type)
{
	static const char *const begins[] = { "<!doctype html", "<html" };

	body = skip_blanks(body);
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncasecmp(body, begins[i], strlen(begins[i])))
			return true;
	return *body == '<' && status_is_html(content_type);
}

int status_say_page(const char *url, const char *body, const char *what,
		    struct err *err)
{
	char host[URL_DISPLAY_MAX] = "the server", title[TITLE_MAX];

	if (url)
		url_display_host(url, host, sizeof(host));
	html_title(body, title, sizeof(title));
	err_set(err, ERR_NETWORK,
		"%.80s sent a web page%s%s%s in place of %s (a sign-in page or "
		"captive portal?); sign in there with a web browser, or "
		"check lfs.url and the proxy",
		host, *title ? " ('" : "", title, *title ? "')" : "", what);
	err->is_strange = true;
	return -1;
}

/* The title of the page, unless it only repeats the status. */
static void page_text(const struct status *status, char *out, size_t size)
{
	char said[TITLE_MAX];

	html_title(status->body, out, size);
	snprintf(said, sizeof(said), "%d %s", status->status,
		 meaning_of(status->status)->name);
	if (!strcasecmp(out, said))
		out[0] = '\0';
}

static int status_refused(const struct status *status, struct err *err)
{
	const char *name = meaning_of(status->status)->name;
	bool is_page = status_is_page(status->body, status->content_type);
	enum err_kind kind;
	char text[256];

	if (err->kind)
		return -1;
	server_text(status->body, text, sizeof(text));
	kind = is_expired(status) ? ERR_EXPIRED :
				    kind_of_status(status->status, text);
	if (is_page)
		page_text(status, text, TITLE_MAX);
	err_set(err, kind, "the server answered %d%s%s%s%s", status->status,
		*name ? " " : "", name, *text ? ": " : "", text);
	err->code = status->status;
	err->is_strange = is_page && status->status >= 500;
	err->wait_ms = retry_parse_after(status->retry_after, status->now);
	return -1;
}

static int status_failed(const struct status *status, const char *text,
			 struct err *err)
{
	err_set(err, is_transient_code(text) ? ERR_BUSY : ERR_REFUSED,
		"the server answered %d, but with an error%s%s", status->status,
		*text ? ": " : "", text);
	err->code = status->status;
	return -1;
}

static int status_undecided(const struct status *status, bool is_cut,
			    struct err *err)
{
	const char *name = meaning_of(status->status)->name;

	err_set(err, ERR_PROTOCOL,
		"the server answered %d%s%s%s, which does not tell whether the "
		"object is there",
		status->status, *name ? " " : "", name,
		is_cut ? " with JSON that is cut" : "");
	err->code = status->status;
	return -1;
}

/* Does the body of a 2xx report an error?  `*is_cut` tells of JSON that is cut. */
static int check_body(const struct status *status, bool *is_cut,
		      struct err *err)
{
	const char *body = skip_blanks(status->body);
	bool has_failed = false;
	char text[256] = "";
	json_t *tree;

	if (status_is_page(body, status->content_type)) {
		status_say_page(status->url, status->body, "an answer", err);
		err->code = status->status;
		return -1;
	}
	if (*body == '{') {
		tree = parse_body(body);
		*is_cut = !tree;
		has_failed = json_has_failed(tree, text, sizeof(text));
		json_decref(tree);
	} else if (has_xml_error(body)) {
		server_text(body, text, sizeof(text));
		has_failed = true;
	}
	return has_failed ? status_failed(status, text, err) : 0;
}

static bool is_success(int status)
{
	return status >= 200 && status <= 299;
}

/* OK, Created, 203 (changed by a proxy), and two without a body. */
static bool means_done(int status)
{
	return status >= 200 && status <= 205 && status != 202;
}

int status_check(const struct status *status, enum status_proof proof,
		 struct err *err)
{
	bool is_cut = false;

	if (!is_success(status->status))
		return status_refused(status, err);
	if (proof == STATUS_ANY)
		return 0;
	if (check_body(status, &is_cut, err))
		return -1;
	if (proof == STATUS_TAKEN || (!is_cut && means_done(status->status)))
		return 0;
	return status_undecided(status, is_cut, err);
}

/* A 401 of another server, to which the login was not sent. */
static int login_elsewhere(const struct http *http, struct err *err)
{
	char shown[URL_DISPLAY_MAX];

	err_clear(err);
	err_set(err, ERR_REFUSED,
		"the server redirects to '%s', another server, which wants a "
		"login that is not sent there",
		url_display(http_url(http), shown, sizeof(shown)));
	err->code = 401;
	return -1;
}

/* The action tells when its own link expires, not the link of a redirect. */
static int64_t link_end(const struct http *http,
			const struct http_request *request)
{
	int64_t when = link_expires_at(http_url(http));

	if (request->expires && request->expires < when &&
	    !strcmp(request->url, http_url(http)))
		when = request->expires;
	return when == INT64_MAX ? 0 : when;
}

/* By the server's clock, or by ours if it does not tell. */
static int64_t server_time(struct http *http)
{
	const char *date = http_header(http, "Date");
	int64_t when = date ? libcurl_getdate(date) : -1;

	return when > 0 ? when : clock_unix();
}

int status_of_answer(struct http *http, const struct http_request *request,
		     enum status_proof proof, struct err *err)
{
	struct status status = {
		.status = http_status(http),
		.content_type = http_header(http, "Content-Type"),
		.body = buf_str(http_answer(http)),
		.url = http_url(http),
	};
	const char *step = meaning_of(status.status)->step;

	if (!is_success(status.status)) {
		status.retry_after = http_header(http, "Retry-After");
		status.now = server_time(http);
		status.expires = link_end(http, request);
	}
	if (!status_check(&status, proof, err))
		return 0;
	if (step) {
		http_name_peer(http, err);
		err_append(err, "; %s", step);
	}
	if (err->kind == ERR_AUTH &&
	    !url_keeps_headers(request->url, http_url(http)))
		return login_elsewhere(http, err);
	return -1;
}

bool status_is_stale(const struct err *err)
{
	return err->kind == ERR_EXPIRED || err->kind == ERR_AUTH ||
	       (err->kind == ERR_REFUSED &&
		(err->code == 403 || err->code == 404 || err->code == 410));
}
