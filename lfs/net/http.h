/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_HTTP_H
#define LFS_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/buf.h"
#include "lfs/base/err.h"
#include "lfs/net/connect.h"

/*
 * One HTTP/1.1 request at a time on one kept-alive connection.
 *
 * A `struct http` belongs to one thread.  The state that all of a pool's threads
 * share is in `struct http_shared` (connect.h).
 *
 * There is no limit on the whole of a request, only on silence: while it
 * connects, while a body moves, while an answer is awaited.  Redirects are
 * followed here, at most three, never from https to http, and the request's
 * `headers` go only where url_keeps_headers() lets them (lfs/wire.md, The
 * server).
 *
 * Bodies are asked for uncompressed, and decoded if they come compressed
 * nevertheless.  The limits on their size hold for what is decoded.
 *
 * This module does not retry and does not judge a status: see status.h and
 * retry.h.
 */

enum {
	HTTP_BODY_MAX = 1 << 20,	/* a body kept in memory, if not asked otherwise */
	HTTP_HEADERS_MAX = 64 << 10,	/* all header lines of one answer */
	HTTP_REDIRECTS_MAX = 3,
	HEADERS_MAX = 64	/* to send */
};

struct http_header {
	const char *name;	/* borrowed, as all strings of a request */
	const char *value;
};

/*
 * Headers to send that others chose: a server for its action, ssh, the user's
 * configuration, a credential.
 */
struct headers {
	struct http_header *list;	/* owned, with its strings */
	size_t n;
};

#define HEADERS_INIT { .list = NULL }

/*
 * Add a copy.  ERR_PROTOCOL if HTTP would not allow the name or the value, or
 * if there are HEADERS_MAX already; the message does not quote the value.
 */
int headers_add(struct headers *headers, const char *name, const char *value,
		struct err *err);

/* Add copies of those of `others` whose names are not there yet. */
int headers_add_missing(struct headers *headers, const struct headers *others,
			struct err *err);

/* Add copies of all of `others`. */
int headers_add_all(struct headers *headers, const struct headers *others,
		    struct err *err);

/* The first value of a name in any letter case, or NULL; borrowed. */
const char *headers_get(const struct headers *headers, const char *name);

/* Empty again. */
void headers_release(struct headers *headers);

/* A body to send. */
struct http_body {
	uint64_t size;
	/*
	 * Copy at most `n` bytes from position `off` to `data`; returns how
	 * many, at least one, or -1.  Called in order, but again from 0 if
	 * the body must be sent a second time.
	 */
	long (*read)(void *ctx, uint64_t off, char *data, size_t n,
		     struct err *err);
	void *ctx;
};

/* The body that is `size` bytes of text, which are borrowed. */
struct http_body http_text(const char *text, size_t size);

struct http;

/* The receiver of the body of a 2xx answer. */
struct http_sink {
	/* The head of the answer is here; -1 refuses the body. */
	int (*begin)(void *ctx, struct http *http, int status, struct err *err);
	/* Take bytes.  Returns 0, 1 to end the answer here, or -1. */
	int (*write)(void *ctx, const char *data, size_t n, struct err *err);
	void *ctx;
};

struct http_request {
	const char *method;	/* "GET", "PUT", ... */
	const char *url;
	const char *target;	/* where `url` redirected to before, or NULL */
	const struct headers *headers;	/* for the server of `url` only; or NULL */
	const char *media_type;	/* Accept and Content-Type, or NULL: none sent */
	const char *range;	/* "0-1023", or NULL */
	const char *if_range;	/* the ETag for which the range holds, or NULL */
	const struct http_body *body;	/* to send; NULL: none */
	const struct http_sink *sink;	/* or NULL: the body is kept */
	size_t body_max;	/* bytes of it that are kept; 0: HTTP_BODY_MAX */
	bool is_raw;	/* the body comes as sent, whatever its Content-Encoding */
	unsigned answer_ms;	/* silence while the answer is awaited */
	int64_t expires;	/* when `url` does, as its action says; or 0 */
};

/*
 * Called a few times a second while a body moves, and at the end of one that is
 * received: `moved` bytes of it in `busy_ms`, without the time that the body's
 * `read` or the sink took.  -1 closes the connection; at the end `err` is NULL,
 * and nothing is left to close.
 */
struct http_watch {
	int (*look)(void *ctx, uint64_t moved, uint64_t busy_ms,
		    struct err *err);
	void *ctx;
};

/*
 * Call once in a process, before the first thread and the first http_new().
 * Takes some milliseconds.
 */
int http_setup(struct err *err);

/* A connection's worth of state.  `shared` is borrowed for its life. */
struct http *http_new(struct http_shared *shared, struct err *err);

/*
 * Send the request and receive an answer, whatever its status; -1 only if
 * none came (ERR_NETWORK, ERR_OFFLINE), the sink or the body's `read` failed, the
 * answer broke a limit (ERR_PROTOCOL), or we were stopped (ERR_CANCELED).
 * The body of an answer that is not 2xx is cut at 16 KiB.
 */
int http_perform(struct http *http, const struct http_request *request,
		 struct err *err);

/* The status of the latest answer, 0 if none came. */
int http_status(const struct http *http);

/*
 * The body of the latest answer, if it came without a sink or is not 2xx;
 * borrowed until the next request.
 */
const struct buf *http_answer(const struct http *http);

/*
 * The value of a header of the latest answer, or NULL; borrowed until the
 * next request.
 */
const char *http_header(struct http *http, const char *name);

/* The value of the `i`-th header of that name, counted from 0, or NULL. */
const char *http_header_at(struct http *http, const char *name, unsigned i);

/* The URL of the latest request, after redirects; borrowed until the next. */
const char *http_url(const struct http *http);

/*
 * Was the latest request sent more than once?  libcurl does so by itself when
 * a kept-alive connection ends without an answer.
 */
bool http_was_resent(const struct http *http);

/*
 * Name the peer at the end of an error of the latest request: its host, and
 * what its owner can find the request by (x-amz-request-id, X-Request-Id) or
 * says apart from the body (X-Error-Message, Hugging Face).  Nothing that the
 * message already holds is repeated; an error of this machine stays as it is.
 * The pool does this for each job; code that ends a message with advice does it
 * before.
 */
void http_name_peer(struct http *http, struct err *err);

/* Forget the latest request and its answer. */
void http_forget(struct http *http);

/* Watch the requests from now on; borrowed, NULL: no watch. */
void http_set_watch(struct http *http, const struct http_watch *watch);

/* Must a `read` or a sink that waits end now? */
bool http_is_stopped(const struct http *http);

/* From any thread: make a request that waits look at the stop flag now. */
void http_wake(struct http *http);

void http_free(struct http *http);

#endif
