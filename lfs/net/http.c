/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/net/libcurl.h"
#include "lfs/net/url.h"

enum {
	BUFFER_SIZE = 128 << 10,	/* libcurl's, each way */
	REFUSAL_MAX = 16 << 10,	/* bytes taken of an answer that is not 2xx */
	PEER_MAX = 240,	/* bytes that name a peer in a message */
	POLL_MS = 500	/* how often the limits on silence are looked at */
};

/* How far one request and its answer have come. */
struct progress {
	uint64_t sent;		/* bytes of the body that libcurl has taken */
	size_t header_size;
	bool resent;		/* libcurl has begun the body again */
	bool answered;		/* the head of the answer is complete */
	bool to_sink;		/* the sink took the head */
	bool enough;		/* the sink does not want the rest of the body */
	long unsent;		/* bytes in the kernel, when last looked at */
	uint64_t moved_ms;	/* when this request last moved */
	uint64_t received;	/* bytes that the sink has taken */
	uint64_t body_ms;	/* when the body began, or 0 */
	uint64_t held_ms;	/* that the body's `read` or the sink took */
	uint64_t looked_ms;
};

struct http {
	struct http_shared *shared;	/* borrowed */
	CURL *easy;	/* owned */
	CURLM *multi;	/* owned */
	struct connect_sockets sockets;
	char *url;	/* owned: of the latest request sent */
	char detail[CURL_ERROR_SIZE];
	const struct http_watch *watch;	/* borrowed, or NULL */

	const struct http_request *request;	/* this and `err` are of the request under way */
	struct err *err;
	int status;	/* of the latest answer; 0: none */
	struct buf body;	/* owned: its body, unless the sink took it */
	struct progress now;
};

int http_setup(struct err *err)
{
	return libcurl_load(err);
}

static long http_read_text(void *ctx, uint64_t off, char *data, size_t n,
			   struct err *err)
{
	(void)err;
	memcpy(data, (const char *)ctx + off, n);
	return (long)n;
}

struct http_body http_text(const char *text, size_t size)
{
	return (struct http_body){ .size = size,
				   .read = http_read_text,
				   .ctx = (void *)text };
}

struct http *http_new(struct http_shared *shared, struct err *err)
{
	struct http *http = xcalloc(1, sizeof(*http));

	http->shared = shared;
	http->body = (struct buf)BUF_INIT(HTTP_BODY_MAX);
	http->easy = curl.easy_init();
	http->multi = curl.multi_init();
	if (http->easy && http->multi)
		return http;
	err_set(err, ERR_LOCAL, "cannot make a libcurl handle");
	http_free(http);
	return NULL;
}

static void note_move(struct http *http)
{
	http->now.moved_ms = clock_ms();
	atomic_store_explicit(&http->shared->moved_ms, http->now.moved_ms,
			      memory_order_relaxed);
}

static size_t http_on_read(char *data, size_t size, size_t n, void *ctx)
{
	struct http *http = ctx;
	const struct http_body *body = http->request->body;
	uint64_t left = body->size - http->now.sent, begun_ms = clock_ms();
	long got;

	n *= size;
	if (!left)
		return 0;
	if (!http->now.body_ms)
		http->now.body_ms = begun_ms;
	got = body->read(body->ctx, http->now.sent, data,
			 n < left ? n : (size_t)left, http->err);
	if (got <= 0)
		return CURL_READFUNC_ABORT;
	http->now.sent += (uint64_t)got;
	note_move(http);
	http->now.held_ms += http->now.moved_ms - begun_ms;
	return (size_t)got;
}

