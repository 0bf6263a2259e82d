/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/fork/fork.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/bell.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/fork/history.h"
#include "lfs/fork/inquiry.h"
#include "lfs/fork/relay.h"
#include "lfs/mode/mode.h"
#include "lfs/net/url.h"
#include "lfs/remote/batch.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/pool.h"
#include "lfs/transfer/server.h"

enum {
	TICK_MS = 100,
	STOP_MS = 500,	/* for workers to come back, when we are to stop */
	TRIES_MAX = 8,	/* of one object, from the start */
	RENEWALS_MAX = 8,	/* of one object's source link */
	ANSWER_LIVES_MS = 5 * 60 * 1000	/* how long its links are good for sure */
};

struct fork {
	struct fork_options options;
	struct engine *source;	/* owned, as all below */
	struct engine *target;
	struct inquiry *inquiry;
	struct spool *spool;
	struct bell *data, *news;
	struct relay_ends ends;
	struct item *items;
	size_t nitems;
	struct line waiting;	/* for the servers' answers */
	struct line ready;	/* to be moved */
	struct item **moving;
	size_t nmoving;
	unsigned jobs;	/* items that may be moving */
	uint64_t reported_ms;
	uint64_t sent;	/* by relays that are over */
	bool is_asking;
	bool left_behind;	/* a worker still has a part: free nothing */
};

static bool is_stopped(void *ctx);

/* The config key that names an endpoint, and where it stands. */
static char *describe_key(const struct engine *engine, const char *option)
{
	const char *key = engine->endpoint.key;

	if (!key)
		return xstrdup(option);
	return xstrfmt("%s%s", key,
		       gitconfig_get(engine->config, key) ? "" :
							    " in .lfsconfig");
}

static size_t length_of(const char *url)
{
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		len--;
	return len;
}

/* With one server behind both remotes there is nothing to carry. */
static int compare_ends(const struct fork *fork, struct err *err)
{
	const char *from = fork_source(fork), *to = fork_target(fork);
	char shown[URL_DISPLAY_MAX], *from_key, *to_key;
	size_t len = length_of(from);

	if (len != length_of(to) || strncmp(from, to, len))
		return 0;
	from_key = describe_key(fork->source, "the command line");
	to_key = describe_key(fork->target, "the command line");
	url_display_any(from, shown, sizeof(shown));
	if (!strcmp(from_key, to_key))
		err_set(err, ERR_USAGE,
			"source and target are the same LFS server, %s: %s "
			"says so for both; unset it, or name the two with "
			"--from-lfs and --to-lfs",
			shown, from_key);
	else
		err_set(err, ERR_USAGE,
			"source (by %s) and target (by %s) are the same LFS "
			"server, %s: name the two with --from-lfs and "
			"--to-lfs",
			from_key, to_key, shown);
	free(from_key);
	free(to_key);
	return -1;
}

/* git-lfs would go to origin for a remote that it does not know. */
static int check_remote(const struct engine *engine, const char *option,
			struct err *err)
{
	if (engine->lfs_url ||
	    endpoint_has_remote(engine->lfsconfig, engine->remote) ||
	    remoteurl_is_url(engine->remote))
		return 0;
	return err_set(err, ERR_USAGE,
		       "there is no remote '%.80s'; name one with %s, or an "
		       "LFS server with %s-lfs",
		       engine->remote, option, option);
}

static struct engine *open_end(const char *remote, const char *lfs_url,
			       bool is_upload, struct err *err)
{
	struct engine_options options = {
		.remote = remote,
		.lfs_url = lfs_url,
		.is_upload = is_upload,
		.nagents = 1,
	};
	struct engine *engine;

	if (!remote && !lfs_url)
		options.remote = is_upload ? "origin" : "upstream";
	engine = engine_new(&options, err);
	if (!engine)
		return NULL;
	if (check_remote(engine, is_upload ? "--to" : "--from", err)) {
		engine_free(engine, 0);
		return NULL;
	}
	/* Nothing is finished at the target but what hashes to its oid. */
	engine->settings.verify = true;
	return engine;
}

static int open_ends(struct fork *fork, struct err *err)
{
	const struct fork_options *options = &fork->options;
	struct inquiry_options inquiry_options = {
		.is_dry = options->is_dry,
		.is_stopped = is_stopped,
		.ctx = fork,
	};

	fork->source = open_end(options->from, options->from_lfs, false, err);
	if (!fork->source)
		return -1;
	fork->target = open_end(options->to, options->to_lfs, true, err);
	if (!fork->target || compare_ends(fork, err))
		return -1;
	inquiry_options.source = fork->source;
	inquiry_options.target = fork->target;
	fork->inquiry = inquiry_new(&inquiry_options, err);
	return fork->inquiry ? 0 : -1;
}

