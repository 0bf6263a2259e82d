/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_RETRY_H
#define LFS_NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * Whether a failed request is tried again, and after what pause.
 *
 * Pure: time and randomness come in as arguments.  The pause is a random time
 * up to a limit that doubles with each try ("full jitter"), so that sixteen
 * connections that failed together do not come back together.  It is at least
 * what the server asks for in Retry-After; if that is more than `longest_ms`,
 * there is no other try.
 *
 * Tries count only while the peer answers.  While nothing moves on any
 * connection, as after a lost Wi-Fi or a laptop's sleep, they go on up to
 * `offline_ms`, whatever their number.  A try that is refused for lack of room
 * does not count while the server serves others.  In case these are refused,
 * too, that ends: it holds for `retries` tries, and then for `longest_ms` in all.
 *
 * A strange answer, such as a web page in place of an object, comes from
 * something between us and the server, and seldom passes by itself: two in a
 * row are the end.
 *
 * A 403 is final, unless others are served by the same host: some servers say
 * 403 to one connection too many.  It is tried again a few times then.
 *
 * If a host has never answered, the address, the link, the proxy or the network
 * is probably wrong, and a person waits for the first sign of life: those tries
 * end after `first_ms`.
 */

struct retry_policy {
	unsigned retries;	/* after the first try; 0: none */
	unsigned max_delay_ms;
	unsigned offline_ms;
	unsigned first_ms;	/* 0: the first answer is like any other */
	unsigned longest_ms;	/* to wait for a server that is busy; 0: any */
};

struct retry {
	unsigned tries;		/* that count against `retries` */
	unsigned pauses;	/* all of them: the backoff grows with it */
	unsigned refusals;	/* by a 403 that may mean one connection too many */
	unsigned yields;	/* tries after which it gave up its slot */
	uint64_t yield_ms;	/* when the first of them failed */
	unsigned strange;	/* answers in a row */
};

#define RETRY_INIT { .tries = 0 }

struct retry_facts {
	uint32_t random;	/* any */
	uint64_t now_ms;
	uint64_t begun_ms;	/* when the failed try began */
	uint64_t moved_ms;	/* when anything last moved anywhere, or 0 */
	bool yields_slot;	/* it is tried again when another one is done */
};

/* Is this how a server says that one connection is too many? */
bool retry_wants_fewer(const struct err *err);

/* May the request succeed when one of the others is done? */
bool retry_may_wait(const struct retry *retry, const struct err *err);

/* Was there no answer, or only that of a front that cannot reach the server? */
bool retry_is_unreached(const struct err *err);

/* Does the server ask for a longer pause than anybody wants to wait? */
bool retry_is_too_long(const struct retry_policy *policy,
		       const struct err *err);

/* After a try failed with `err`: is there another one, after `pause_ms`? */
bool retry_again(struct retry *retry, const struct retry_policy *policy,
		 const struct err *err, const struct retry_facts *facts,
		 unsigned *pause_ms);

/*
 * The pause that a Retry-After header asks for, seconds or a date, in
 * milliseconds; 0 if it is NULL, in the past or makes no sense, and at most a
 * day.  `now` is the time in seconds since 1970.
 */
int retry_parse_after(const char *value, int64_t now);

/*
 * How many requests at once a server seems to take.
 *
 * No server says so: it refuses those that are too many.  A refusal lowers the
 * ceiling to the number of requests that are left, but not below one; as many
 * successes as the ceiling raise it by one.  So a server that was only busy for
 * a while is soon used in full again, and one that is full is tested sometimes.
 *
 * Pure, and for one thread at a time.
 */

struct ceiling {
	unsigned most;	/* without refusals */
	unsigned now;
	unsigned successes;	/* since `now` changed */
};

void ceiling_init(struct ceiling *ceiling, unsigned most);

/* A request was refused while `others` are under way. */
void ceiling_lower(struct ceiling *ceiling, unsigned others);

/* A request succeeded: true if there may be one more from now on. */
bool ceiling_raise(struct ceiling *ceiling);

#endif
