/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/scheduler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/wait.h"
#include "lfs/carry/survey.h"
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

struct scheduler {
	struct scheduler_options options;
	struct relay_ends ends;
	struct bell *data, *news;	/* owned */
	struct queue waiting;	/* for the servers' answers */
	struct queue ready;	/* to be moved */
	struct entry **moving;	/* owned */
	size_t nmoving;
	uint64_t reported_ms;
	uint64_t sent;	/* by relays that are over */
	/* When each last did for us what it was asked for; 0: not yet. */
	uint64_t source_ms, target_ms, answered_ms;
	uint64_t resume_ms;	/* nothing is begun before, as one was away */
	bool is_asking;
	bool is_stopping;	/* what is moving is left to another run */
};

struct scheduler *scheduler_new(const struct scheduler_options *options)
{
	struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));

	scheduler->options = *options;
	queue_init(&scheduler->waiting);
	queue_init(&scheduler->ready);
	scheduler->data = bell_new();
	scheduler->news = bell_new();
	scheduler->moving = xcalloc(options->jobs, sizeof(struct entry *));
	scheduler->ends = (struct relay_ends){
		.source = options->source,
		.target = options->target,
		.spool = options->spool,
		.data = scheduler->data,
		.news = scheduler->news,
	};
	pool_on_news(engine_pool(options->source), bell_ring, scheduler->news);
	pool_on_news(engine_pool(options->target), bell_ring, scheduler->news);
	return scheduler;
}

void scheduler_put(struct scheduler *scheduler, struct entry *entry)
{
	queue_put_last(&scheduler->waiting, entry);
}

static void fail(struct entry *entry, const struct err *err)
{
	entry->state = ENTRY_FAILED;
	free(entry->why);
	entry->why = xstrdup(err->msg);
	log_info("%s: failed: %s", entry->pointer.oid, err->msg);
}

static void pause_for(struct scheduler *scheduler, unsigned ms)
{
	scheduler->resume_ms = clock_ms() + ms;
}

static bool is_paused(const struct scheduler *scheduler)
{
	return clock_ms() < scheduler->resume_ms;
}

/* Besides an entry that is moving. */
static bool has_others(const struct scheduler *scheduler)
{
	return scheduler->nmoving > 1 || scheduler->ready.n ||
	       scheduler->waiting.n;
}

/* A relay, or its source, has failed: what is next? */
static enum attempts_next judge(const struct scheduler *scheduler,
				struct entry *entry, enum direction direction,
				struct err *err)
{
	bool is_target = direction == UPLOAD;
	const struct engine *engine = is_target ? scheduler->options.target :
						  scheduler->options.source;
	const struct attempts_facts facts = {
		.oid = entry->pointer.oid,
		.fate = relay_fate(entry->relay, direction),
		.policy = engine_retry_policy(engine),
		.at = { .now_ms = clock_ms(),
			.begun_ms = entry->begun_ms,
			.moved_ms = is_target ? scheduler->target_ms :
						scheduler->source_ms },
		.can_ask = true,
		.is_one_of_many = true,
		.has_others = has_others(scheduler),
	};

	return attempts_next(entry_attempts(entry, direction), &facts, err);
}

static bool log_in(const struct scheduler *scheduler, struct entry *entry,
		   enum direction direction, struct err *err)
{
	int ret = survey_log_in(scheduler->options.survey, entry, direction,
				err);

	return attempts_logged_in(entry_attempts(entry, direction), ret);
}

/* A relay has failed: what becomes of its entry? */
static void try_again_or_fail(struct scheduler *scheduler, struct entry *entry,
			      struct err *err)
{
	enum direction direction = relay_failed_at_source(entry->relay) ?
					   DOWNLOAD :
					   UPLOAD;
	enum attempts_next next = judge(scheduler, entry, direction, err);