struct fork *fork_new(const struct fork_options *options, struct err *err)
{
	struct fork *fork = xcalloc(1, sizeof(*fork));

	fork->options = *options;
	line_init(&fork->waiting);
	line_init(&fork->ready);
	if (open_ends(fork, err)) {
		fork_free(fork);
		return NULL;
	}
	fork->data = bell_new();
	fork->news = bell_new();
	pool_on_news(fork->source->pool, bell_ring, fork->news);
	pool_on_news(fork->target->pool, bell_ring, fork->news);
	return fork;
}

const char *fork_source(const struct fork *fork)
{
	return fork->source->endpoint.url;
}

const char *fork_target(const struct fork *fork)
{
	return fork->target->endpoint.url;
}

/* The oid's first digits are as good as random. */
static bool is_ours(const struct fork *fork, const struct pointer *pointer)
{
	char digits[9] = "";

	if (!fork->options.nshards)
		return true;
	memcpy(digits, pointer->oid, 8);
	return strtoul(digits, NULL, 16) % fork->options.nshards ==
	       fork->options.shard - 1;
}

static void take_items(struct fork *fork, const struct history *history)
{
	fork->items = xcalloc(history->n, sizeof(*fork->items));
	for (size_t i = 0; i < history->n; i++) {
		struct item *item = &fork->items[fork->nitems];

		if (!is_ours(fork, &history->pointers[i]))
			continue;
		fork->nitems++;
		item->pointer = history->pointers[i];
		line_put_last(&fork->waiting, item);
	}
}

int fork_find(struct fork *fork, struct err *err)
{
	const struct fork_options *options = &fork->options;
	const struct history_request request = {
		.refs = options->refs,
		.nrefs = options->nrefs,
		.all = options->all,
		.include = options->include,
		.exclude = options->exclude,
		.dir = fork->source->storage.multipart_dir,
		.is_stopped = is_stopped,
		.ctx = fork,
	};
	struct history history;
	int ret = history_find(&history, &request, err);

	if (!ret)
		take_items(fork, &history);
	history_release(&history);
	return ret;
}

static int open_spool(struct fork *fork, struct err *err)
{
	unsigned source = fork->source->settings.connections;
	unsigned target = fork->target->settings.connections;

	/*
	 * An upload in one PUT holds a connection while it waits for bytes, so
	 * each that moves must have one.
	 */
	fork->jobs = source < target ? source : target;
	if (fork->options.jobs && fork->options.jobs < fork->jobs)
		fork->jobs = fork->options.jobs;
	fork->moving = xcalloc(fork->jobs, sizeof(struct item *));
	fork->spool = spool_new(fork->source->storage.multipart_dir,
				fork->options.max_disk, err);
	fork->ends = (struct relay_ends){
		.source = fork->source,
		.target = fork->target,
		.spool = fork->spool,
		.data = fork->data,
		.news = fork->news,
	};
	return fork->spool ? 0 : -1;
}

static void fail(struct item *item, const struct err *err)
{
	item->state = ITEM_FAILED;
	free(item->why);
	item->why = xstrdup(err->msg);
	log_debug("%.12s: %s", item->pointer.oid, err->msg);
}

/* Does a new answer of the target's help? */
static bool is_stale(const struct err *err)
{
	return err->kind == ERR_EXPIRED || err->kind == ERR_AUTH ||
	       (err->kind == ERR_REFUSED &&
		(err->code == 403 || err->code == 404 || err->code == 410));
}

static bool can_try_again(struct item *item, const struct err *err)
{
	if (err->kind == ERR_CORRUPT && item->is_local) {
		item->is_bad_here = true;
		return true;
	}
	/* Spoilt on its way, perhaps. */
	if (err->kind == ERR_CORRUPT)
		return item->tries == 1;
	item->wants_login = err->kind == ERR_AUTH;
	if (is_stale(err))
		return item->tries < TRIES_MAX;
	/* What an earlier run had begun may be refused for that alone. */
	return item->resumed && item->tries == 1 &&
	       (err->kind == ERR_REFUSED || err->kind == ERR_PROTOCOL);
}

