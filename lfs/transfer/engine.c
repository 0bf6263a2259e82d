/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/git/httpconf.h"
#include "lfs/mode/plan.h"
#include "lfs/net/budget.h"
#include "lfs/net/http.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/transfer/download.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/source.h"
#include "lfs/transfer/unfinished.h"
#include "lfs/transfer/upload.h"

enum {
	BUDGET_EVERY_MS = 100,
	FIRST_MS = 10000,	/* for the first sign of life of a server */
	RATE_BYTES = 8 << 20,	/* a connection must have moved, and for */
	RATE_MS = 1000	/* so long, to tell its rate */
};

struct engine {
	struct context *context;	/* borrowed */
	struct http_shared shared;
	struct pool *pool;	/* owned, as all below */
	struct budget *budget;
	struct source_memory sources;
	uint64_t rate;	/* of a connection, in bytes a second; 0: not known */
	int handed_over;	/* the file that git-lfs is at, or -1 */
	uint64_t budget_ms;	/* when it was last looked at; 0: not yet */
};

struct context *engine_context(const struct engine *engine)
{
	return engine->context;
}

struct pool *engine_pool(const struct engine *engine)
{
	return engine->pool;
}

struct budget *engine_budget(const struct engine *engine)
{
	return engine->budget;
}

struct source_memory *engine_sources(struct engine *engine)
{
	return &engine->sources;
}

struct retry_policy engine_retry_policy(const struct engine *engine)
{
	const struct settings *settings = &engine->context->settings;

	return (struct retry_policy){
		.retries = settings->retries,
		.max_delay_ms = settings->max_retry_delay_ms,
		.offline_ms = settings->offline_ms,
		.first_ms = settings->offline_ms < FIRST_MS ?
				    settings->offline_ms :
				    FIRST_MS,
		.longest_ms = settings->max_retry_time_ms,
	};
}

struct pool *engine_new_pool(struct engine *engine, unsigned max_workers)
{
	const struct retry_policy policy = engine_retry_policy(engine);

	return pool_new(max_workers, &engine->shared, &policy);
}

static void make_pool(struct engine *engine, unsigned nagents)
{
	const struct settings *settings = &engine->context->settings;
	char *path = xstrfmt("%s/connections",
			     engine->context->storage.multipart_dir);

	engine->budget = budget_open(path,
				     engine->context->storage.dir_mode & 0666,
				     settings->connections, nagents,
				     engine->context->direction == UPLOAD);
	engine->pool = engine_new_pool(engine, settings->connections);
	pool_set_budget(engine->pool, engine->budget);
	free(path);
}

struct engine *engine_new(struct context *context, unsigned nagents,
			  struct err *err)
{
	struct engine *engine;

	if (http_setup(err))
		return NULL;
	unfinished_tidy(&context->storage, context->settings.prune_days);
	engine = xcalloc(1, sizeof(*engine));
	engine->context = context;
	engine->handed_over = -1;
	engine->shared.options_for = httpconf_options_for;
	engine->shared.ctx = context->httpconf;
	engine->shared.connect_ms = context->settings.connect_ms;
	engine->shared.stall_ms = context->settings.stall_ms;
	make_pool(engine, nagents);
	return engine;
}

void engine_join(struct engine *engine, const struct engine *other)
{
	budget_join(engine->budget, other->budget);
}

void engine_keep_file(struct engine *engine, int fd)
{
	if (engine->handed_over >= 0)
		close(engine->handed_over);
	engine->handed_over = fd;
}

void engine_note_rate(struct engine *engine, uint64_t bytes, uint64_t ms)
{
	unsigned share = budget_share(engine->budget);

	if (ms >= RATE_MS && bytes / share >= RATE_BYTES)
		engine->rate = bytes / share * 1000 / ms;
}

uint64_t engine_part_size(const struct engine *engine, uint64_t size)
{
	const struct settings *settings = &engine->context->settings;
	unsigned each = engine->context->direction == UPLOAD ?
				0 :
				budget_share(engine->budget);

	return plan_part_size(size, settings->connections, each, engine->rate,
			      settings->part_size);
}

void engine_hold_budget(struct engine *engine)
{
	budget_hold(engine->budget);
	engine->budget_ms = 0;
}

void engine_heed_budget(struct engine *engine, unsigned least)
{
	uint64_t now = clock_ms();
	unsigned share;

	if (engine->budget_ms && now - engine->budget_ms < BUDGET_EVERY_MS)
		return;
	engine->budget_ms = now;
	share = budget_share(engine->budget);
	pool_limit(engine->pool, share > least ? share : least);
}

bool engine_free(struct engine *engine, int timeout_ms)
{
	if (!engine)
		return true;
	if (!pool_free(engine->pool, timeout_ms))
		return false;
	engine_keep_file(engine, -1);
	budget_free(engine->budget);
	free(engine->sources.url);
	free(engine);
	return true;
}

