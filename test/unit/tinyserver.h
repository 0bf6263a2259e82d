/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_UNIT_TINYSERVER_H
#define TEST_UNIT_TINYSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An HTTP server for unit tests, in threads of the test itself, on 127.0.0.1
 * and a port that the kernel picks.
 *
 * It reads the head of a request and hands it to the test's function, which
 * writes the answer as raw bytes, so that it can be as wrong as it likes.
 * That function runs in the connection's thread: it may not use cmocka.
 */

enum { TINYSERVER_REQUESTS_MAX = 512 };

struct tinyserver;

struct tinyrequest {
	struct tinyserver *server;
	unsigned number;	/* of all requests of the server; 0 is the first */
	unsigned connection;	/* likewise */
	char *head;	/* all lines, a string */
	char *body;	/* once read; NUL-terminated */
	size_t size;	/* of the body */
	int fd;	/* private */
};

/* Answer a request; false ends the connection. */
typedef bool tinyserver_answer(struct tinyrequest *request, void *ctx);

/* NULL if there is no port to be had. */
struct tinyserver *tinyserver_start(tinyserver_answer *answer, void *ctx);

/* "http://127.0.0.1:PORT", borrowed. */
const char *tinyserver_url(const struct tinyserver *server);

/* Read the body, of the length that the head gives; false if it is cut. */
bool tinyserver_read_body(struct tinyrequest *request);

/* Send bytes, text; false if nobody takes them. */
bool tinyserver_send(struct tinyrequest *request, const char *data, size_t n);
bool tinyserver_puts(struct tinyrequest *request, const char *text);

/* Answers: read the body, send the text `ctx`. */
tinyserver_answer tinyserver_text;

/* The same, and then bytes without end. */
tinyserver_answer tinyserver_endless;

/*
 * The range of a request, from its first byte to the one after its last.  False,
 * and all `size` bytes, if it asks for none.
 */
bool tinyserver_range(const char *head, uint64_t size, uint64_t *from,
		      uint64_t *to);

enum tiny_way {
	TINY_RANGE,	/* 206 with the range; 200 with all if none is asked for */
	TINY_WHOLE,	/* 200 with all, whatever is asked for */
	TINY_CUT,	/* as TINY_RANGE, but only half of the body */
	TINY_SPOILT	/* as TINY_RANGE, but the first bit is wrong */
};

/* Answer a GET of `size` bytes. */
bool tinyserver_serve(struct tinyrequest *request, const void *bytes,
		      uint64_t size, enum tiny_way way);

/* Wait some time; false, and sooner, if the server is to stop. */
bool tinyserver_pause(struct tinyrequest *request, unsigned ms);

/* The requests so far, and the head and body of one that was answered. */
unsigned tinyserver_count(struct tinyserver *server);
unsigned tinyserver_connections(struct tinyserver *server);
const char *tinyserver_head(struct tinyserver *server, unsigned number);
const char *tinyserver_body(struct tinyserver *server, unsigned number);

/* The value after "NAME: " in a head, borrowed; NULL if it is not there. */
const char *tinyserver_header(const char *head, const char *name);

/* End all connections, join the threads and free the server. */
void tinyserver_stop(struct tinyserver *server);

#endif
