/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_STOP_H
#define LFS_BASE_STOP_H

#include <stdbool.h>

/*
 * A reason to end early, for whoever waits: a child that runs, a lock, an
 * answer.  Handed on by value; all zero never stops.  Whoever waits asks at
 * least every 100 ms, and at once when `watch_fd` becomes readable or is hung
 * up, and then ends with ERR_CANCELED.
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
