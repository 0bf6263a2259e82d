/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/git/httpconf.h"
#include "lfs/mode/plan.h"
#include "lfs/net/budget.h"
#include "lfs/net/http.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/transfer/source.h"
#include "lfs/transfer/unfinished.h"

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
				     settings->connections, nagents);
	budget_set_upload(engine->budget, engine->context->is_upload);
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
