/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_UNIT_HTTPBENCH_H
#define TEST_UNIT_HTTPBENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lfs/net/http.h"
#include "test/unit/tinyserver.h"

/* The part that the tests of http.h share. */

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* A request, and what it takes. */
struct bench {
	struct http_shared shared;
	struct http *http;
	struct tinyserver *server;	/* its own, or NULL */
	struct http_body body;
	struct http_request request;
	struct err err;
};

static inline void set_up(struct bench *bench, const char *method,
			  const char *url)
{
	*bench = (struct bench){
		.shared = { .connect_ms = 5000, .stall_ms = 60000 },
		.request = { .method = method, .url = url, .answer_ms = 60000 },
	};
	bench->http = http_new(&bench->shared, &bench->err);
	assert_non_null(bench->http);
}

/* With a server of its own. */
static inline void serve(struct bench *bench, const char *method,
			 tinyserver_answer *answer, void *ctx)
{
	struct tinyserver *server = tinyserver_start(answer, ctx);

	assert_non_null(server);
	set_up(bench, method, tinyserver_url(server));
	bench->server = server;
}

static inline void tear_down(struct bench *bench)
{
	http_free(bench->http);
	if (bench->server)
		tinyserver_stop(bench->server);
}

static inline int perform(struct bench *bench)
{
	err_clear(&bench->err);
	return http_perform(bench->http, &bench->request, &bench->err);
}

/* One GET from a server of its own. */
static inline int get(struct bench *bench, tinyserver_answer *answer, void *ctx)
{
	serve(bench, "GET", answer, ctx);
	return perform(bench);
}

/* A body to send. */
struct bytes {
	const char *data;
	size_t size;
	unsigned from_the_start;	/* how often it was read from 0 */
	long at_most;	/* a read gives; 0: as asked */
	bool fails;	/* after its first bytes */
};

static inline long read_bytes(void *ctx, uint64_t off, char *data, size_t n,
			      struct err *err)
{
	struct bytes *bytes = ctx;

	bytes->from_the_start += !off;
	if (bytes->fails && off)
		return err_set(err, ERR_LOCAL, "the disk is gone");
	if (bytes->at_most && n > (size_t)bytes->at_most)
		n = (size_t)bytes->at_most;
	memcpy(data, bytes->data + off, n);
	return (long)n;
}

static inline void send_bytes(struct bench *bench, struct bytes *bytes)
{
	bench->body = (struct http_body){ bytes->size, read_bytes, bytes };
	bench->request.body = &bench->body;
}

#endif
