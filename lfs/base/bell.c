/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/bell.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "lfs/base/mem.h"

struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t rung;
	atomic_uint count;
};

struct bell *bell_new(void)
{
	struct bell *bell = xcalloc(1, sizeof(*bell));

	pthread_mutex_init(&bell->mutex, NULL);
	pthread_cond_init(&bell->rung, NULL);
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
	struct timespec until;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
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
