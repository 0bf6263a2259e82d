/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/carrier.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/wait.h"
#include "lfs/carry/inquiry.h"
#include "lfs/carry/relay.h"
#include "lfs/mode/mode.h"
#include "lfs/net/pool.h"
#include "lfs/server/batch.h"
#include "lfs/server/context.h"
#include "lfs/transfer/attempts.h"
#include "lfs/transfer/engine.h"

enum {
	TICK_MS = 100,
	STOP_MS = 500,	/* for workers to come back, when we are to stop */
	AWAY_MS = 1000,	/* a pause, when a server is away for a while */
	ANSWER_LIVES_MS = 5 * 60 * 1000	/* how long its links are good for sure */
};

struct carrier {
	struct carrier_options options;
	struct relay_ends ends;
	struct bell *data, *news;	/* owned */
	struct line waiting;	/* for the servers' answers */
	struct line ready;	/* to be moved */
	struct item **moving;	/* owned */
	size_t nmoving;
	uint64_t reported_ms;
	uint64_t sent;	/* by relays that are over */
	/* When each last did for us what it was asked for; 0: not yet. */
	uint64_t source_ms, target_ms, answered_ms;
	uint64_t resume_ms;	/* nothing is begun before, as one was away */
	bool is_asking;
	bool is_stopping;	/* what is moving is left to another run */
};

struct carrier *carrier_new(const struct carrier_options *options)
{
	struct carrier *carrier = xcalloc(1, sizeof(*carrier));

	carrier->options = *options;
	line_init(&carrier->waiting);
	line_init(&carrier->ready);
	carrier->data = bell_new();
	carrier->news = bell_new();
	carrier->moving = xcalloc(options->jobs, sizeof(struct item *));
	carrier->ends = (struct relay_ends){
		.source = options->source,
		.target = options->target,
		.spool = options->spool,
		.data = carrier->data,
		.news = carrier->news,
	};
	pool_on_news(engine_pool(options->source), bell_ring, carrier->news);
	pool_on_news(engine_pool(options->target), bell_ring, carrier->news);
	return carrier;
}

void carrier_put(struct carrier *carrier, struct item *item)
{
	line_put_last(&carrier->waiting, item);
}

static void fail(struct item *item, const struct err *err)
{
	item->state = ITEM_FAILED;
	free(item->why);
	item->why = xstrdup(err->msg);
	log_info("%s: failed: %s", item->pointer.oid, err->msg);
}

static void pause_for(struct carrier *carrier, unsigned ms)
{
	carrier->resume_ms = clock_ms() + ms;
}

static bool is_paused(const struct carrier *carrier)
{
	return clock_ms() < carrier->resume_ms;
}

/* Besides an item that is moving. */
static bool has_others(const struct carrier *carrier)
{
	return carrier->nmoving > 1 || carrier->ready.n || carrier->waiting.n;
}

/* A relay, or its source, has failed: what is next? */
static enum attempts_next judge(const struct carrier *carrier,
				struct item *item, enum direction direction,
				struct err *err)
{
	bool is_target = direction == UPLOAD;
	const struct engine *engine = is_target ? carrier->options.target :
						  carrier->options.source;
	const struct attempts_facts facts = {
		.oid = item->pointer.oid,
		.fate = relay_fate(item->relay, direction),
		.policy = engine_retry_policy(engine),
		.at = { .now_ms = clock_ms(),
			.begun_ms = item->begun_ms,
			.moved_ms = is_target ? carrier->target_ms :
						carrier->source_ms },
		.can_ask = true,
		.is_one_of_many = true,
		.has_others = has_others(carrier),
	};

	return attempts_next(item_attempts(item, direction), &facts, err);
}

static bool log_in(const struct carrier *carrier, struct item *item,
		   enum direction direction, struct err *err)
{
	int ret = inquiry_log_in(carrier->options.inquiry, item, direction,
				 err);

	return attempts_logged_in(item_attempts(item, direction), ret);
}

