/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_HOSTS_H
#define LFS_NET_HOSTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Which hosts have answered this process, and for how long it has tried those
 * that never did.  From any thread; all zero is the beginning.
 *
 * A host is what stands before the path of a URL.
 */

enum { HOSTS_MAX = 64 };	/* of all others it is said that they have */

struct hosts {
	struct {
		_Atomic(uint64_t) id;	/* 0: free */
		/* Tried in vain since then; 0: not yet; -1: it has answered. */
		_Atomic(uint64_t) since_ms;
	} list[HOSTS_MAX];
};

/* The host of `url` has answered. */
void hosts_answered(struct hosts *hosts, const char *url);

bool hosts_has_answered(struct hosts *hosts, const char *url);

/*
 * A try that began at `begun_ms` has not reached the host of `url`.  Returns for
 * how long that host has been tried by `now_ms`, 1 at the least; 0 if it has
 * ever answered.
 */
uint64_t hosts_unmet(struct hosts *hosts, const char *url, uint64_t begun_ms,
		     uint64_t now_ms);

#endif