/* libcurl found a kept-alive connection dead and sends the body again. */
static int http_on_seek(void *ctx, curl_off_t off, int origin)
{
	struct http *http = ctx;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_FAIL;
	http->now.resent |= http->now.sent > (uint64_t)off;
	http->now.sent = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

/* The empty line after the headers of an answer that is not a 1xx. */
static int end_of_head(struct http *http)
{
	const struct http_sink *sink = http->request->sink;
	long status = 0;

	curl.easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return 0;
	http->status = (int)status;
	http->now.answered = true;
	/* A 5xx may come from a front whose server is away. */
	if (status < 500)
		hosts_answered(&http->shared->hosts, http->url);
	if (!sink || status > 299)
		return 0;
	http->now.to_sink = true;
	http->now.body_ms = clock_ms();
	return sink->begin(sink->ctx, http, http->status, http->err);
}

static size_t http_on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct http *http = ctx;

	n *= size;
	note_move(http);
	http->now.header_size += n;
	if (http->now.header_size > HTTP_HEADERS_MAX) {
		err_set(http->err, ERR_PROTOCOL,
			"the headers of the answer are over %d bytes",
			HTTP_HEADERS_MAX);
		return 0;
	}
	if (n <= 2 && (line[0] == '\r' || line[0] == '\n') && end_of_head(http))
		return 0;
	return n;
}

static bool is_success(const struct http *http)
{
	return http->status >= 200 && http->status <= 299;
}

static int keep_body(struct http *http, const char *data, size_t n)
{
	struct buf *body = &http->body;

	if (is_success(http)) {
		if (!buf_add(body, data, n))
			return 0;
		return err_set(http->err, ERR_PROTOCOL,
			       "the answer is over %zu bytes", body->max);
	}
	/* An endless page is not worth the connection. */
	if (n >= REFUSAL_MAX - body->len) {
		buf_add(body, data, REFUSAL_MAX - body->len);
		return 1;
	}
	return buf_add(body, data, n);
}

static size_t http_on_write(char *data, size_t size, size_t n, void *ctx)
{
	struct http *http = ctx;
	const struct http_sink *sink = http->request->sink;
	int ret;

	n *= size;
	note_move(http);
	if (http->now.to_sink) {
		ret = sink->write(sink->ctx, data, n, http->err);
		http->now.received += n;
		http->now.held_ms += clock_ms() - http->now.moved_ms;
	} else {
		ret = keep_body(http, data, n);
	}
	http->now.enough = ret > 0;
	return ret ? 0 : n;
}

static int add_line(struct curl_slist **lines, const char *name,
		    const char *value)
{
	/* libcurl sends "name;" as a header without a value. */
	char *line = xstrfmt(*value ? "%s: %s" : "%s;", name, value);
	struct curl_slist *longer = curl.slist_append(*lines, line);

	free(line);
	if (!longer)
		return -1;
	*lines = longer;
	return 0;
}

/*
 * libcurl states the length and the encoding of a body.  If an action stated
 * them for a request without a body, the server would wait for one.
 */
static bool is_header_sent(const struct http_request *request, const char *name)
{
	if (!strcasecmp(name, "Content-Length"))
		return false;
	return request->body || strcasecmp(name, "Transfer-Encoding") != 0;
}

static int http_add_headers(const struct http_request *request,
			    bool with_headers, struct curl_slist **lines)
{
	const struct headers *headers = with_headers ? request->headers : NULL;
	int ret = 0;

	*lines = curl.slist_append(NULL, "Expect:");
	ret |= !*lines;
	if (request->media_type) {
		ret |= add_line(lines, "Accept", request->media_type);
		if (request->body)
			ret |= add_line(lines, "Content-Type",
					request->media_type);
	}
	if (request->if_range)
		ret |= add_line(lines, "If-Range", request->if_range);
	for (size_t i = 0; headers && i < headers->n; i++)
		if (is_header_sent(request, headers->list[i].name))
			ret |= add_line(lines, headers->list[i].name,
					headers->list[i].value);
	return ret;
}

