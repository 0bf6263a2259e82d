/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_COND_H
#define LFS_BASE_COND_H

#include <pthread.h>
#include <time.h>

/*
 * Conditions that are waited for with a deadline, on the monotonic clock: a
 * changed date must not matter.
 */

/* In place of pthread_cond_init(). */
void cond_init(pthread_cond_t *cond);

/* So many milliseconds from now, for pthread_cond_timedwait(). */
struct timespec cond_deadline(unsigned ms);

#endif
