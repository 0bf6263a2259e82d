/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lfs/base/mem.h"

void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
#ifndef __APPLE__
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
#endif
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec cond_deadline(unsigned ms)
{
	struct timespec ts;

#ifdef __APPLE__
	clock_gettime(CLOCK_REALTIME, &ts);
#else
	clock_gettime(CLOCK_MONOTONIC, &ts);
#endif
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t rung;
	atomic_uint count;
};

struct bell *bell_new(void)
{
	struct bell *bell = xcalloc(1, sizeof(*bell));

	pthread_mutex_init(&bell->mutex, NULL);
	cond_init(&bell->rung);
	return bell;
}

void bell_ring(void *ctx)
{
	struct bell *bell = ctx;

	pthread_mutex_lock(&bell->mutex);
	atomic_fetch_add(&bell->count, 1);
	pthread_cond_broadcast(&bell->rung);
	pthread_mutex_unlock(&bell->mutex);
}

unsigned bell_count(const struct bell *bell)
{
	return atomic_load(&bell->count);
}

void bell_wait(struct bell *bell, unsigned since, unsigned timeout_ms)
{
	struct timespec until = cond_deadline(timeout_ms);
	int ret = 0;

	pthread_mutex_lock(&bell->mutex);
	while (bell_count(bell) == since && !ret)
		ret = pthread_cond_timedwait(&bell->rung, &bell->mutex, &until);
	pthread_mutex_unlock(&bell->mutex);
}

void bell_free(struct bell *bell)
{
	if (!bell)
		return;
	pthread_cond_destroy(&bell->rung);
	pthread_mutex_destroy(&bell->mutex);
	free(bell);
}

struct stop stop_when(bool (*is_wanted)(void *ctx), void *ctx)
{
	return (struct stop){ is_wanted, ctx, -1 };
}

bool stop_is_wanted(const struct stop *stop)
{
	return stop->is_wanted && stop->is_wanted(stop->ctx);
}

int stop_watched(const struct stop *stop)
{
	return stop->is_wanted ? stop->watch_fd : -1;
}