/* A relay is over: what has become of its item? */
static void settle(struct fork *fork, struct item *item)
{
	struct err err = ERR_INIT;
	int ret = relay_result(item->relay, &err);

	item->resumed = relay_resumed(item->relay);
	fork->sent += relay_moved(item->relay) - item->resumed;
	item->state = ITEM_WAITING;
	if (!ret) {
		item->state = ITEM_MOVED;
	} else if (err.kind != ERR_CANCELED && can_try_again(item, &err)) {
		log_info("%.12s: %s; once more", item->pointer.oid, err.msg);
		relay_forget(item->relay);
		line_put_first(&fork->waiting, item);
	} else if (err.kind != ERR_CANCELED) {
		fail(item, &err);
	}
	relay_free(item->relay);
	item->relay = NULL;
}

static void collect(struct pool *pool)
{
	struct job *job;

	while ((job = pool_wait(pool, 0)))
		relay_returned(job);
}

static void report(struct fork *fork)
{
	uint64_t now = clock_ms();

	if (!fork->options.report || now - fork->reported_ms < TICK_MS)
		return;
	fork->reported_ms = now;
	fork->options.report(fork->options.ctx);
}

/* All that goes on without asking a server. */
static void turn(struct fork *fork)
{
	unsigned least = (unsigned)fork->nmoving + 1;
	size_t nleft = 0;

	engine_heed_budget(fork->source, least);
	engine_heed_budget(fork->target, least);
	collect(fork->source->pool);
	collect(fork->target->pool);
	for (size_t i = 0; i < fork->nmoving; i++)
		if (relay_advance(fork->moving[i]->relay))
			fork->moving[nleft++] = fork->moving[i];
		else
			settle(fork, fork->moving[i]);
	fork->nmoving = nleft;
	report(fork);
}

/* While a server is asked, what is moving goes on. */
static bool is_stopped(void *ctx)
{
	struct fork *fork = ctx;

	if (fork->is_asking)
		turn(fork);
	return fork->options.is_stopped(fork->options.ctx);
}

/* False if the spool has no room for it now. */
static bool start(struct fork *fork, struct item *item)
{
	struct relay_request request = {
		.oid = item->pointer.oid,
		.size = item->pointer.size,
		.source = mode_action(item->source, DOWNLOAD),
		.target = mode_action(item->target, UPLOAD),
		.verification = item->verification,
	};
	struct err err = ERR_INIT;
	char *path = NULL;

	if (clock_ms() - item->asked_ms > ANSWER_LIVES_MS) {
		item->state = ITEM_WAITING;
		line_put_first(&fork->waiting, item);
		return true;
	}
	if (item->is_local)
		path = storage_object_path(&fork->source->storage,
					   item->pointer.oid);
	request.path = path;
	item->relay = relay_new(&fork->ends, &request, &err);
	free(path);
	if (item->relay) {
		item->state = ITEM_MOVING;
		item->tries++;
		fork->moving[fork->nmoving++] = item;
		return true;
	}
	if (err.kind != ERR_BUSY) {
		fail(item, &err);
		return true;
	}
	line_put_first(&fork->ready, item);
	return false;
}

static void start_items(struct fork *fork)
{
	struct item *item;

	while (fork->nmoving < fork->jobs && (item = line_take(&fork->ready)))
		if (!start(fork, item))
			return;
}

/* Ask the servers about those that come next. */
static int ask_some(struct fork *fork, struct err *err)
{
	struct item *items[BATCH_OBJECTS_MAX], *item;
	size_t n = 0;
	int ret = 0;

	while (n < BATCH_OBJECTS_MAX && (item = line_take(&fork->waiting))) {
		struct err why = ERR_INIT;

		if (item->wants_login &&
		    inquiry_log_in(fork->inquiry, item, &why))
			fail(item, &why);
		else
			items[n++] = item;
		item->wants_login = false;
	}
	if (n)
		ret = inquiry_ask(fork->inquiry, items, n, err);
	for (size_t i = 0; i < n; i++)
		if (items[i]->state == ITEM_READY)
			line_put_last(&fork->ready, items[i]);
		else if (!item_is_over(items[i]))
			line_put_last(&fork->waiting, items[i]);
	return ret;
}

static struct item *find_without_link(struct fork *fork)
{
	for (size_t i = 0; i < fork->nmoving; i++)
		if (relay_wants_link(fork->moving[i]->relay))
			return fork->moving[i];
	return NULL;
}

/* The source's link of one has run out: ask for another. */
static void renew(struct fork *fork, struct item *item)
{
	struct err err = ERR_INIT;
	int ret = -1;

	if (item->renewals++ < RENEWALS_MAX)
		ret = inquiry_renew(fork->inquiry, item, &err);
	else
		err_set(&err, ERR_EXPIRED,
			"the source's links run out again and again");
	/* Its upload may have failed meanwhile. */
	if (!item->relay)
		return;
	if (ret)
		relay_fail(item->relay, &err);
	else
		relay_refetch(item->relay,
			      mode_action(item->source, DOWNLOAD));
}

