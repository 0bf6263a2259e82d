/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/cond.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/net/ceiling.h"

struct worker {
	struct pool *pool;
	pthread_t thread;
	struct http *http;	/* owned */
};

struct queue {
	struct job *first;
	struct job **end;
};

/*
 * The mutex guards all below it, and is not held while a job runs.  One
 * condition for each kind of waiter: a worker that pauses before a retry must
 * not eat the wake-up of an idle one.
 */
struct pool {
	struct http_shared *shared;	/* borrowed */
	struct retry_policy policy;
	unsigned max_workers;
	unsigned outstanding;	/* the caller's thread only */
	struct worker *workers;	/* owned */
	unsigned nworkers;

	pthread_mutex_t mutex;
	pthread_cond_t has_work;	/* for idle workers */
	pthread_cond_t has_done;	/* for the caller */
	pthread_cond_t has_stopped;	/* for pausing workers */
	pthread_cond_t has_room;	/* for those that stepped aside */
	struct queue work;
	struct queue done;
	unsigned running;	/* and not aside */
	unsigned limit;
	struct ceiling ceiling;
	unsigned in_vain;	/* tries of a last one, since a job went well */
	unsigned returning;	/* workers that wait for room */
	unsigned alive;		/* threads that have not ended */
	bool woken;
	bool closing;
	void (*ring)(void *ctx);	/* or NULL */
	void *ring_ctx;
};

