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

struct jobs {
	struct job *first;
	struct job **end;
};

/*
 * The mutex guards all below it, and is not held while a job runs.  Idle workers
 * have a condition of their own, so that no other waiter eats their wake-up.
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
	pthread_cond_t has_changed;	/* for workers that wait with a job */
	struct jobs work;
	struct jobs done;
	unsigned running;	/* jobs that have a slot */
	unsigned limit;		/* slots, at most max_workers */
	struct ceiling ceiling;
	unsigned failed_tries;	/* of the only running job, since the last success */
	unsigned returning;	/* workers that wait for a slot again */
	unsigned alive;		/* threads that have not ended */
	bool woken;
	bool closing;
	void (*ring)(void *ctx);	/* or NULL */
	void *ring_ctx;
};

static void jobs_put(struct jobs *jobs, struct job *job)
{
	job->next = NULL;
	*jobs->end = job;
	jobs->end = &job->next;
}

static struct job *jobs_take(struct jobs *jobs)
{
	struct job *job = jobs->first;

	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->end = &jobs->first;
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
	cond_init(&pool->has_changed);
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

/* With the mutex held: pool_wait() has reason to return. */
static void pool_notify(struct pool *pool)
{
	pthread_cond_signal(&pool->has_done);
	if (pool->ring)
		pool->ring(pool->ring_ctx);
}

static bool job_is_over(const struct pool *pool, const struct job *job)
{
	return atomic_load(&pool->shared->stop) ||
	       (job->is_wanted && !job->is_wanted(job));
}

static void pool_pause(struct pool *pool, const struct job *job, unsigned ms)
{
	struct timespec until = cond_deadline(ms);
	int ret = 0;

	pthread_mutex_lock(&pool->mutex);
	while (!ret && !job_is_over(pool, job))
		ret = pthread_cond_timedwait(&pool->has_changed, &pool->mutex,
					     &until);
	pthread_mutex_unlock(&pool->mutex);
}

/* With the mutex held: a place may become free without a word. */
static void poll_places(struct pool *pool, pthread_cond_t *cond)
{
	struct timespec until = cond_deadline(BUDGET_POLL_MS);

	pthread_cond_timedwait(cond, &pool->mutex, &until);
}

/*
 * With the mutex held: has the job a place at its host, if it needs one?  A job
 * that is over ends at once, and no agent shall make room for it.
 */
static bool pool_take_place(struct pool *pool, struct job *job)
{
	job->place = -1;
	if (!pool->budget || !job->url)
		return true;
	if (!job_is_over(pool, job))
		return budget_enter(pool->budget, job->url, &job->place);
	budget_stop_waiting(pool->budget);
	return true;
}

/* With the mutex held: if the job may run now, it does, in its place. */
static bool pool_take_slot(struct pool *pool, struct job *job)
{
	if (pool->running >= pool->limit ||
	    pool->running >= pool->ceiling.now || !pool_take_place(pool, job))
		return false;
	pool->running++;
	return true;
}

/* How many others, of any process, have a place at the job's host? */
static unsigned leave_place(struct pool *pool, struct job *job)
{
	unsigned others;

	if (job->place < 0)
		return 0;
	pthread_mutex_lock(&pool->mutex);
	others = budget_leave(pool->budget, job->place);
	pthread_mutex_unlock(&pool->mutex);
	job->place = -1;
	return others;
}

/*
 * The only running job keeps its slot, and its tries count, unless other
 * processes have places at the same host.
 */
static bool release_slot(struct pool *pool, const struct job *job,
			 unsigned others)
{
	bool has_others;

	pthread_mutex_lock(&pool->mutex);
	has_others = pool->running > 1 || others;
	if (has_others)
		pool->running--;
	else
		pool->failed_tries++;
	if (others && retry_wants_fewer(&job->err))
		budget_fewer(pool->budget, job->url, others);
	else if (has_others)
		ceiling_lower(&pool->ceiling, pool->running);
	pthread_mutex_unlock(&pool->mutex);
	return has_others;
}

/* With the mutex held: wait until `take` succeeds; false if it never does. */
static bool await_turn(struct pool *pool, struct job *job,
		       bool (*take)(struct pool *pool, struct job *job))
{
	uint64_t until = clock_ms() + pool->policy.offline_ms;

	while (!take(pool, job)) {
		if (job_is_over(pool, job) || clock_ms() >= until) {
			if (pool->budget)
				budget_stop_waiting(pool->budget);
			return false;
		}
		poll_places(pool, &pool->has_changed);
	}
	return true;
}

/*
 * Tries that fail meanwhile for the only running job count for all; otherwise
 * each job in turn would wait for a server that is down.  False if no slot
 * becomes free: the running jobs may be waiting for this one.
 */
static bool reacquire_slot(struct pool *pool, struct job *job,
			   struct retry *retry)
{
	bool has_slot, is_alone;
	unsigned before;

