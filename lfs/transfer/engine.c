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
	struct source_memory *sources;
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

struct source_memory *engine_sources(const struct engine *engine)
{
	return engine->sources;
}

static void set_shared(struct engine *engine)
{
	engine->shared.options_for = httpconf_options_for;
	engine->shared.ctx = engine->context->httpconf;
	engine->shared.connect_ms = engine->context->settings.connect_ms;
	engine->shared.stall_ms = engine->context->settings.stall_ms;
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
				     engine->context->is_upload);
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
	engine->sources = source_memory_new();
	set_shared(engine);
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
	unsigned each = engine->context->is_upload ?
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
	source_memory_free(engine->sources);
	free(engine);
	return true;
}

enum {
	LINES = 256,	/* the most connections: lfsmultipart.connections */
	SAMPLES = 24,
	STEP_MS = 250,	/* between two samples: six seconds of them */
	LONG_MS = 5000,
	LONG_PART = 10,
	SHORT_MS = 3000,
	SHORT_PART = 4,
	RECENT_MS = 10000,	/* so long a sibling counts that is idle */
	CLOSED_MAX = 2,
	LEAST = 1024	/* bytes a second */
};

/* Bytes after so much time in which they moved. */
struct sample {
	uint64_t ms;
	uint64_t bytes;
};

struct line {
	const void *id;
	uint64_t last_ms;	/* when it last had news */
	uint64_t moved, busy_ms;	/* of the request */
	struct sample samples[SAMPLES];	/* the last one is now */
	unsigned nsamples;
	struct sample since;	/* when its rate by itself was last judged */
};

struct pace {
	pthread_mutex_t mutex;
	unsigned stall_ms;
	struct line *lines[LINES];	/* owned */
	unsigned nlines;
};

struct pace *pace_new(unsigned stall_ms)
{
	struct pace *pace = xcalloc(1, sizeof(*pace));

	pthread_mutex_init(&pace->mutex, NULL);
	pace->stall_ms = stall_ms;
	return pace;
}

static void begin_anew(struct line *line)
{
	line->nsamples = 1;
	line->samples[0] = line->since = (struct sample){ .ms = 0 };
}

static struct line *find(struct pace *pace, const void *id)
{
	for (unsigned i = 0; i < pace->nlines; i++)
		if (pace->lines[i]->id == id)
			return pace->lines[i];
	if (pace->nlines == LINES)
		return NULL;
	pace->lines[pace->nlines] = xcalloc(1, sizeof(struct line));
	pace->lines[pace->nlines]->id = id;
	begin_anew(pace->lines[pace->nlines]);
	return pace->lines[pace->nlines++];
}

static struct sample latest(const struct line *line)
{
	return line->samples[line->nsamples - 1];
}

static void add(struct line *line, const struct pace_news *news)
{
	struct sample now = latest(line);
	bool is_new = news->moved < line->moved ||
		      news->busy_ms < line->busy_ms;

	now.bytes += news->moved - (is_new ? 0 : line->moved);
	now.ms += news->busy_ms - (is_new ? 0 : line->busy_ms);
	line->moved = news->moved;
	line->busy_ms = news->busy_ms;
	line->last_ms = news->now_ms;
	if (line->nsamples > 1 &&
	    now.ms - line->samples[line->nsamples - 2].ms < STEP_MS)
		line->nsamples--;
	if (line->nsamples == SAMPLES)
		memmove(line->samples, line->samples + 1,
			--line->nsamples * sizeof(now));
	line->samples[line->nsamples++] = now;
}

