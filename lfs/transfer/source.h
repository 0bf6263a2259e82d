/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_SOURCE_H
#define LFS_TRANSFER_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * The place that the bytes of a download come from, and what its server does
 * with ranges (RFC 9110, 14).  This module alone knows that; download.c asks it
 * for the next request, shows it the head of each answer, and does what it
 * says.
 *
 *	source_ask(source, &route);             what to ask
 *	source_head(source, &route, &answer);   take it, skip some, or refuse it
 *	source_failed(source, &route, ...);     is it to be asked anew at once?
 *	source_done(source, &route);
 *
 * The states of a source, and what leads from one to the next:
 *
 *	UNKNOWN   one request goes ahead alone      206: HEEDED  200: IGNORED
 *	EXPECTED  parts are asked for side by side  206: HEEDED
 *	HEEDED    a range has come
 *	IGNORED   the whole comes for any range: one part takes it
 *	WHOLE     the same, and no range is asked for any longer
 *
 * If ranges are expected or heeded, and the whole comes, it is used nevertheless
 * if few of its bytes are wasted.  If an answer to a range was useless, and
 * nothing else has helped, source_ask_whole() leads to WHOLE.
 *
 * `href` may redirect.  Later ranges go straight to the target, with its strong
 * ETag as If-Range, until the target fails; then `href` is asked again.  If a
 * target refuses the first request that goes straight to it (its link may be
 * signed for one range), no other target is tried.  While a target serves other
 * requests, one that it refuses was only one too many, and the target is kept.
 *
 * An ETag that changes says that the bytes may be others.  That is only a doubt,
 * as mirrors of one object have ETags of their own: ranges are asked for without
 * a condition from then on, and the hash decides.  For the same reason no ETag
 * is kept for another run, which may go to another server.
 *
 * From any thread.
 */

struct source;

/*
 * Remembers what the server of the latest object did with ranges, so that the
 * next object need not wait for its first answer.  All zeros: nothing yet.
 */
struct source_memory {
	char *url;	/* owned: of the server; or NULL */
	bool heeds_ranges;
};

enum source_state {
	SOURCE_UNKNOWN,
	SOURCE_EXPECTED,
	SOURCE_HEEDED,
	SOURCE_IGNORED,
	SOURCE_WHOLE
};

/* The fault of an answer. */
enum source_trouble {
	SOURCE_FINE,	/* it has none */
	SOURCE_ENCODED,	/* it is compressed, though asked for as it is */
	SOURCE_CHANGED,	/* it says that there is another version now */
	SOURCE_USELESS	/* it is not the range that was asked for */
};

/* One request, and its answer.  Its strings are owned. */
struct source_route {
	uint64_t from;	/* the first byte that is wanted */
	bool has_range;	/* ask for the range from there; otherwise the whole */
	char *target;	/* where to go; NULL: `href` */
	char *etag;	/* of If-Range; NULL: no condition */
	bool decodes;	/* undo the Content-Encoding of the answer */
	bool is_anew;	/* source_failed() has returned true */
	bool is_served;	/* its answer is on its way */
	enum source_trouble trouble;
	uint64_t skip;	/* bytes of the answer before the first that is wanted */
};

#define SOURCE_ROUTE_INIT { .from = 0 }

/* The head of an answer; its strings are borrowed, and NULL if missing. */
struct source_answer {
	int status;
	const char *range;	/* Content-Range */
	const char *length;	/* Content-Length */
	const char *encoding;	/* Content-Encoding */
	const char *etag;
	const char *url;	/* that answered, after redirects */
};

enum source_verdict {
	SOURCE_REFUSE,	/* its body is of no use */
	SOURCE_TAKE,	/* after `skip` bytes */
	SOURCE_TAKE_ALL	/* and up to the object's end: see source_head() */
};

/*
 * For an object of `size` bytes at `href`.  `memory` is borrowed for as long as
 * the source lives; NULL: nothing is known or guessed.
 */
struct source *source_new(struct source_memory *memory, const char *href,
			  uint64_t size);

enum source_state source_state(struct source *source);

/* Is the state known?  Until then a worker may change the plan. */
bool source_is_known(struct source *source);

/* Does the whole come, so that one part takes all that is missing? */
bool source_sends_whole(struct source *source);

/* Parts may be asked for at once, without an answer to the first. */
void source_expect(struct source *source);

/* All is fetched again: if ranges are only expected, wait for an answer. */
void source_restart(struct source *source);

/*
 * Fill in `route` for a request for the bytes from `from`.  It is
 * SOURCE_ROUTE_INIT, or that of an earlier request, which is over: if that is to
 * be asked anew, this one avoids what was wrong with it.  `is_part`: not all of
 * the object is wanted.
 */
void source_ask(struct source *source, struct source_route *route,
		uint64_t from, bool is_part);

/*
 * The head of a 2xx answer is here.  SOURCE_REFUSE has the reason in `err`.
 * After SOURCE_TAKE_ALL the caller makes the part the last of its plan, and
 * then says so: source_took_all().
 */
enum source_verdict source_head(struct source *source,
				struct source_route *route,
				const struct source_answer *answer,
				struct err *err);
void source_took_all(struct source *source);

/*
 * The request has failed; `status` is 0 if no answer came.  True if another
 * request may do better at once: then call source_ask() with the same `route`.
 * The target is given up, unless it only wants fewer requests at a time.
 */
bool source_failed(struct source *source, struct source_route *route,
		   int status, const struct err *err);

/* The request is over, whether it succeeded or not. */
void source_done(struct source *source, struct source_route *route);

/*
 * All requests are over, and failed with `err`.  True if ranges are the cause,
 * so that the whole is to be asked for from now on.
 */
bool source_ask_whole(struct source *source, const struct err *err);

/* Note that the bytes may come from two versions. */
void source_doubt(struct source *source);
bool source_has_changed(struct source *source);

/* The link has been renewed: this is the new one. */
void source_renew(struct source *source, const char *href);

/* Byte positions, both inclusive, and the size of the whole if it is given. */
struct source_range {
	uint64_t first;
	uint64_t last;
	uint64_t total;
	bool has_total;	/* "*": the server does not say */
};

/*
 * Parse a Content-Range, "bytes FIRST-LAST/TOTAL".  -1 if it is anything else;
 * NULL is.  The total may be too small: Gitea and Forgejo say how many bytes
 * are left (go-gitea issue 35276).
 */
int source_parse_range(const char *value, struct source_range *range);

/*
 * May the value of an ETag header be sent as If-Range (RFC 9110, 13.1.5): a
 * strong entity tag of at most SOURCE_VALIDATOR_MAX bytes?  NULL is not one.
 */
enum { SOURCE_VALIDATOR_MAX = 1024 };
bool source_is_validator(const char *etag);

/* All bytes are there: remember what the server did with ranges. */
void source_remember(struct source *source);

/* NULL is fine. */
void source_free(struct source *source);

#endif