	pthread_mutex_lock(&pool->mutex);
	before = pool->failed_tries;
	pool->returning++;
	has_slot = await_turn(pool, job, pool_take_slot);
	is_alone = !pool->running;
	if (!has_slot)
		pool->running++;
	pool->returning--;
	if (pool->failed_tries > before) {
		retry->tries += pool->failed_tries - before;
		retry->pauses += pool->failed_tries - before;
	}
	/* There may be a slot for another job. */
	pthread_cond_signal(&pool->has_work);
	pthread_mutex_unlock(&pool->mutex);
	return has_slot || is_alone;
}

/* For a job that has kept its slot. */
static void reacquire_place(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	await_turn(pool, job, pool_take_place);
	pthread_mutex_unlock(&pool->mutex);
}

/* Note whether the host of the latest request has answered, now or ever. */
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

/* The tries of one job. */
struct tries {
	struct retry retry;
	struct retry_facts facts;
	bool is_patient;	/* a slot became free whenever it waited for one */
	unsigned others;	/* at the same host, when the last one ended */
};

static int pool_try(struct worker *worker, struct job *job, struct tries *tries)
{
	int ret;

	err_clear(&job->err);
	tries->others = 0;
	tries->facts.begun_ms = clock_ms();
	if (job_is_over(worker->pool, job)) {
		leave_place(worker->pool, job);
		return err_set(&job->err, ERR_CANCELED, "stopped");
	}
	http_forget(worker->http);
	ret = job->run(job, worker->http, &job->err);
	tries->others = leave_place(worker->pool, job);
	if (!ret)
		return 0;
	note_host(worker, tries->facts.begun_ms, &job->err);
	http_name_peer(worker->http, &job->err);
	/* An error without a kind would be taken for success. */
	return err_set(&job->err, ERR_LOCAL, "failed for an unknown reason");
}

/* Is there another try after one that failed, and after what pause? */
static bool may_try_again(struct pool *pool, struct job *job,
			  struct tries *tries, unsigned *pause_ms)
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
	facts->yields_slot = tries->is_patient && !job->err.unmet_ms &&
			     (tries->others || !job->is_tried_once) &&
			     retry_may_wait(&tries->retry, &job->err) &&
			     release_slot(pool, job, tries->others);
	if (job->is_tried_once && !facts->yields_slot)
		return false;
	return retry_again(&tries->retry, &pool->policy, &job->err, facts,
			   pause_ms);
}

static void give_up(struct pool *pool, struct job *job,
		    const struct retry *retry)
{
	unsigned again = retry->pauses + retry->yields;

	if (again && err_is_transient(&job->err))
		err_wrap(&job->err, "gave up after %u tries", again + 1);
	if (retry_is_too_long(&pool->policy, &job->err))
		err_append(&job->err,
			   "; it asks to wait for %d s, which is more than "
			   "lfs.transfer.maxRetryTime (%u s): come back later",
			   job->err.wait_ms / 1000,
			   pool->policy.longest_ms / 1000);
	/* The number of connections was not why. */
	if (pool->budget && job->url && job->err.kind == ERR_REFUSED &&
	    retry_wants_fewer(&job->err))
		budget_forget(pool->budget, job->url);
}

static void log_pause(const struct job *job, const struct tries *tries,
		      unsigned pause_ms)
{
	if (pause_ms >= LONG_MS)
		log_warn("%s; %stry %u again in %u s", job->err.msg,
			 job->err.wait_ms ? "the server asks to wait: " : "",
			 tries->retry.pauses, pause_ms / 1000);
	else if (tries->facts.yields_slot)
		log_info("%s; again when another is done", job->err.msg);
	else
		log_info("%s; try %u again in %u ms", job->err.msg,
			 tries->retry.pauses, pause_ms);
}

