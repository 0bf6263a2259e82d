/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_WAIT_H
#define LFS_BASE_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/*
 * Conditions that are waited for with a deadline, on the monotonic clock: a
 * changed date must not matter.
 */

/* In place of pthread_cond_init(). */
void cond_init(pthread_cond_t *cond);

/* So many milliseconds from now, for pthread_cond_timedwait(). */
struct timespec cond_deadline(unsigned ms);

/*
 * How one thread waits for anything that others do: they ring, and it looks.
 *
 *	since = bell_count(bell);
 *	if (nothing to do)
 *		bell_wait(bell, since, 100);
 *
 * No ring between the two is lost.
 */

struct bell;

struct bell *bell_new(void);

/* From any thread; a `struct bell *` as a context. */
void bell_ring(void *bell);

/* How often it has rung. */
unsigned bell_count(const struct bell *bell);

/* Wait until it has rung more often than `since`, at most `timeout_ms`. */
void bell_wait(struct bell *bell, unsigned since, unsigned timeout_ms);

/* Nobody may be waiting.  NULL is fine. */
void bell_free(struct bell *bell);

/*
 * A reason to end a wait early: for a child, a lock, an answer.  Passed by value;
 * all zero never stops.  A waiting function asks at least every 100 ms, and at
 * once when `watch_fd` becomes readable or is hung up, and ends with
 * ERR_CANCELED.
 */
struct stop {
	bool (*is_wanted)(void *ctx);	/* NULL: never */
	void *ctx;
	int watch_fd;	/* looked at only with is_wanted; -1: none */
};

/* With no descriptor to watch. */
struct stop stop_when(bool (*is_wanted)(void *ctx), void *ctx);

bool stop_is_wanted(const struct stop *stop);

/* The descriptor for poll(), which passes over -1. */
int stop_watched(const struct stop *stop);

#endif
