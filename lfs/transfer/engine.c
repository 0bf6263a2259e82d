/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/mode/plan.h"
#include "lfs/remote/certpass.h"
#include "lfs/remote/fetchhead.h"
#include "lfs/remote/gitconfig.h"
#include "lfs/remote/httpconf.h"
#include "lfs/remote/lfsconfig.h"
#include "lfs/transfer/source.h"
#include "lfs/transfer/unfinished.h"

enum {
	BUDGET_EVERY_MS = 100,
	FIRST_MS = 10000,	/* for the first sign of life of a server */
	RATE_BYTES = 8 << 20,	/* a connection must have moved, and for */
	RATE_MS = 1000	/* so long, to tell its rate */
};

static void set_shared(struct engine *engine)
{
	engine->shared.options_for = httpconf_options_for;
	engine->shared.ctx = engine->httpconf;
	engine->shared.connect_ms = engine->settings.connect_ms;
	engine->shared.stall_ms = engine->settings.stall_ms;
}

struct pool *engine_new_pool(struct engine *engine, unsigned max_workers)
{
	const struct settings *settings = &engine->settings;
	const struct retry_policy policy = {
		.retries = settings->retries,
		.max_delay_ms = settings->max_retry_delay_ms,
		.offline_ms = settings->offline_ms,
		.first_ms = settings->offline_ms < FIRST_MS ?
				    settings->offline_ms :
				    FIRST_MS,
		.longest_ms = settings->max_retry_time_ms,
	};

	return pool_new(max_workers, &engine->shared, &policy);
}

static void make_pool(struct engine *engine, unsigned nagents)
{
	const struct settings *settings = &engine->settings;
	char *path = xstrfmt("%s/connections", engine->storage.multipart_dir);

	engine->budget = budget_open(path, engine->storage.dir_mode & 0666,
				     settings->connections, nagents);
	budget_set_upload(engine->budget, engine->is_upload);
	engine->pool = engine_new_pool(engine, settings->connections);
	pool_set_budget(engine->pool, engine->budget);
	free(path);
}

static int find_endpoint(struct engine *engine, struct err *err)
{
	char *fetched = NULL;
	int ret;

	if (engine->lfs_url)
		return endpoint_from_lfs(&engine->endpoint, engine->lfsconfig,
					 engine->lfs_url, engine->is_upload,
					 err);
	ret = endpoint_find(&engine->endpoint, engine->lfsconfig,
			    engine->remote, engine->is_upload, err);
	if (ret && !engine->is_upload &&
	    !endpoint_has_remotes(engine->lfsconfig))
		fetched = fetchhead_url();
	if (fetched) {
		err_clear(err);
		ret = endpoint_find(&engine->endpoint, engine->lfsconfig,
				    fetched, false, err);
	}
	free(fetched);
	return ret;
}

const struct endpoint *engine_endpoint(struct engine *engine, struct err *err)
{
	if (!engine->lfsconfig)
		engine->lfsconfig = lfsconfig_load(engine->config,
						   &engine->repo, err);
	if (!engine->lfsconfig)
		return NULL;
	if (!engine->endpoint.url && find_endpoint(engine, err))
		return NULL;
	return &engine->endpoint;
}

/* Which server it is takes child processes to find: only if it matters. */
static int load_settings(struct engine *engine, struct err *err)
{
	const struct endpoint *endpoint = NULL;
	struct err why = ERR_INIT;

	if (settings_depend_on_url(engine->config)) {
		endpoint = engine_endpoint(engine, &why);
		if (!endpoint)
			log_info("%s: settings for one server do not count",
				 why.msg);
	}
	return settings_load(&engine->settings, engine->config,
			     endpoint ? endpoint->url : NULL, err);
}

static int load_httpconf(struct engine *engine, struct err *err)
{
	const struct askcred ask = { .config = engine->config, .watch_fd = -1 };

	engine->httpconf = httpconf_new(engine->config, engine->remote, err);
	if (!engine->httpconf)
		return -1;
	certpass_find(engine->httpconf, &ask);
	return 0;
}

/* What cannot be written can still be pushed from. */
static int make_dir(const struct engine *engine, struct err *err)
{
	if (!storage_make_dir(&engine->storage, err))
		return 0;
	if (!engine->is_upload)
		return -1;
	log_info("%s: uploads cannot be resumed", err->msg);
	err_clear(err);
	return 0;
}

static int load(struct engine *engine, struct err *err)
{
	engine->config = gitconfig_load(NULL, err);
	if (!engine->config || repo_find(&engine->repo, err) ||
	    load_settings(engine, err) ||
	    storage_load(&engine->storage, &engine->repo, engine->config,
			 err) ||
	    make_dir(engine, err))
		return -1;
	unfinished_tidy(&engine->storage, engine->settings.prune_days);
	return load_httpconf(engine, err) ? -1 : http_setup(err);
}

struct engine *engine_new(const struct engine_options *options, struct err *err)
{
	struct engine *engine = xcalloc(1, sizeof(*engine));

	engine->remote = options->remote ? xstrdup(options->remote) : NULL;
	engine->lfs_url = options->lfs_url ? xstrdup(options->lfs_url) : NULL;
	engine->is_upload = options->is_upload;
	engine->handed_over = -1;
	engine->sources = source_memory_new();
	if (load(engine, err)) {
		engine_free(engine, 0);
		return NULL;
	}
	set_shared(engine);
	make_pool(engine, options->nagents);
	return engine;
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
	const struct settings *settings = &engine->settings;
	unsigned each = engine->is_upload ? 0 : budget_share(engine->budget);

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
	httpconf_free(engine->httpconf);
	gitconfig_free(engine->lfsconfig);
	gitconfig_free(engine->config);
	endpoint_release(&engine->endpoint);
	source_memory_free(engine->sources);
	free(engine->remote);
	free(engine->lfs_url);
	repo_release(&engine->repo);
	storage_release(&engine->storage);
	free(engine);
	return true;
}