enum {
	CONNECTIONS_MAX = 256,	/* lfsmultipart.connections */
	SAMPLES = 24,
	STEP_MS = 250,	/* between two samples, so six seconds of them */
	LONG_MS = 5000,
	LONG_PART = 10,
	SHORT_MS = 3000,
	SHORT_PART = 4,
	RECENT_MS = 10000,	/* for which an idle sibling still counts */
	CLOSED_MAX = 2,
	LEAST = 1024	/* bytes a second */
};

/* Bytes, and the time in which they moved. */
struct sample {
	uint64_t ms;
	uint64_t bytes;
};

struct connection {
	const void *id;
	uint64_t last_ms;	/* when it last had news */
	uint64_t moved, busy_ms;	/* of the request */
	struct sample samples[SAMPLES];	/* the last one is of now */
	unsigned nsamples;
	struct sample since;	/* when is_slow() last judged it */
};

struct pace {
	pthread_mutex_t mutex;
	unsigned stall_ms;
	struct connection *connections[CONNECTIONS_MAX];	/* owned */
	unsigned nconnections;
};

struct pace *pace_new(unsigned stall_ms)
{
	struct pace *pace = xcalloc(1, sizeof(*pace));

	pthread_mutex_init(&pace->mutex, NULL);
	pace->stall_ms = stall_ms;
	return pace;
}

static void forget_samples(struct connection *connection)
{
	connection->nsamples = 1;
	connection->samples[0] = connection->since = (struct sample){ .ms = 0 };
}

static struct connection *find_connection(struct pace *pace, const void *id)
{
	struct connection *found;

	for (unsigned i = 0; i < pace->nconnections; i++)
		if (pace->connections[i]->id == id)
			return pace->connections[i];
	if (pace->nconnections == CONNECTIONS_MAX)
		return NULL;
	found = xcalloc(1, sizeof(*found));
	found->id = id;
	forget_samples(found);
	return pace->connections[pace->nconnections++] = found;
}

static struct sample latest_sample(const struct connection *connection)
{
	return connection->samples[connection->nsamples - 1];
}

static void add_sample(struct connection *connection,
		       const struct pace_news *news)
{
	struct sample now = latest_sample(connection);
	bool is_new = news->moved < connection->moved ||
		      news->busy_ms < connection->busy_ms;

	now.bytes += news->moved - (is_new ? 0 : connection->moved);
	now.ms += news->busy_ms - (is_new ? 0 : connection->busy_ms);
	connection->moved = news->moved;
	connection->busy_ms = news->busy_ms;
	connection->last_ms = news->now_ms;
	if (connection->nsamples > 1 &&
	    now.ms - connection->samples[connection->nsamples - 2].ms < STEP_MS)
		connection->nsamples--;
	if (connection->nsamples == SAMPLES)
		memmove(connection->samples, connection->samples + 1,
			--connection->nsamples * sizeof(now));
	connection->samples[connection->nsamples++] = now;
}

/*
 * Bytes a second over the last `ms`; `*is_whole` is false if there are fewer.
 */
static uint64_t rate_of(const struct connection *connection, uint64_t ms,
			bool *is_whole)
{
	struct sample now = latest_sample(connection),
		      then = connection->samples[0];

	for (unsigned i = 0; i < connection->nsamples; i++)
		if (now.ms - connection->samples[i].ms >= ms)
			then = connection->samples[i];
	*is_whole = now.ms - then.ms >= ms;
	if (now.ms == then.ms)
		return (now.bytes - then.bytes) * 1000;
	return (now.bytes - then.bytes) * 1000 / (now.ms - then.ms);
}