/* A relay has failed: what becomes of its item? */
static void try_again_or_fail(struct carrier *carrier, struct item *item,
			      struct err *err)
{
	enum direction direction = relay_failed_at_source(item->relay) ?
					   DOWNLOAD :
					   UPLOAD;
	enum attempts_next next = judge(carrier, item, direction, err);

	if (next == ATTEMPTS_FAIL) {
		fail(item, err);
		return;
	}
	item->wants_login = next == ATTEMPTS_LOG_IN && direction == UPLOAD;
	item->may_be_there = next == ATTEMPTS_ASK;
	item->is_bad_here |= item->is_local && err->kind == ERR_CORRUPT;
	free(item->why);
	item->why = xstrdup(err->msg);
	if (next == ATTEMPTS_LATER) {
		pause_for(carrier, item_attempts(item, direction)->pause_ms);
		line_put_last(&carrier->waiting, item);
		return;
	}
	if (next != ATTEMPTS_ASK && direction == UPLOAD)
		relay_forget(item->relay);
	line_put_first(&carrier->waiting, item);
}

static void tell_moved(struct item *item)
{
	item->state = ITEM_MOVED;
	log_info("%s: moved, %" PRIu64 " bytes", item->pointer.oid,
		 item->pointer.size);
}

/* A relay is over: what has become of its item? */
static void settle(struct carrier *carrier, struct item *item)
{
	struct err err = ERR_INIT;
	int ret = relay_result(item->relay, &err);

	item->resumed = relay_resumed(item->relay);
	carrier->sent += relay_moved(item->relay) - item->resumed;
	item->state = ITEM_WAITING;
	if (!ret)
		tell_moved(item);
	else if (carrier->is_stopping)
		log_debug("%.12s: %s", item->pointer.oid, err.msg);
	else
		try_again_or_fail(carrier, item, &err);
	relay_free(item->relay);
	item->relay = NULL;
	if (item_is_over(item))
		item_forget(item);
}

/* `*good_ms`: when a job of the pool has last gone well. */
static void collect(struct pool *pool, uint64_t *good_ms)
{
	struct job *job;

	while ((job = pool_wait(pool, 0))) {
		if (!job->err.kind)
			*good_ms = clock_ms();
		relay_returned(job);
	}
}

static void report(struct carrier *carrier)
{
	const struct carrier_options *options = &carrier->options;
	uint64_t now = clock_ms();

	if (!options->report || now - carrier->reported_ms < TICK_MS)
		return;
	carrier->reported_ms = now;
	options->report(options->ctx);
}

/* All that goes on without asking a server. */
static void turn(struct carrier *carrier)
{
	unsigned least = (unsigned)carrier->nmoving + 1;
	size_t nleft = 0;

	engine_heed_budget(carrier->options.source, least);
	engine_heed_budget(carrier->options.target, least);
	collect(engine_pool(carrier->options.source), &carrier->source_ms);
	collect(engine_pool(carrier->options.target), &carrier->target_ms);
	for (size_t i = 0; i < carrier->nmoving; i++)
		if (relay_advance(carrier->moving[i]->relay))
			carrier->moving[nleft++] = carrier->moving[i];
		else
			settle(carrier, carrier->moving[i]);
	carrier->nmoving = nleft;
	report(carrier);
}

bool carrier_look(struct carrier *carrier)
{
	const struct carrier_options *options = &carrier->options;

	if (carrier->is_asking)
		turn(carrier);
	return stop_is_wanted(&options->stop);
}