static void set_body(struct http *http)
{
	const struct http_body *body = http->request->body;
	CURL *easy = http->easy;

	if (body) {
		curl.easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl.easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)body->size);
		curl.easy_setopt(easy, CURLOPT_READFUNCTION, http_on_read);
		curl.easy_setopt(easy, CURLOPT_READDATA, http);
		curl.easy_setopt(easy, CURLOPT_SEEKFUNCTION, http_on_seek);
		curl.easy_setopt(easy, CURLOPT_SEEKDATA, http);
	}
	/* Without this option libcurl would decode nothing. */
	curl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
	curl.easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING,
			 http->request->is_raw ? 0L : 1L);
	curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http->request->method);
	curl.easy_setopt(easy, CURLOPT_RANGE, http->request->range);
	curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_on_header);
	curl.easy_setopt(easy, CURLOPT_HEADERDATA, http);
	curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_write);
	curl.easy_setopt(easy, CURLOPT_WRITEDATA, http);
	curl.easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_SIZE);
	curl.easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
}

/* ERR_OFFLINE if the request has been silent for too long. */
static int check_silence(struct http *http)
{
	const struct http_body *body = http->request->body;
	bool waits = !http->now.answered &&
		     (!body || http->now.sent == body->size);
	unsigned limit = waits ? http->request->answer_ms :
				 http->shared->stall_ms;
	long unsent;

	/* Before that libcurl's own limit holds, connect_ms. */
	if (!connect_is_up(http->easy))
		return 0;
	unsent = connect_unsent(http->easy, &http->sockets);
	if (unsent != http->now.unsent) {
		http->now.unsent = unsent;
		note_move(http);
	}
	if (clock_ms() - http->now.moved_ms < limit)
		return 0;
	return err_set(http->err, ERR_OFFLINE,
		       waits ? "no answer for %u s" :
			       "the connection stood still for %u s",
		       limit / 1000);
}

/* Bytes that wait in the kernel have not moved. */
static int watch_body(struct http *http, bool is_over, struct err *err)
{
	const struct http_body *body = http->request->body;
	uint64_t now = clock_ms(), moved = http->now.received;

	if (!http->watch || !http->now.body_ms)
		return 0;
	if (body &&
	    (is_over || (http->now.sent == body->size && !http->now.unsent)))
		return 0;
	if (!is_over && now - http->now.looked_ms < POLL_MS)
		return 0;
	http->now.looked_ms = now;
	if (body)
		moved = http->now.sent > (uint64_t)http->now.unsent ?
				http->now.sent - (uint64_t)http->now.unsent :
				0;
	return http->watch->look(http->watch->ctx, moved,
				 now - http->now.body_ms - http->now.held_ms,
				 err);
}