static void put(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct job *take(struct queue *queue)
{
	struct job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->end = &queue->first;
	return job;
}

struct pool *pool_new(unsigned max_workers, struct http_shared *shared,
		      const struct retry_policy *policy)
{
	struct pool *pool = xcalloc(1, sizeof(*pool));

	pool->shared = shared;
	pool->policy = *policy;
	pool->max_workers = max_workers;
	pool->limit = max_workers;
	ceiling_init(&pool->ceiling, max_workers);
	pool->workers = xcalloc(max_workers, sizeof(*pool->workers));
	pool->work.end = &pool->work.first;
	pool->done.end = &pool->done.first;
	pthread_mutex_init(&pool->mutex, NULL);
	cond_init(&pool->has_work);
	cond_init(&pool->has_done);
	cond_init(&pool->has_stopped);
	cond_init(&pool->has_room);
	return pool;
}

/* With the mutex held: the caller shall look. */
static void tell(struct pool *pool)
{
	pthread_cond_signal(&pool->has_done);
	if (pool->ring)
		pool->ring(pool->ring_ctx);
}

static bool is_over(const struct pool *pool, const struct job *job)
{
	return atomic_load(&pool->shared->stop) ||
	       (job->is_wanted && !job->is_wanted(job));
}

static void pause_for(struct pool *pool, const struct job *job, unsigned ms)
{
	struct timespec until = cond_deadline(ms);
	int ret = 0;

	pthread_mutex_lock(&pool->mutex);
	while (!ret && !is_over(pool, job))
		ret = pthread_cond_timedwait(&pool->has_stopped, &pool->mutex,
					     &until);
	pthread_mutex_unlock(&pool->mutex);
}

static bool has_room(const struct pool *pool)
{
	return pool->running < pool->limit && pool->running < pool->ceiling.now;
}

/* The last one that runs stays, and its tries count. */
static bool step_aside(struct pool *pool)
{
	bool has_others;

	pthread_mutex_lock(&pool->mutex);
	has_others = pool->running > 1;
	if (has_others)
		ceiling_lower(&pool->ceiling, --pool->running);
	else
		pool->in_vain++;
	pthread_mutex_unlock(&pool->mutex);
	return has_others;
}

/*
 * Wait for room.  What the last one tries in vain meanwhile counts for all, or
 * a server that is down would be waited for by one after the other.  False if
 * nobody makes room: those that run may be waiting for this one.
 */
static bool come_back(struct pool *pool, const struct job *job,
		      struct retry *retry)
{
	struct timespec until = cond_deadline(pool->policy.offline_ms);
	unsigned before;
	int ret = 0;

	pthread_mutex_lock(&pool->mutex);
	before = pool->in_vain;
	pool->returning++;
	while (!ret && !is_over(pool, job) && !has_room(pool))
		ret = pthread_cond_timedwait(&pool->has_room, &pool->mutex,
					     &until);
	pool->returning--;
	pool->running++;
	if (pool->in_vain > before) {
		retry->tries += pool->in_vain - before;
		retry->pauses += pool->in_vain - before;
	}
	/* There may be room for another one. */
	pthread_cond_signal(&pool->has_work);
	pthread_mutex_unlock(&pool->mutex);
	return !ret;
}

static int try(struct worker *worker, struct job *job)
{
	err_clear(&job->err);
	if (is_over(worker->pool, job))
		return err_set(&job->err, ERR_CANCELED, "stopped");
	http_forget(worker->http);
	if (!job->run(job, worker->http, &job->err))
		return 0;
	http_name_peer(worker->http, &job->err);
	/* No kind would mean that all went well. */
	return err_set(&job->err, ERR_LOCAL, "failed for an unknown reason");
}

static void run(struct worker *worker, struct job *job)
{
	struct pool *pool = worker->pool;
	struct retry retry = RETRY_INIT;
	struct retry_facts facts = { .begun_ms = clock_ms() };
	bool is_patient = true;
	unsigned pause_ms;

	while (try(worker, job)) {
		facts.now_ms = clock_ms();
		facts.moved_ms = atomic_load(&pool->shared->moved_ms);
		facts.random = clock_random();
		if (job->has_gained)
			retry = (struct retry)RETRY_INIT;
		job->has_gained = false;
		if (job->is_tried_once)
			break;
		facts.is_aside = is_patient && retry_is_crowded(&job->err) &&
				 step_aside(pool);
		if (!retry_again(&retry, &pool->policy, &job->err, &facts,
				 &pause_ms))
			break;
		if (facts.is_aside)
			log_info("%s; again when another is done",
				 job->err.msg);
		else
			log_info("%s; try %u again in %u ms", job->err.msg,
				 retry.pauses, pause_ms);
		pause_for(pool, job, pause_ms);
		if (facts.is_aside)
			is_patient = come_back(pool, job, &retry);
		facts.begun_ms = clock_ms();
	}
	if (retry.pauses && err_is_transient(&job->err))
		err_wrap(&job->err, "gave up after %u tries", retry.pauses + 1);
}

/* With the mutex held. */
static void note_success(struct pool *pool)
{
	pool->in_vain = 0;
	if (ceiling_raise(&pool->ceiling))
		pthread_cond_signal(&pool->has_work);
}

static void bring_back(struct pool *pool, struct job *job)
{
	put(&pool->done, job);
	tell(pool);
}

/* The next job to run; NULL when the pool closes. */
static struct job *next_job(struct pool *pool)
{
	while (!pool->closing) {
		if (pool->work.first && has_room(pool) && !pool->returning) {
			pool->running++;
			return take(&pool->work);
		}
		pthread_cond_wait(&pool->has_work, &pool->mutex);
	}
	return NULL;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct pool *pool = worker->pool;
	struct job *job;

	pthread_mutex_lock(&pool->mutex);
	while ((job = next_job(pool))) {
		pthread_mutex_unlock(&pool->mutex);
		run(worker, job);
		pthread_mutex_lock(&pool->mutex);
		pool->running--;
		if (!job->err.kind)
			note_success(pool);
		bring_back(pool, job);
		pthread_cond_broadcast(&pool->has_room);
		if (pool->work.first)
			pthread_cond_signal(&pool->has_work);
	}
	pool->alive--;
	pthread_cond_signal(&pool->has_done);
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static int start_worker(struct pool *pool, struct err *err)
{
	struct worker *worker = &pool->workers[pool->nworkers];
	int errnum;

	worker->pool = pool;
	worker->http = http_new(pool->shared, err);
	if (!worker->http)
		return -1;
	pthread_mutex_lock(&pool->mutex);
	errnum = pthread_create(&worker->thread, NULL, work, worker);
	if (!errnum) {
		pool->nworkers++;
		pool->alive++;
	}
	pthread_mutex_unlock(&pool->mutex);
	if (!errnum)
		return 0;
	http_free(worker->http);
	return err_sys(err, errnum, "cannot start a thread");
}

/* As many workers as there is work for; fewer will do, but not none. */
static int need_workers(struct pool *pool, struct err *err)
{
	unsigned n = pool->outstanding;

	if (n > pool->limit)
		n = pool->limit;
	if (n > pool->max_workers)
		n = pool->max_workers;
	while (pool->nworkers < n)
		if (start_worker(pool, err))
			return pool->nworkers ? 0 : -1;
	return 0;
}

void pool_submit(struct pool *pool, struct job *job)
{
	int ret;

	pool->outstanding++;
	err_clear(&job->err);
	ret = need_workers(pool, &job->err);
	pthread_mutex_lock(&pool->mutex);
	if (ret) {
		bring_back(pool, job);
	} else {
		err_clear(&job->err);
		put(&pool->work, job);
		pthread_cond_signal(&pool->has_work);
	}
	pthread_mutex_unlock(&pool->mutex);
}

void pool_limit(struct pool *pool, unsigned n)
{
	struct err ignored = ERR_INIT;

	if (n == pool->limit)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->limit = n;
	pthread_cond_broadcast(&pool->has_work);
	pthread_cond_broadcast(&pool->has_room);
	pthread_mutex_unlock(&pool->mutex);
	need_workers(pool, &ignored);
}

unsigned pool_outstanding(const struct pool *pool)
{
	return pool->outstanding;
}

struct job *pool_wait(struct pool *pool, int timeout_ms)
{
	struct timespec until = cond_deadline((unsigned)timeout_ms);
	struct job *job;
	int ret = 0;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->done.first && !pool->woken && !ret)
		ret = pthread_cond_timedwait(&pool->has_done, &pool->mutex,
					     &until);
	pool->woken = false;
	job = take(&pool->done);
	pthread_mutex_unlock(&pool->mutex);
	if (!job)
		return NULL;
	if (!--pool->outstanding)
		atomic_store(&pool->shared->stop, false);
	return job;
}

void pool_on_news(struct pool *pool, void (*ring)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&pool->mutex);
	pool->ring = ring;
	pool->ring_ctx = ctx;
	pthread_mutex_unlock(&pool->mutex);
}