	if (next == ATTEMPTS_FAIL) {
		fail(entry, err);
		return;
	}
	entry->wants_login = next == ATTEMPTS_LOG_IN && direction == UPLOAD;
	entry->may_be_there = next == ATTEMPTS_ASK;
	entry->is_bad_here |= entry->is_local && err->kind == ERR_CORRUPT;
	free(entry->why);
	entry->why = xstrdup(err->msg);
	if (next == ATTEMPTS_LATER) {
		pause_for(scheduler,
			  entry_attempts(entry, direction)->pause_ms);
		queue_put_last(&scheduler->waiting, entry);
		return;
	}
	if (next != ATTEMPTS_ASK && direction == UPLOAD)
		relay_forget(entry->relay);
	queue_put_first(&scheduler->waiting, entry);
}

static void tell_moved(struct entry *entry)
{
	entry->state = ENTRY_MOVED;
	log_info("%s: moved, %" PRIu64 " bytes", entry->pointer.oid,
		 entry->pointer.size);
}

/* A relay is over: what has become of its entry? */
static void settle(struct scheduler *scheduler, struct entry *entry)
{
	struct err err = ERR_INIT;
	int ret = relay_result(entry->relay, &err);

	entry->resumed = relay_resumed(entry->relay);
	scheduler->sent += relay_moved(entry->relay) - entry->resumed;
	entry->state = ENTRY_WAITING;
	if (!ret)
		tell_moved(entry);
	else if (scheduler->is_stopping)
		log_debug("%.12s: %s", entry->pointer.oid, err.msg);
	else
		try_again_or_fail(scheduler, entry, &err);
	relay_free(entry->relay);
	entry->relay = NULL;
	if (entry_is_over(entry))
		entry_forget(entry);
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

static void report(struct scheduler *scheduler)
{
	const struct scheduler_options *options = &scheduler->options;
	uint64_t now = clock_ms();

	if (!options->report || now - scheduler->reported_ms < TICK_MS)
		return;
	scheduler->reported_ms = now;
	options->report(options->ctx);
}

/* All that goes on without asking a server. */
static void turn(struct scheduler *scheduler)
{
	unsigned least = (unsigned)scheduler->nmoving + 1;
	size_t nleft = 0;

	engine_heed_budget(scheduler->options.source, least);
	engine_heed_budget(scheduler->options.target, least);
	collect(engine_pool(scheduler->options.source), &scheduler->source_ms);
	collect(engine_pool(scheduler->options.target), &scheduler->target_ms);
	for (size_t i = 0; i < scheduler->nmoving; i++)
		if (relay_advance(scheduler->moving[i]->relay))
			scheduler->moving[nleft++] = scheduler->moving[i];
		else
			settle(scheduler, scheduler->moving[i]);
	scheduler->nmoving = nleft;
	report(scheduler);
}

bool scheduler_look(struct scheduler *scheduler)
{
	const struct scheduler_options *options = &scheduler->options;

	if (scheduler->is_asking)
		turn(scheduler);
	return stop_is_wanted(&options->stop);
}

/* False if the spool has no room for it now. */
static bool start(struct scheduler *scheduler, struct entry *entry)
{
	struct relay_request request = {
		.oid = entry->pointer.oid,
		.size = entry->pointer.size,
		.source = entry->source,
		.target = entry->target,
		.verification = entry->verification,
		.needed = &entry->needed,
	};
	struct err err = ERR_INIT;
	char *path = NULL;

	if (clock_ms() - entry->asked_ms > ANSWER_LIVES_MS) {
		entry->state = ENTRY_WAITING;
		queue_put_first(&scheduler->waiting, entry);
		return true;
	}
	/* A plan is dear to make, and full the spool is most of the time. */
	if (!entry->is_local &&
	    entry->needed > spool_room(scheduler->options.spool)) {
		queue_put_first(&scheduler->ready, entry);
		return false;
	}
	if (entry->is_local)
		path = storage_object_path(&engine_context(
						    scheduler->options.source)
						    ->storage,
					   entry->pointer.oid);
	request.path = path;
	entry->relay = relay_new(&scheduler->ends, &request, &err);
	free(path);
	if (entry->relay) {
		entry->state = ENTRY_MOVING;
		entry->begun_ms = clock_ms();
		scheduler->moving[scheduler->nmoving++] = entry;
		return true;
	}
	if (err.kind != ERR_BUSY) {
		fail(entry, &err);
		return true;
	}
	queue_put_first(&scheduler->ready, entry);
	return false;
}

/*
 * Do those that are moving keep both servers busy?  Then no other is begun:
 * a run that is stopped soon shall have some objects done, not all of them
 * under way.  For the target they may bring twice what it takes at once, so
 * that it never waits for the source.
 */
static bool is_busy(const struct scheduler *scheduler)
{
	const struct scheduler_options *options = &scheduler->options;
	size_t nfetches = 0, nsends = 0;

	for (size_t i = 0; i < scheduler->nmoving; i++) {
		nfetches += relay_fetches(scheduler->moving[i]->relay);
		nsends += relay_sends(scheduler->moving[i]->relay);
	}
	return nfetches >=
		       engine_context(options->source)->settings.connections ||
	       nsends >= 2 * engine_context(options->target)
					 ->settings.connections;
}

static void start_entries(struct scheduler *scheduler)
{
	struct entry *entry;

	while (scheduler->nmoving < scheduler->options.jobs &&
	       !is_busy(scheduler) && (entry = queue_take(&scheduler->ready)))
		if (!start(scheduler, entry))
			return;
}

static void wait_again(struct scheduler *scheduler, struct entry *entry)
{
	if (entry->may_be_there)
		pause_for(scheduler, entry_attempts(entry, UPLOAD)->pause_ms);
	queue_put_last(&scheduler->waiting, entry);
}

/* Ask the servers about those that come next. */
static int ask_some(struct scheduler *scheduler, struct err *err)
{
	struct entry *entries[BATCH_OBJECTS_MAX], *entry;
	size_t n = 0;
	int ret = 0;

	while (n < BATCH_OBJECTS_MAX &&
	       (entry = queue_take(&scheduler->waiting))) {
		struct err why = ERR_INIT;

		if (entry->wants_login)
			err_set(&why, ERR_AUTH, "%s", entry->why);
		if (entry->wants_login &&
		    !log_in(scheduler, entry, UPLOAD, &why))
			fail(entry, &why);
		else
			entries[n++] = entry;
		entry->wants_login = false;
	}
	if (n)
		ret = survey_ask(scheduler->options.survey, entries, n, err);
	if (n && !ret)
		scheduler->answered_ms = clock_ms();
	for (size_t i = 0; i < n; i++)
		if (entries[i]->state == ENTRY_READY)
			queue_put_last(&scheduler->ready, entries[i]);
		else if (!entry_is_over(entries[i]))
			wait_again(scheduler, entries[i]);
	return ret;
}

/* A server that has answered before gives no answer: may it come back? */
static bool may_come_back(const struct scheduler *scheduler,
			  const struct err *err)
{
	const struct context *target = engine_context(
		scheduler->options.target);
	uint64_t heard_ms = scheduler->answered_ms;

	if (heard_ms && heard_ms < scheduler->source_ms)
		heard_ms = scheduler->source_ms;
	if (heard_ms && heard_ms < scheduler->target_ms)
		heard_ms = scheduler->target_ms;
	return attempts_is_away(err, heard_ms, clock_ms(),
				target->settings.offline_ms);
}

static struct entry *find_without_link(struct scheduler *scheduler)
{
	for (size_t i = 0; i < scheduler->nmoving; i++)
		if (relay_wants_link(scheduler->moving[i]->relay))
			return scheduler->moving[i];
	return NULL;
}

/* The source's link of one has run out: ask for another. */
static void renew(struct scheduler *scheduler, struct entry *entry)
{
	struct err err = *relay_wants_link(entry->relay);
	enum attempts_next next = judge(scheduler, entry, DOWNLOAD, &err);
	int ret = -1;

	err_wrap(&err, "from the source");
	if (next == ATTEMPTS_RENEW ||
	    (next == ATTEMPTS_LOG_IN &&
	     log_in(scheduler, entry, DOWNLOAD, &err))) {
		err_clear(&err);
		ret = survey_renew(scheduler->options.survey, entry, &err);
	}
	/* Its upload may have failed meanwhile. */
	if (!entry->relay)
		return;
	if (ret)
		relay_fail(entry->relay, &err);
	else
		relay_refetch(entry->relay, entry->source);
}

static int ask(struct scheduler *scheduler, struct err *err)
{
	struct entry *entry;
	int ret = 0;

	scheduler->is_asking = true;
	while ((entry = find_without_link(scheduler)))
		renew(scheduler, entry);
	/* Always have some at hand, but not links that grow old. */
	if (scheduler->waiting.n &&
	    scheduler->ready.n < scheduler->options.jobs &&
	    !is_paused(scheduler))
		ret = ask_some(scheduler, err);
	scheduler->is_asking = false;
	if (!ret || !may_come_back(scheduler, err))
		return ret;
	log_info("%s; asking again", err->msg);
	err_clear(err);
	pause_for(scheduler, AWAY_MS);
	return 0;
}

static bool is_over(const struct scheduler *scheduler)
{
	return !scheduler->nmoving && !scheduler->ready.n &&
	       !scheduler->waiting.n;
}

/* Let go of what is moving; what is done is in the journals. */
static void stop(struct scheduler *scheduler)
{
	const struct err why = { .kind = ERR_CANCELED, .msg = "stopped" };
	uint64_t until = clock_ms() + STOP_MS;

	scheduler->is_stopping = true;
	for (size_t i = 0; i < scheduler->nmoving; i++)
		relay_fail(scheduler->moving[i]->relay, &why);
	while (scheduler->nmoving && clock_ms() < until) {
		unsigned since = bell_count(scheduler->news);

		pool_cancel(engine_pool(scheduler->options.source));
		pool_cancel(engine_pool(scheduler->options.target));
		turn(scheduler);
		if (scheduler->nmoving)
			bell_wait(scheduler->news, since, 10);
	}
}

static int carry(struct scheduler *scheduler, struct err *err)
{
	while (!is_over(scheduler)) {
		unsigned since = bell_count(scheduler->news);

		if (scheduler_look(scheduler))
			return err_set(err, ERR_CANCELED, "stopped");
		turn(scheduler);
		if (ask(scheduler, err))
			return -1;
		if (!is_paused(scheduler))
			start_entries(scheduler);
		if (scheduler->nmoving || is_paused(scheduler))
			bell_wait(scheduler->news, since, TICK_MS);
	}
	return 0;
}

int scheduler_run(struct scheduler *scheduler, struct err *err)
{
	int ret;

	engine_hold_budget(scheduler->options.source);
	engine_hold_budget(scheduler->options.target);
	ret = carry(scheduler, err);
	if (ret)
		stop(scheduler);
	return ret;
}

int scheduler_ask(struct scheduler *scheduler, struct err *err)
{
	while (scheduler->waiting.n) {
		if (scheduler_look(scheduler))
			return err_set(err, ERR_CANCELED, "stopped");
		if (ask_some(scheduler, err))
			return -1;
		report(scheduler);
	}
	return 0;
}

uint64_t scheduler_sent(const struct scheduler *scheduler)
{
	uint64_t sent = scheduler->sent;

	for (size_t i = 0; i < scheduler->nmoving; i++)
		sent += relay_moved(scheduler->moving[i]->relay) -
			relay_resumed(scheduler->moving[i]->relay);
	return sent;
}

bool scheduler_free(struct scheduler *scheduler)
{
	if (!scheduler)
		return true;
	if (scheduler->nmoving)
		return false;
	pool_on_news(engine_pool(scheduler->options.source), NULL, NULL);
	pool_on_news(engine_pool(scheduler->options.target), NULL, NULL);
	bell_free(scheduler->data);
	bell_free(scheduler->news);
	free(scheduler->moving);
	free(scheduler);
	return true;
}