static int http_drive(struct http *http, CURLcode *code)
{
	int running = 1, left;
	CURLMsg *msg;

	for (;;) {
		if (atomic_load(&http->shared->stop))
			return err_set(http->err, ERR_CANCELED, "stopped");
		if (curl.multi_perform(http->multi, &running))
			return err_set(http->err, ERR_LOCAL, "libcurl failed");
		if (!running)
			break;
		if (check_silence(http) || watch_body(http, false, http->err))
			return -1;
		curl.multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
	}
	watch_body(http, true, NULL);
	*code = CURLE_OK;
	while ((msg = curl.multi_info_read(http->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			*code = msg->data.result;
	return 0;
}

static int http_check_end(struct http *http, CURLcode code)
{
	const struct http_body *body = http->request->body;
	const struct connect_failure failure = { .url = http->url,
						 .code = (int)code,
						 .detail = http->detail };

	if (code && !http->now.enough)
		return http->err->kind ?
			       -1 :
			       connect_failed(http->easy, http->shared,
					      &failure, http->err);
	/*
	 * A 2xx before the whole body was sent comes from an intermediary, not
	 * from the store; libcurl accepts it.
	 */
	if (body && http->now.sent != body->size && is_success(http))
		return err_set(http->err, ERR_NETWORK,
			       "the server answered %d before it had the whole "
			       "body",
			       http->status);
	return 0;
}

/* One request and its answer, at http->url. */
static int http_exchange(struct http *http, bool with_headers)
{
	struct curl_slist *lines = NULL;
	CURLcode code = CURLE_OK;
	int ret = -1;

	http->now = (struct progress){ .moved_ms = clock_ms(),
				       .looked_ms = clock_ms() };
	http->detail[0] = '\0';
	http->status = 0;
	buf_reset(&http->body);
	http->body.max = http->request->body_max ? http->request->body_max :
						   HTTP_BODY_MAX;
	if (connect_prepare(http->easy, http->shared, &http->sockets, http->url,
			    http->err) ||
	    http_add_headers(http->request, with_headers, &lines))
		goto out;
	set_body(http);
	curl.easy_setopt(http->easy, CURLOPT_HTTPHEADER, lines);
	curl.easy_setopt(http->easy, CURLOPT_USERAGENT,
			 "git-lfs-multipart/" VERSION);
	curl.easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->detail);
	if (curl.multi_add_handle(http->multi, http->easy))
		goto out;
	ret = http_drive(http, &code);
	/* libcurl accepts an answer that is cut in its head. */
	if (!code && !http->now.answered)
		code = CURLE_PARTIAL_FILE;
	if (!ret)
		ret = http_check_end(http, code);
	curl.multi_remove_handle(http->multi, http->easy);
out:
	if (ret)
		err_set(http->err, ERR_LOCAL, "libcurl has no memory");
	curl.easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
	curl.slist_free_all(lines);
	return ret;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* Take the Location as the next URL; `*again` is false if there is none. */
static int http_follow(struct http *http, int hops, bool *again)
{
	const char *location = http_header(http, "Location");
	char *next;

	*again = false;
	if (!is_redirect(http->status) || !location)
		return 0;
	if (hops == HTTP_REDIRECTS_MAX)
		return err_set(http->err, ERR_PROTOCOL,
			       "the server redirects more than %d times",
			       HTTP_REDIRECTS_MAX);
	next = url_resolve(http->url, location, http->err);
	if (!next)
		return -1;
	if (url_is_https(http->url) && !url_is_https(next)) {
		free(next);
		return err_set(http->err, ERR_PROTOCOL,
			       "the server redirects from https to http");
	}
	free(http->url);
	http->url = next;
	*again = true;
	return 0;
}

int http_perform(struct http *http, const struct http_request *request,
		 struct err *err)
{
	char shown[URL_DISPLAY_MAX];
	bool again = true;

	free(http->url);
	http->url = xstrdup(request->target ? request->target : request->url);
	http->request = request;
	http->err = err;
	for (int hops = 0; again; hops++) {
		if (http_exchange(http, !strcmp(request->url, http->url) ||
						url_keeps_headers(request->url,
								  http->url)))
			return -1;
		if (log_is_on(LOG_DEBUG))
			log_debug("%s %s %s: %d", request->method,
				  url_display(http->url, shown, sizeof(shown)),
				  request->range ? request->range : "-",
				  http->status);
		if (http_follow(http, hops, &again))
			return -1;
	}
	return 0;
}

const char *http_header_at(struct http *http, const char *name, unsigned i)
{
	struct curl_header *header = NULL;

	if (curl.easy_header(http->easy, name, i, CURLH_HEADER, -1, &header))
		return NULL;
	return header->value;
}

const char *http_header(struct http *http, const char *name)
{
	return http_header_at(http, name, 0);
}

int http_status(const struct http *http)
{
	return http->status;
}

const struct buf *http_answer(const struct http *http)
{
	return &http->body;
}

const char *http_url(const struct http *http)
{
	return http->url;
}

bool http_was_resent(const struct http *http)
{
	return http->now.resent;
}

static bool is_of_peer(const struct err *err)
{
	return err->kind != ERR_NONE && err->kind != ERR_LOCAL &&
	       err->kind != ERR_USAGE && err->kind != ERR_CORRUPT &&
	       err->kind != ERR_CANCELED;
}

/* libcurl 7.88 leaves the line end in a header without a value. */
static bool is_blank_value(const char *value)
{
	return value[strspn(value, " \t\r\n")] == '\0';
}

void http_name_peer(struct http *http, struct err *err)
{
	static const char *const names[] = { "x-amz-request-id", "X-Request-Id",
					     "X-Error-Message" };
	char host[URL_DISPLAY_MAX];
	struct buf more = BUF_INIT(PEER_MAX);

	if (!http->url || !is_of_peer(err))
		return;
	url_display_host(http->url, host, sizeof(host));
	if (!strstr(err->msg, host))
		buf_printf(&more, "; %.80s", host);
	for (size_t i = 0; i < 3 && http->now.answered; i++) {
		const char *value = http_header(http, names[i]);

		if (value && !is_blank_value(value) && !strstr(err->msg, value))
			buf_printf(&more, "; %s %.80s", names[i], value);
	}
	if (more.len)
		err_append(err, " (%s)", buf_str(&more) + strlen("; "));
	buf_release(&more);
}

void http_forget(struct http *http)
{
	free(http->url);
	http->url = NULL;
	http->status = 0;
	buf_release(&http->body);
	http->now.answered = false;
}

void http_set_watch(struct http *http, const struct http_watch *watch)
{
	http->watch = watch;
}

bool http_is_stopped(const struct http *http)
{
	return atomic_load(&http->shared->stop);
}

void http_wake(struct http *http)
{
	curl.multi_wakeup(http->multi);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	curl.easy_cleanup(http->easy);
	curl.multi_cleanup(http->multi);
	http_forget(http);
	free(http);
}

/* A token, not empty (RFC 9110, sections 5.1 and 5.6.2). */
static bool is_header_name(const char *name)
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && !name[strspn(name, token)];
}

/*
 * No control character but a tab (RFC 9110, section 5.5): a line break would
 * smuggle in another header.
 */
static bool is_header_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') ||
		    *value == 0x7f)
			return false;
	return true;
}