void pool_wake(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->woken = true;
	tell(pool);
	pthread_mutex_unlock(&pool->mutex);
}

static void wake_workers(struct pool *pool)
{
	for (unsigned i = 0; i < pool->nworkers; i++)
		http_wake(pool->workers[i].http);
}

void pool_look_again(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pthread_cond_broadcast(&pool->has_stopped);
	pthread_cond_broadcast(&pool->has_room);
	pthread_mutex_unlock(&pool->mutex);
}

void pool_cancel(struct pool *pool)
{
	struct job *job;

	if (!pool->outstanding)
		return;
	atomic_store(&pool->shared->stop, true);
	pthread_mutex_lock(&pool->mutex);
	while ((job = take(&pool->work))) {
		err_set(&job->err, ERR_CANCELED, "stopped");
		bring_back(pool, job);
	}
	pthread_mutex_unlock(&pool->mutex);
	pool_look_again(pool);
	wake_workers(pool);
}

/* True once all threads have ended. */
static bool close_workers(struct pool *pool, int timeout_ms)
{
	struct timespec until = cond_deadline((unsigned)timeout_ms);
	bool ended;
	int ret = 0;

	pthread_mutex_lock(&pool->mutex);
	pool->closing = true;
	pthread_cond_broadcast(&pool->has_work);
	while (pool->alive && !ret)
		ret = pthread_cond_timedwait(&pool->has_done, &pool->mutex,
					     &until);
	ended = !pool->alive;
	pthread_mutex_unlock(&pool->mutex);
	return ended;
}

bool pool_free(struct pool *pool, int timeout_ms)
{
	if (!pool)
		return true;
	pool_cancel(pool);
	if (!close_workers(pool, timeout_ms))
		return false;
	for (unsigned i = 0; i < pool->nworkers; i++) {
		pthread_join(pool->workers[i].thread, NULL);
		http_free(pool->workers[i].http);
	}
	pthread_cond_destroy(&pool->has_work);
	pthread_cond_destroy(&pool->has_done);
	pthread_cond_destroy(&pool->has_stopped);
	pthread_cond_destroy(&pool->has_room);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->workers);
	free(pool);
	return true;
}