/* False if the spool has no room for it now. */
static bool start(struct carrier *carrier, struct item *item)
{
	struct relay_request request = {
		.oid = item->pointer.oid,
		.size = item->pointer.size,
		.source = item->source,
		.target = item->target,
		.verification = item->verification,
		.needed = &item->needed,
	};
	struct err err = ERR_INIT;
	char *path = NULL;

	if (clock_ms() - item->asked_ms > ANSWER_LIVES_MS) {
		item->state = ITEM_WAITING;
		line_put_first(&carrier->waiting, item);
		return true;
	}
	/* A plan is dear to make, and full the spool is most of the time. */
	if (!item->is_local &&
	    item->needed > spool_room(carrier->options.spool)) {
		line_put_first(&carrier->ready, item);
		return false;
	}
	if (item->is_local)
		path = storage_object_path(&engine_context(
						    carrier->options.source)
						    ->storage,
					   item->pointer.oid);
	request.path = path;
	item->relay = relay_new(&carrier->ends, &request, &err);
	free(path);
	if (item->relay) {
		item->state = ITEM_MOVING;
		item->begun_ms = clock_ms();
		carrier->moving[carrier->nmoving++] = item;
		return true;
	}
	if (err.kind != ERR_BUSY) {
		fail(item, &err);
		return true;
	}
	line_put_first(&carrier->ready, item);
	return false;
}

/*
 * Do those that are moving keep both servers busy?  Then no other is begun:
 * a run that is stopped soon shall have some objects done, not all of them
 * under way.  For the target they may bring twice what it takes at once, so
 * that it never waits for the source.
 */
static bool is_busy(const struct carrier *carrier)
{
	const struct carrier_options *options = &carrier->options;
	size_t nfetches = 0, nsends = 0;

	for (size_t i = 0; i < carrier->nmoving; i++) {
		nfetches += relay_fetches(carrier->moving[i]->relay);
		nsends += relay_sends(carrier->moving[i]->relay);
	}
	return nfetches >=
		       engine_context(options->source)->settings.connections ||
	       nsends >= 2 * engine_context(options->target)
					 ->settings.connections;
}

static void start_items(struct carrier *carrier)
{
	struct item *item;

	while (carrier->nmoving < carrier->options.jobs && !is_busy(carrier) &&
	       (item = line_take(&carrier->ready)))
		if (!start(carrier, item))
			return;
}

static void wait_again(struct carrier *carrier, struct item *item)
{
	if (item->may_be_there)
		pause_for(carrier, item_attempts(item, UPLOAD)->pause_ms);
	line_put_last(&carrier->waiting, item);
}

/* Ask the servers about those that come next. */
static int ask_some(struct carrier *carrier, struct err *err)
{
	struct item *items[BATCH_OBJECTS_MAX], *item;
	size_t n = 0;
	int ret = 0;

	while (n < BATCH_OBJECTS_MAX && (item = line_take(&carrier->waiting))) {
		struct err why = ERR_INIT;

		if (item->wants_login)
			err_set(&why, ERR_AUTH, "%s", item->why);
		if (item->wants_login && !log_in(carrier, item, UPLOAD, &why))
			fail(item, &why);
		else
			items[n++] = item;
		item->wants_login = false;
	}
	if (n)
		ret = inquiry_ask(carrier->options.inquiry, items, n, err);
	if (n && !ret)
		carrier->answered_ms = clock_ms();
	for (size_t i = 0; i < n; i++)
		if (items[i]->state == ITEM_READY)
			line_put_last(&carrier->ready, items[i]);
		else if (!item_is_over(items[i]))
			wait_again(carrier, items[i]);
	return ret;
}

/* A server that has answered before gives no answer: may it come back? */
static bool may_come_back(const struct carrier *carrier, const struct err *err)
{
	const struct context *target = engine_context(carrier->options.target);
	uint64_t heard_ms = carrier->answered_ms;

	if (heard_ms && heard_ms < carrier->source_ms)
		heard_ms = carrier->source_ms;
	if (heard_ms && heard_ms < carrier->target_ms)
		heard_ms = carrier->target_ms;
	return attempts_is_away(err, heard_ms, clock_ms(),
				target->settings.offline_ms);
}

static struct item *find_without_link(struct carrier *carrier)
{
	for (size_t i = 0; i < carrier->nmoving; i++)
		if (relay_wants_link(carrier->moving[i]->relay))
			return carrier->moving[i];
	return NULL;
}