int headers_add(struct headers *headers, const char *name, const char *value,
		struct err *err)
{
	if (!is_header_name(name))
		return err_set(err, ERR_PROTOCOL,
			       "'%.40s' cannot be the name of a header", name);
	if (!is_header_value(value))
		return err_set(err, ERR_PROTOCOL,
			       "the value of the header '%.40s' has a control "
			       "character",
			       name);
	if (headers->n == HEADERS_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "there are over %d headers to send",
			       HEADERS_MAX);
	headers->list = xgrow(headers->list, headers->n,
			      sizeof(*headers->list));
	headers->list[headers->n++] = (struct http_header){
		.name = xstrdup(name),
		.value = xstrdup(value),
	};
	return 0;
}

/* The first value of that name among the first `n` headers, or NULL. */
static const char *headers_find(const struct headers *headers, size_t n,
				const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(headers->list[i].name, name))
			return headers->list[i].value;
	return NULL;
}

/* Add copies of those whose names are not among the first `n`. */
static int add_others(struct headers *headers, size_t n,
		      const struct headers *others, struct err *err)
{
	for (size_t i = 0; i < others->n; i++)
		if (!headers_find(headers, n, others->list[i].name) &&
		    headers_add(headers, others->list[i].name,
				others->list[i].value, err))
			return -1;
	return 0;
}

int headers_add_missing(struct headers *headers, const struct headers *others,
			struct err *err)
{
	return add_others(headers, headers->n, others, err);
}

int headers_add_all(struct headers *headers, const struct headers *others,
		    struct err *err)
{
	return add_others(headers, 0, others, err);
}

const char *headers_get(const struct headers *headers, const char *name)
{
	return headers_find(headers, headers->n, name);
}

void headers_release(struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		free((char *)headers->list[i].name);
		free((char *)headers->list[i].value);
	}
	free(headers->list);
	*headers = (struct headers)HEADERS_INIT;
}