static int ask(struct fork *fork, struct err *err)
{
	struct item *item;
	int ret = 0;

	fork->is_asking = true;
	while ((item = find_without_link(fork)))
		renew(fork, item);
	/* Always have some at hand, but not links that grow old. */
	if (fork->waiting.n && fork->ready.n < fork->jobs)
		ret = ask_some(fork, err);
	fork->is_asking = false;
	return ret;
}

static bool is_over(const struct fork *fork)
{
	return !fork->nmoving && !fork->ready.n && !fork->waiting.n;
}

/* Let go of what is moving; what is done is in the journals. */
static void stop(struct fork *fork, const struct err *why)
{
	uint64_t until = clock_ms() + STOP_MS;

	for (size_t i = 0; i < fork->nmoving; i++)
		relay_fail(fork->moving[i]->relay, why);
	while (fork->nmoving && clock_ms() < until) {
		unsigned since = bell_count(fork->news);

		pool_cancel(fork->source->pool);
		pool_cancel(fork->target->pool);
		turn(fork);
		if (fork->nmoving)
			bell_wait(fork->news, since, 10);
	}
	fork->left_behind = fork->nmoving > 0;
}

static int carry(struct fork *fork, struct err *err)
{
	while (!is_over(fork)) {
		unsigned since = bell_count(fork->news);

		if (fork->options.is_stopped(fork->options.ctx))
			return err_set(err, ERR_CANCELED, "stopped");
		turn(fork);
		if (ask(fork, err))
			return -1;
		start_items(fork);
		if (fork->nmoving)
			bell_wait(fork->news, since, TICK_MS);
	}
	return 0;
}

/* What would be moved is ready, then. */
static int ask_all(struct fork *fork, struct err *err)
{
	while (fork->waiting.n) {
		if (fork->options.is_stopped(fork->options.ctx))
			return err_set(err, ERR_CANCELED, "stopped");
		if (ask_some(fork, err))
			return -1;
		report(fork);
	}
	return 0;
}

int fork_run(struct fork *fork, struct err *err)
{
	struct err why = { .kind = ERR_CANCELED, .msg = "stopped" };
	int ret;

	if (fork->options.is_dry)
		return ask_all(fork, err);
	if (open_spool(fork, err))
		return -1;
	engine_hold_budget(fork->source);
	engine_hold_budget(fork->target);
	ret = carry(fork, err);
	if (ret)
		stop(fork, &why);
	return ret;
}

void fork_sum(const struct fork *fork, struct fork_sum *sum)
{
	*sum = (struct fork_sum){ .objects = fork->nitems,
				  .sent = fork->sent };
	for (size_t i = 0; i < fork->nitems; i++) {
		const struct item *item = &fork->items[i];
		uint64_t size = item->pointer.size;

		sum->size += size;
		switch (item->state) {
		case ITEM_MOVED:
			sum->moved++;
			sum->size_moved += size;
			sum->resumed += item->resumed;
			break;
		case ITEM_THERE:
			sum->there++;
			sum->size_there += size;
			break;
		case ITEM_MISSING:
			sum->missing++;
			sum->size_missing += size;
			break;
		case ITEM_FAILED:
			sum->failed++;
			sum->size_failed += size;
			break;
		default:
			break;
		}
	}
	for (size_t i = 0; i < fork->nmoving; i++) {
		const struct relay *relay = fork->moving[i]->relay;

		sum->size_moving += relay_moved(relay);
		sum->sent += relay_moved(relay) - relay_resumed(relay);
	}
	if (fork->spool)
		sum->disk = spool_peak(fork->spool);
}

const struct item *fork_items(const struct fork *fork, size_t *n)
{
	*n = fork->nitems;
	return fork->items;
}

bool fork_free(struct fork *fork)
{
	bool is_whole = true;

	if (!fork)
		return true;
	if (fork->left_behind)
		return false;
	for (size_t i = 0; i < fork->nitems; i++)
		item_release(&fork->items[i]);
	is_whole = inquiry_free(fork->inquiry) &&
		   engine_free(fork->target, STOP_MS) &&
		   engine_free(fork->source, STOP_MS);
	if (!is_whole)
		return false;
	spool_free(fork->spool);
	bell_free(fork->data);
	bell_free(fork->news);
	free(fork->moving);
	free(fork->items);
	free(fork);
	return true;
}