/* Bytes a second over the last `ms`, or over all there is if that is less. */
static uint64_t rate_of(const struct line *line, uint64_t ms, bool *is_whole)
{
	struct sample now = latest(line), then = line->samples[0];

	for (unsigned i = 0; i < line->nsamples; i++)
		if (now.ms - line->samples[i].ms >= ms)
			then = line->samples[i];
	*is_whole = now.ms - then.ms >= ms;
	if (now.ms == then.ms)
		return (now.bytes - then.bytes) * 1000;
	return (now.bytes - then.bytes) * 1000 / (now.ms - then.ms);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of two in the middle, the faster one. */
static uint64_t median_of(const struct pace *pace, uint64_t now_ms, uint64_t ms)
{
	uint64_t rates[LINES];
	unsigned n = 0;
	bool ignored;

	for (unsigned i = 0; i < pace->nlines; i++)
		if (now_ms - pace->lines[i]->last_ms <= RECENT_MS)
			rates[n++] = rate_of(pace->lines[i], ms, &ignored);
	qsort(rates, n, sizeof(rates[0]), compare);
	return rates[n / 2];
}

static bool is_slower(const struct pace *pace, const struct line *line,
		      uint64_t ms, unsigned part)
{
	bool is_whole;
	uint64_t rate = rate_of(line, ms, &is_whole);

	return is_whole && rate < median_of(pace, line->last_ms, ms) / part;
}

/* Bytes a second, of all that move just now. */
static uint64_t rate_of_all(const struct pace *pace, uint64_t now_ms)
{
	uint64_t rate = 0;
	bool ignored;

	for (unsigned i = 0; i < pace->nlines; i++)
		if (now_ms - pace->lines[i]->last_ms <= RECENT_MS)
			rate += rate_of(pace->lines[i], LONG_MS, &ignored);
	return rate;
}

/* Judged once in a stall time.  One that others outrun is not judged here. */
static bool is_slow(const struct pace *pace, struct line *line)
{
	struct sample now = latest(line);
	uint64_t ms = now.ms - line->since.ms;
	uint64_t bytes = now.bytes - line->since.bytes;

	if (ms < pace->stall_ms)
		return false;
	line->since = now;
	return bytes < ms * LEAST / 1000 &&
	       rate_of_all(pace, line->last_ms) < LEAST;
}

static enum pace_verdict judge(const struct pace *pace, struct line *line,
			       const struct pace_news *news)
{
	if (is_slow(pace, line))
		return PACE_SLOW;
	if (news->is_spared || news->closed >= CLOSED_MAX)
		return PACE_GOOD;
	if (is_slower(pace, line, LONG_MS, LONG_PART) ||
	    (news->is_last && is_slower(pace, line, SHORT_MS, SHORT_PART)))
		return PACE_SLOWER;
	return PACE_GOOD;
}

enum pace_verdict pace_note(struct pace *pace, const struct pace_news *news)
{
	enum pace_verdict verdict = PACE_GOOD;
	struct line *line;

	pthread_mutex_lock(&pace->mutex);
	line = find(pace, news->id);
	if (line) {
		add(line, news);
		if (!news->is_over)
			verdict = judge(pace, line, news);
		if (verdict != PACE_GOOD)
			begin_anew(line);
	}
	pthread_mutex_unlock(&pace->mutex);
	return verdict;
}

void pace_free(struct pace *pace)
{
	if (!pace)
		return;
	for (unsigned i = 0; i < pace->nlines; i++)
		free(pace->lines[i]);
	pthread_mutex_destroy(&pace->mutex);
	free(pace);
}

static int part_job_watch(void *ctx, uint64_t moved, uint64_t busy_ms,
			  struct err *err)
{
	struct part_job *slot = ctx;
	const struct pace_news news = {
		.id = slot->http,
		.now_ms = clock_ms(),
		.moved = moved,
		.busy_ms = busy_ms,
		.closed = slot->closed,
		.is_spared = slot->object->plan->direction == UPLOAD &&
			     moved > slot->part->size / 2,
		.is_last = !pool_has_work(slot->pool),
		.is_over = !err,
	};

	switch (pace_note(slot->pace, &news)) {
	case PACE_SLOWER:
		slot->closed++;
		slot->job.goes_on = true;
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
	struct part_job *slot = (struct part_job *)job;
	struct object *object = slot->object;
	const struct http_watch watch = { part_job_watch, slot };
	uint64_t before = slot->part->done;
	int ret;

	slot->http = http;
	http_set_watch(http, &watch);
	if (object->plan->direction == UPLOAD) {
		ret = upload_part(object, slot->part, http, err);
	} else {
		ret = download_part(object, slot->part, http, err);
		/* It goes on from there: a bad line gets it done, too. */
		job->has_gained = slot->part->done >= before + OBJECT_GAIN;
	}
	http_set_watch(http, NULL);
	if (ret && object->plan->nparts > 1)
		err_wrap(err, "part %u of %zu", slot->part->number,
			 object->plan->nparts);
	return ret;
}

static bool part_job_is_wanted(const struct job *job)
{
	const struct part_job *slot = (const struct part_job *)job;

	return !atomic_load(&slot->object->stopped);
}

void engine_submit(struct engine *engine, struct part_job *slot)
{
	slot->job.run = part_job_run;
	slot->job.is_wanted = part_job_is_wanted;
	slot->job.url = slot->part->href ? slot->part->href :
					   slot->object->plan->action.href;
	slot->job.goes_on = false;
	slot->pool = engine->pool;
	slot->closed = 0;
	pool_submit(engine->pool, &slot->job);
}
