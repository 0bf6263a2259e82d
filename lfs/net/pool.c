/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/wait.h"
#include "lfs/net/budget.h"
#include "lfs/net/retry.h"

enum { LONG_MS = 10000 };	/* a pause that people wonder about */

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
	struct budget *budget;	/* borrowed, or NULL; with the mutex held */
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

struct http_shared *pool_shared(const struct pool *pool)
{
	return pool->shared;
}

void pool_set_budget(struct pool *pool, struct budget *budget)
{
	pool->budget = budget;
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

/*
 * With the mutex held: may this job run now?  Then it does, in its place.  One
 * that is not wanted runs to its end at once.
 */
static bool admit(struct pool *pool, struct job *job)
{
	job->place = -1;
	if (!has_room(pool) ||
	    (pool->budget && job->url && !is_over(pool, job) &&
	     !budget_enter(pool->budget, job->url, &job->place)))
		return false;
	pool->running++;
	return true;
}

/* With the mutex held: a place may become free without a word. */
static int wait_for_place(struct pool *pool, pthread_cond_t *cond)
{
	struct timespec until = cond_deadline(BUDGET_POLL_MS);

	return pthread_cond_timedwait(cond, &pool->mutex, &until);
}

/* How many others, of any process, have a place at the job's host? */
static unsigned leave(struct pool *pool, struct job *job)
{
	unsigned others = 0;

	if (job->place < 0)
		return 0;
	pthread_mutex_lock(&pool->mutex);
	others = budget_leave(pool->budget, job->place);
	pthread_mutex_unlock(&pool->mutex);
	job->place = -1;
	return others;
}

/*
 * The last one that runs stays, and its tries count; but not while others, of
 * another process, are at the same host.
 */
static bool step_aside(struct pool *pool, const struct job *job,
		       unsigned others)
{
	bool has_others;

	pthread_mutex_lock(&pool->mutex);
	has_others = pool->running > 1 || others;
	if (has_others)
		pool->running--;
	else
		pool->in_vain++;
	if (others && retry_wants_fewer(&job->err))
		budget_fewer(pool->budget, job->url, others);
	else if (has_others)
		ceiling_lower(&pool->ceiling, pool->running);
	pthread_mutex_unlock(&pool->mutex);
	return has_others;
}

/*
 * Wait for room.  What the last one tries in vain meanwhile counts for all, or
 * a server that is down would be waited for by one after the other.  False if
 * nobody makes room: those that run may be waiting for this one.
 */
static bool come_back(struct pool *pool, struct job *job, struct retry *retry)
{
	uint64_t until = clock_ms() + pool->policy.offline_ms;
	bool has_come, is_alone;
	unsigned before;

	pthread_mutex_lock(&pool->mutex);
	before = pool->in_vain;
	pool->returning++;
	while (!(has_come = admit(pool, job)) && !is_over(pool, job) &&
	       clock_ms() < until)
		wait_for_place(pool, &pool->has_room);
	is_alone = !pool->running;
	if (!has_come)
		pool->running++;
	pool->returning--;
	if (pool->in_vain > before) {
		retry->tries += pool->in_vain - before;
		retry->pauses += pool->in_vain - before;
	}
	/* There may be room for another one. */
	pthread_cond_signal(&pool->has_work);
	pthread_mutex_unlock(&pool->mutex);
	return has_come || is_alone;
}

/* The same for one that has room, but had left its place. */
static void come_to_place(struct pool *pool, struct job *job)
{
	uint64_t until = clock_ms() + pool->policy.offline_ms;

	if (!pool->budget || !job->url)
		return;
	pthread_mutex_lock(&pool->mutex);
	while (!is_over(pool, job) && clock_ms() < until &&
	       !budget_enter(pool->budget, job->url, &job->place))
		wait_for_place(pool, &pool->has_room);
	pthread_mutex_unlock(&pool->mutex);
}

/* A job that has got no place goes without: other agents shall not make room. */
static void stop_waiting(struct pool *pool, const struct job *job)
{
	if (!pool->budget || !job->url || job->place >= 0)
		return;
	pthread_mutex_lock(&pool->mutex);
	budget_stop_waiting(pool->budget);
	pthread_mutex_unlock(&pool->mutex);
}

/* Has the host of the latest request answered, now or ever? */
static void note_host(struct worker *worker, uint64_t begun_ms, struct err *err)
{
	struct hosts *hosts = &worker->pool->shared->hosts;
	const char *url = http_url(worker->http);

	if (!url)
		return;
	if (retry_is_unreached(err))
		err->unmet_ms = (unsigned)hosts_unmet(hosts, url, begun_ms,
						      clock_ms());
	else if (err->code >= 500)
		hosts_answered(hosts, url);
}

static int try(struct worker *worker, struct job *job, unsigned *others)
{
	uint64_t begun_ms = clock_ms();
	int ret;

	err_clear(&job->err);
	*others = 0;
	stop_waiting(worker->pool, job);
	if (is_over(worker->pool, job)) {
		leave(worker->pool, job);
		return err_set(&job->err, ERR_CANCELED, "stopped");
	}
	http_forget(worker->http);
	ret = job->run(job, worker->http, &job->err);
	*others = leave(worker->pool, job);
	if (!ret)
		return 0;
	note_host(worker, begun_ms, &job->err);
	http_name_peer(worker->http, &job->err);
	/* No kind would mean that all went well. */
	return err_set(&job->err, ERR_LOCAL, "failed for an unknown reason");
}

/* The tries of one job. */
struct tries {
	struct retry retry;
	struct retry_facts facts;
	bool is_patient;
	unsigned others;	/* at the same host, when the last one ended */
};

/* A try has failed: shall there be another one, and after what pause? */
static bool may_try(struct pool *pool, struct job *job, struct tries *tries,
		    unsigned *pause_ms)
{
	struct retry_facts *facts = &tries->facts;

	if (retry_is_too_long(&pool->policy, &job->err))
		return false;
	facts->now_ms = clock_ms();
	facts->moved_ms = atomic_load(&pool->shared->moved_ms);
	facts->random = clock_random();
	if (job->has_gained)
		tries->retry = (struct retry)RETRY_INIT;
	job->has_gained = false;
	facts->is_aside = tries->is_patient && !job->err.unmet_ms &&
			  (tries->others || !job->is_tried_once) &&
			  retry_may_wait(&tries->retry, &job->err) &&
			  step_aside(pool, job, tries->others);
	if (job->is_tried_once && !facts->is_aside)
		return false;
	return retry_again(&tries->retry, &pool->policy, &job->err, facts,
			   pause_ms);
}

static void give_up(struct pool *pool, struct job *job,
		    const struct retry *retry)
{
	unsigned again = retry->pauses + retry->asides;

	if (again && err_is_transient(&job->err))
		err_wrap(&job->err, "gave up after %u tries", again + 1);
	if (retry_is_too_long(&pool->policy, &job->err))
		err_append(&job->err,
			   "; it asks to wait for %d s, which is more than "
			   "lfs.transfer.maxRetryTime (%u s): come back later",
			   job->err.wait_ms / 1000,
			   pool->policy.longest_ms / 1000);
	/* Then it was not for their number. */
	if (pool->budget && job->url && job->err.kind == ERR_REFUSED &&
	    retry_wants_fewer(&job->err))
		budget_forget(pool->budget, job->url);
}

/* A long pause is one to be noticed. */
static void say_pause(const struct job *job, const struct tries *tries,
		      unsigned pause_ms)
{
	if (pause_ms >= LONG_MS)
		log_warn("%s; %stry %u again in %u s", job->err.msg,
			 job->err.wait_ms ? "the server asks to wait: " : "",
			 tries->retry.pauses, pause_ms / 1000);
	else if (tries->facts.is_aside)
		log_info("%s; again when another is done", job->err.msg);
	else
		log_info("%s; try %u again in %u ms", job->err.msg,
			 tries->retry.pauses, pause_ms);
}

static void run(struct worker *worker, struct job *job)
{
	struct pool *pool = worker->pool;
	struct tries tries = { .facts.begun_ms = clock_ms(),
			       .is_patient = true };
	unsigned pause_ms;

	while (try(worker, job, &tries.others)) {
		if (job->goes_on) {
			job->goes_on = false;
			log_info("%s; asking for the rest anew", job->err.msg);
			come_to_place(pool, job);
			continue;
		}
		if (!may_try(pool, job, &tries, &pause_ms)) {
			give_up(pool, job, &tries.retry);
			return;
		}
		say_pause(job, &tries, pause_ms);
		pause_for(pool, job, pause_ms);
		if (tries.facts.is_aside)
			tries.is_patient = come_back(pool, job, &tries.retry);
		else
			come_to_place(pool, job);
		tries.facts.begun_ms = clock_ms();
	}
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
		struct job *job = pool->work.first;

		if (job && !pool->returning && admit(pool, job))
			return take(&pool->work);
		if (job && pool->budget)
			wait_for_place(pool, &pool->has_work);
		else
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

bool pool_has_work(struct pool *pool)
{
	bool has;

	pthread_mutex_lock(&pool->mutex);
	has = pool->work.first != NULL;
	pthread_mutex_unlock(&pool->mutex);
	return has;
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
	if (pool->budget)
		budget_stop_waiting(pool->budget);
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