/* The source's link of one has run out: ask for another. */
static void renew(struct carrier *carrier, struct item *item)
{
	struct err err = *relay_wants_link(item->relay);
	enum attempts_next next = judge(carrier, item, DOWNLOAD, &err);
	int ret = -1;

	err_wrap(&err, "from the source");
	if (next == ATTEMPTS_RENEW || (next == ATTEMPTS_LOG_IN &&
				       log_in(carrier, item, DOWNLOAD, &err))) {
		err_clear(&err);
		ret = inquiry_renew(carrier->options.inquiry, item, &err);
	}
	/* Its upload may have failed meanwhile. */
	if (!item->relay)
		return;
	if (ret)
		relay_fail(item->relay, &err);
	else
		relay_refetch(item->relay, item->source);
}

static int ask(struct carrier *carrier, struct err *err)
{
	struct item *item;
	int ret = 0;

	carrier->is_asking = true;
	while ((item = find_without_link(carrier)))
		renew(carrier, item);
	/* Always have some at hand, but not links that grow old. */
	if (carrier->waiting.n && carrier->ready.n < carrier->options.jobs &&
	    !is_paused(carrier))
		ret = ask_some(carrier, err);
	carrier->is_asking = false;
	if (!ret || !may_come_back(carrier, err))
		return ret;
	log_info("%s; asking again", err->msg);
	err_clear(err);
	pause_for(carrier, AWAY_MS);
	return 0;
}

static bool is_over(const struct carrier *carrier)
{
	return !carrier->nmoving && !carrier->ready.n && !carrier->waiting.n;
}

/* Let go of what is moving; what is done is in the journals. */
static void stop(struct carrier *carrier)
{
	const struct err why = { .kind = ERR_CANCELED, .msg = "stopped" };
	uint64_t until = clock_ms() + STOP_MS;

	carrier->is_stopping = true;
	for (size_t i = 0; i < carrier->nmoving; i++)
		relay_fail(carrier->moving[i]->relay, &why);
	while (carrier->nmoving && clock_ms() < until) {
		unsigned since = bell_count(carrier->news);

		pool_cancel(engine_pool(carrier->options.source));
		pool_cancel(engine_pool(carrier->options.target));
		turn(carrier);
		if (carrier->nmoving)
			bell_wait(carrier->news, since, 10);
	}
}

static int carry(struct carrier *carrier, struct err *err)
{
	while (!is_over(carrier)) {
		unsigned since = bell_count(carrier->news);

		if (carrier_look(carrier))
			return err_set(err, ERR_CANCELED, "stopped");
		turn(carrier);
		if (ask(carrier, err))
			return -1;
		if (!is_paused(carrier))
			start_items(carrier);
		if (carrier->nmoving || is_paused(carrier))
			bell_wait(carrier->news, since, TICK_MS);
	}
	return 0;
}

int carrier_run(struct carrier *carrier, struct err *err)
{
	int ret;

	engine_hold_budget(carrier->options.source);
	engine_hold_budget(carrier->options.target);
	ret = carry(carrier, err);
	if (ret)
		stop(carrier);
	return ret;
}

int carrier_ask(struct carrier *carrier, struct err *err)
{
	while (carrier->waiting.n) {
		if (carrier_look(carrier))
			return err_set(err, ERR_CANCELED, "stopped");
		if (ask_some(carrier, err))
			return -1;
		report(carrier);
	}
	return 0;
}

uint64_t carrier_sent(const struct carrier *carrier)
{
	uint64_t sent = carrier->sent;

	for (size_t i = 0; i < carrier->nmoving; i++)
		sent += relay_moved(carrier->moving[i]->relay) -
			relay_resumed(carrier->moving[i]->relay);
	return sent;
}

bool carrier_free(struct carrier *carrier)
{
	if (!carrier)
		return true;
	if (carrier->nmoving)
		return false;
	pool_on_news(engine_pool(carrier->options.source), NULL, NULL);
	pool_on_news(engine_pool(carrier->options.target), NULL, NULL);
	bell_free(carrier->data);
	bell_free(carrier->news);
	free(carrier->moving);
	free(carrier);
	return true;
}