static int compare_rates(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The median of the recent rates; of two in the middle, the faster one. */
static uint64_t median_of(const struct pace *pace, uint64_t now_ms, uint64_t ms)
{
	uint64_t rates[CONNECTIONS_MAX];
	unsigned n = 0;
	bool ignored;

	for (unsigned i = 0; i < pace->nconnections; i++)
		if (now_ms - pace->connections[i]->last_ms <= RECENT_MS)
			rates[n++] = rate_of(pace->connections[i], ms,
					     &ignored);
	qsort(rates, n, sizeof(rates[0]), compare_rates);
	return rates[n / 2];
}

static bool is_slower(const struct pace *pace,
		      const struct connection *connection, uint64_t ms,
		      unsigned part)
{
	bool is_whole;
	uint64_t rate = rate_of(connection, ms, &is_whole);

	return is_whole &&
	       rate < median_of(pace, connection->last_ms, ms) / part;
}

/* Bytes a second of all recent connections. */
static uint64_t rate_of_all(const struct pace *pace, uint64_t now_ms)
{
	uint64_t rate = 0;
	bool ignored;

	for (unsigned i = 0; i < pace->nconnections; i++)
		if (now_ms - pace->connections[i]->last_ms <= RECENT_MS)
			rate += rate_of(pace->connections[i], LONG_MS,
					&ignored);
	return rate;
}

/* Is it too slow by itself?  Judged once in a stall time. */
static bool is_slow(const struct pace *pace, struct connection *connection)
{
	struct sample now = latest_sample(connection);
	uint64_t ms = now.ms - connection->since.ms;
	uint64_t bytes = now.bytes - connection->since.bytes;

	if (ms < pace->stall_ms)
		return false;
	connection->since = now;
	return bytes < ms * LEAST / 1000 &&
	       rate_of_all(pace, connection->last_ms) < LEAST;
}

static enum pace_verdict judge_connection(const struct pace *pace,
					  struct connection *connection,
					  const struct pace_news *news)
{
	if (is_slow(pace, connection))
		return PACE_SLOW;
	if (news->is_spared || news->closed >= CLOSED_MAX)
		return PACE_GOOD;
	if (is_slower(pace, connection, LONG_MS, LONG_PART) ||
	    (news->is_last &&
	     is_slower(pace, connection, SHORT_MS, SHORT_PART)))
		return PACE_SLOWER;
	return PACE_GOOD;
}

enum pace_verdict pace_note(struct pace *pace, const struct pace_news *news)
{
	enum pace_verdict verdict = PACE_GOOD;
	struct connection *connection;

	pthread_mutex_lock(&pace->mutex);
	connection = find_connection(pace, news->id);
	if (connection) {
		add_sample(connection, news);
		if (!news->is_over)
			verdict = judge_connection(pace, connection, news);
		if (verdict != PACE_GOOD)
			forget_samples(connection);
	}
	pthread_mutex_unlock(&pace->mutex);
	return verdict;
}

void pace_free(struct pace *pace)
{
	if (!pace)
		return;
	for (unsigned i = 0; i < pace->nconnections; i++)
		free(pace->connections[i]);
	pthread_mutex_destroy(&pace->mutex);
	free(pace);
}

static int part_job_watch(void *ctx, uint64_t moved, uint64_t busy_ms,
			  struct err *err)
{
	struct part_job *part_job = ctx;
	const struct pace_news news = {
		.id = part_job->http,
		.now_ms = clock_ms(),
		.moved = moved,
		.busy_ms = busy_ms,
		.closed = part_job->closed,
		.is_spared = part_job->object->plan->direction == UPLOAD &&
			     moved > part_job->part->size / 2,
		.is_last = !pool_has_work(part_job->object->pool),
		.is_over = !err,
	};

	switch (pace_note(part_job->pace, &news)) {
	case PACE_SLOWER:
		part_job->closed++;
		part_job->job.goes_on = true;
		return err_set(err, ERR_NETWORK,
			       "far slower than the object's other connections");
	case PACE_SLOW:
		return err_set(err, ERR_NETWORK, "less than 1 KiB a second");
	default:
		return 0;
	}
}

static int part_job_run(struct job *job, struct http *http, struct err *err)
{
	struct part_job *part_job = (struct part_job *)job;
	struct object *object = part_job->object;
	const struct http_watch watch = { part_job_watch, part_job };
	uint64_t before = part_job->part->done;
	int ret;

	part_job->http = http;
	http_set_watch(http, &watch);
	if (object->plan->direction == UPLOAD) {
		ret = upload_part(object, part_job->part, http, err);
	} else {
		ret = download_part(object, part_job->part, &part_job->route,
				    http, err);
		job->goes_on |= ret && part_job->route.is_anew;
		/* The next try starts there, so a bad line gets it done, too. */
		job->has_gained |= part_job->part->done >= before + OBJECT_GAIN;
	}
	http_set_watch(http, NULL);
	if (ret && object->plan->nparts > 1)
		err_wrap(err, "part %u of %zu", part_job->part->number,
			 object->plan->nparts);
	return ret;
}

static bool part_job_is_wanted(const struct job *job)
{
	const struct part_job *part_job = (const struct part_job *)job;

	return !atomic_load(&part_job->object->stopped);
}

void engine_submit(struct engine *engine, struct part_job *part_job)
{
	part_job->job.run = part_job_run;
	part_job->job.is_wanted = part_job_is_wanted;
	part_job->job.url = part_job->part->href ?
				    part_job->part->href :
				    part_job->object->plan->action.href;
	part_job->job.goes_on = part_job->job.has_gained = false;
	part_job->route = (struct source_route)SOURCE_ROUTE_INIT;
	part_job->closed = 0;
	pool_submit(engine->pool, &part_job->job);
}