/* Run one job to its end: the only place where a part is tried again. */
static void pool_run(struct worker *worker, struct job *job)
{
	struct pool *pool = worker->pool;
	struct tries tries = { .is_patient = true };
	unsigned pause_ms;

	while (pool_try(worker, job, &tries)) {
		if (job->goes_on) {
			job->goes_on = false;
			log_info("%s; asking anew at once", job->err.msg);
			reacquire_place(pool, job);
			continue;
		}
		if (!may_try_again(pool, job, &tries, &pause_ms)) {
			give_up(pool, job, &tries.retry);
			return;
		}
		log_pause(job, &tries, pause_ms);
		pool_pause(pool, job, pause_ms);
		if (tries.facts.yields_slot)
			tries.is_patient = reacquire_slot(pool, job,
							  &tries.retry);
		else
			reacquire_place(pool, job);
	}
}

/* With the mutex held. */
static void pool_return(struct pool *pool, struct job *job)
{
	jobs_put(&pool->done, job);
	pool_notify(pool);
}

/* The next job to run; NULL when the pool closes. */
static struct job *pool_next(struct pool *pool)
{
	while (!pool->closing) {
		struct job *job = pool->work.first;

		if (job && !pool->returning && pool_take_slot(pool, job))
			return jobs_take(&pool->work);
		if (job && pool->budget)
			poll_places(pool, &pool->has_work);
		else
			pthread_cond_wait(&pool->has_work, &pool->mutex);
	}
	return NULL;
}

static void *pool_work(void *arg)
{
	struct worker *worker = arg;
	struct pool *pool = worker->pool;
	struct job *job;

	pthread_mutex_lock(&pool->mutex);
	while ((job = pool_next(pool))) {
		pthread_mutex_unlock(&pool->mutex);
		pool_run(worker, job);
		pthread_mutex_lock(&pool->mutex);
		pool->running--;
		if (!job->err.kind) {
			pool->failed_tries = 0;
			if (ceiling_raise(&pool->ceiling))
				pthread_cond_signal(&pool->has_work);
		}
		pool_return(pool, job);
		pthread_cond_broadcast(&pool->has_changed);
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
	errnum = pthread_create(&worker->thread, NULL, pool_work, worker);
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

/* As many workers as there are jobs; one at least must start. */
static int start_workers(struct pool *pool, struct err *err)
{
	while (pool->nworkers < pool->outstanding &&
	       pool->nworkers < pool->limit)
		if (start_worker(pool, err))
			return pool->nworkers ? 0 : -1;
	return 0;
}

void pool_submit(struct pool *pool, struct job *job)
{
	int ret;

	pool->outstanding++;
	err_clear(&job->err);
	ret = start_workers(pool, &job->err);
	pthread_mutex_lock(&pool->mutex);
	if (ret) {
		pool_return(pool, job);
	} else {
		err_clear(&job->err);
		jobs_put(&pool->work, job);
		pthread_cond_signal(&pool->has_work);
	}
	pthread_mutex_unlock(&pool->mutex);
}

void pool_limit(struct pool *pool, unsigned n)
{
	struct err ignored = ERR_INIT;

	if (n > pool->max_workers)
		n = pool->max_workers;
	if (n == pool->limit)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->limit = n;
	pthread_cond_broadcast(&pool->has_work);
	pthread_cond_broadcast(&pool->has_changed);
	pthread_mutex_unlock(&pool->mutex);
	start_workers(pool, &ignored);
}

bool pool_has_work(struct pool *pool)
{
	bool has;

	pthread_mutex_lock(&pool->mutex);
	has = pool->work.first != NULL;
	pthread_mutex_unlock(&pool->mutex);
	return has;
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
	job = jobs_take(&pool->done);
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
	pool_notify(pool);
	pthread_mutex_unlock(&pool->mutex);
}

void pool_look_again(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pthread_cond_broadcast(&pool->has_changed);
	pthread_mutex_unlock(&pool->mutex);
}

void pool_cancel(struct pool *pool)
{
	struct job *job;

	if (!pool->outstanding)
		return;
	atomic_store(&pool->shared->stop, true);
	pthread_mutex_lock(&pool->mutex);
	while ((job = jobs_take(&pool->work))) {
		err_set(&job->err, ERR_CANCELED, "stopped");
		pool_return(pool, job);
	}
	if (pool->budget)
		budget_stop_waiting(pool->budget);
	pthread_mutex_unlock(&pool->mutex);
	pool_look_again(pool);
	for (unsigned i = 0; i < pool->nworkers; i++)
		http_wake(pool->workers[i].http);
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
	pthread_cond_destroy(&pool->has_changed);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->workers);
	free(pool);
	return true;
}
