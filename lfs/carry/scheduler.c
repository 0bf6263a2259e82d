/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/scheduler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/wait.h"
#include "lfs/carry/relay.h"
#include "lfs/carry/survey.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/transfer/transfer.h"

enum {
	TICK_MS = 100,
	STOP_MS = 500,	/* for workers to come back, when we are to stop */
	AWAY_MS = 1000,	/* a pause, when a server is away for a while */
	ANSWER_LIVES_MS = 5 * 60 * 1000	/* how long its links are good for sure */
};

struct scheduler {
	struct scheduler_options options;
	struct relay_ends ends;
	struct bell *news;	/* owned */
	enum direction first;	/* DOWNLOAD: there is no target */
	struct queue waiting;	/* for the servers' answers */
	struct queue ready;	/* to be moved */
	struct entry **moving;	/* owned */
	size_t nmoving;
	uint64_t reported_ms;
	uint64_t moved;	/* bytes, by relays that are over */
	uint64_t done_ms[2];	/* when a job last went well, by direction; or 0 */
	uint64_t answered_ms;	/* when the survey last had answers; or 0 */
	uint64_t resume_ms;	/* nothing is begun before, as a server was away */
	bool is_asking;
	bool is_stopping;	/* what is moving is left to another run */
};

/* Something has come back from a pool; from any thread. */
static void scheduler_ring(void *ctx)
{
	struct scheduler *scheduler = ctx;

	bell_ring(scheduler->news);
	survey_wake(scheduler->options.survey);
}

struct scheduler *scheduler_new(const struct scheduler_options *options)
{
	struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));

	scheduler->options = *options;
	scheduler->first = options->engines[UPLOAD] ? UPLOAD : DOWNLOAD;
	scheduler->news = bell_new();
	scheduler->moving = xcalloc(options->jobs, sizeof(struct entry *));
	scheduler->ends.spool = options->spool;
	scheduler->ends.news = scheduler->news;
	for (int i = scheduler->first; i <= DOWNLOAD; i++) {
		scheduler->ends.engines[i] = options->engines[i];
		pool_on_news(engine_pool(options->engines[i]), scheduler_ring,
			     scheduler);
	}
	return scheduler;
}

void scheduler_put(struct scheduler *scheduler, struct entry *entry)
{
	queue_put_last(&scheduler->waiting, entry);
}

static void pause_for(struct scheduler *scheduler, unsigned ms)
{
	scheduler->resume_ms = clock_ms() + ms;
}

static bool is_paused(const struct scheduler *scheduler)
{
	return clock_ms() < scheduler->resume_ms;
}

/* An entry's relay, or the download of it, has failed: what is next? */
static enum attempts_next decide_next(const struct scheduler *scheduler,
				      struct entry *entry,
				      enum direction direction, struct err *err)
{
	const struct attempts_facts facts = {
		.oid = entry->pointer.oid,
		.fate = relay_fate(entry->relay, direction),
		.policy = engine_retry_policy(
			scheduler->options.engines[direction]),
		.at = { .now_ms = clock_ms(),
			.begun_ms = entry->begun_ms,
			.moved_ms = scheduler->done_ms[direction] },
		.can_ask = true,
		.is_one_of_many = true,
		.has_others = scheduler->nmoving > 1 || scheduler->ready.n ||
			      scheduler->waiting.n,
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

static void try_again_or_fail(struct scheduler *scheduler, struct entry *entry,
			      enum direction direction, struct err *err)
{
	enum attempts_next next = decide_next(scheduler, entry, direction, err);

	if (next == ATTEMPTS_FAIL) {
		entry_fail(entry, ENTRY_FAILED, err->msg);
		return;
	}
	entry->wants_login = next == ATTEMPTS_LOG_IN && direction == UPLOAD;
	entry->may_be_there = next == ATTEMPTS_ASK;
	entry->is_bad_here |= entry->is_local && err->kind == ERR_CORRUPT;
	entry_explain(entry, err->msg);
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

/* Bytes that this run has moved; a download may begin again at 0. */
static uint64_t count_moved(const struct entry *entry)
{
	uint64_t moved = relay_moved(entry->relay);

	return moved > entry->resumed ? moved - entry->resumed : 0;
}

/* Its relay has moved all of it. */
static int finish_entry(const struct scheduler *scheduler, struct entry *entry,
			struct err *err)
{
	struct finished finished;

	if (scheduler->first == DOWNLOAD) {
		if (relay_take(entry->relay, &finished, err))
			return -1;
		scheduler->options.take(scheduler->options.ctx, entry,
					&finished);
	}
	entry->state = ENTRY_MOVED;
	log_info("%s: moved, %" PRIu64 " bytes", entry->pointer.oid,
		 entry->pointer.size);
	return 0;
}

/* The relay of an entry is over: what has become of it? */
static void settle_entry(struct scheduler *scheduler, struct entry *entry)
{
	struct err err = ERR_INIT;
	enum direction failed = DOWNLOAD;
	int ret = relay_result(entry->relay, &failed, &err);

	scheduler->moved += count_moved(entry);
	entry->state = ENTRY_WAITING;
	if (!ret)
		ret = finish_entry(scheduler, entry, &err);
	if (ret && scheduler->is_stopping)
		log_debug("%.12s: %s", entry->pointer.oid, err.msg);
	else if (ret)
		try_again_or_fail(scheduler, entry, failed, &err);
	relay_free(entry->relay);
	entry->relay = NULL;
	if (entry_is_over(entry))
		entry_forget(entry);
}

static void collect_jobs(struct scheduler *scheduler, enum direction direction)
{
	struct pool *pool = engine_pool(scheduler->options.engines[direction]);
	struct job *job;

	while ((job = pool_wait(pool, 0))) {
		if (!job->err.kind)
			scheduler->done_ms[direction] = clock_ms();
		relay_returned(job);
	}
}

static void report_progress(struct scheduler *scheduler)
{
	const struct scheduler_options *options = &scheduler->options;
	uint64_t now = clock_ms();

	if (!options->report || now - scheduler->reported_ms < TICK_MS)
		return;
	scheduler->reported_ms = now;
	options->report(options->ctx);
}

/* All that can be done without asking a server. */
static void move_on(struct scheduler *scheduler)
{
	unsigned least = (unsigned)scheduler->nmoving + 1;
	size_t nleft = 0;

	for (int i = scheduler->first; i <= DOWNLOAD; i++) {
		engine_heed_budget(scheduler->options.engines[i], least);
		collect_jobs(scheduler, i);
	}
	for (size_t i = 0; i < scheduler->nmoving; i++)
		if (relay_advance(scheduler->moving[i]->relay))
			scheduler->moving[nleft++] = scheduler->moving[i];
		else
			settle_entry(scheduler, scheduler->moving[i]);
	scheduler->nmoving = nleft;
	report_progress(scheduler);
}

/* False if the spool has no room for it now. */
static bool start_entry(struct scheduler *scheduler, struct entry *entry)
{
	struct err err = ERR_INIT;

	if (clock_ms() - entry->asked_ms > ANSWER_LIVES_MS) {
		entry->state = ENTRY_WAITING;
		queue_put_first(&scheduler->waiting, entry);
		return true;
	}
	entry->relay = relay_new(&scheduler->ends, entry, &err);
	if (entry->relay) {
		entry->state = ENTRY_MOVING;
		entry->begun_ms = clock_ms();
		scheduler->moving[scheduler->nmoving++] = entry;
	} else if (err.kind == ERR_BUSY) {
		queue_put_first(&scheduler->ready, entry);
		return false;
	} else {
		entry_fail(entry, ENTRY_FAILED, err.msg);
	}
	return true;
}

/* Requests to a server that are left or under way, in its connections. */
static size_t count_requests(const struct scheduler *scheduler,
			     enum direction direction)
{
	const struct context *context = engine_context(
		scheduler->options.engines[direction]);
	size_t n = 0;

	for (size_t i = 0; i < scheduler->nmoving; i++)
		n += relay_requests(scheduler->moving[i]->relay, direction);
	return n / context->settings.connections;
}

/*
 * Do those that are moving keep both servers busy?  Then no other is begun: a
 * run that is stopped soon shall have some objects done, not all of them under
 * way.  To the target they may bring twice what it takes at once, so that it
 * never waits for the source.
 */
static bool is_busy(const struct scheduler *scheduler)
{
	const struct scheduler_options *options = &scheduler->options;

	if (options->has_room && !options->has_room(options->ctx))
		return true;
	return count_requests(scheduler, DOWNLOAD) >= 1 ||
	       (scheduler->first == UPLOAD &&
		count_requests(scheduler, UPLOAD) >= 2);
}

static void start_entries(struct scheduler *scheduler)
{
	struct entry *entry;

	while (!is_paused(scheduler) &&
	       scheduler->nmoving < scheduler->options.jobs &&
	       !is_busy(scheduler) && (entry = queue_take(&scheduler->ready)))
		if (!start_entry(scheduler, entry))
			return;
}

bool scheduler_look(struct scheduler *scheduler)
{
	if (scheduler->is_asking) {
		move_on(scheduler);
		start_entries(scheduler);
	}
	return stop_is_wanted(&scheduler->options.stop);
}

/* The next entries to ask about; those whose login is refused are over. */
static size_t take_waiting(struct scheduler *scheduler, struct entry **entries)
{
	struct entry *entry;
	size_t n = 0;

	while (n < BATCH_OBJECTS_MAX &&
	       (entry = queue_take(&scheduler->waiting))) {
		struct err err = ERR_INIT;

		if (entry->wants_login)
			err_set(&err, ERR_AUTH, "%s", entry->why);
		if (entry->wants_login &&
		    !log_in(scheduler, entry, UPLOAD, &err))
			entry_fail(entry, ENTRY_FAILED, err.msg);
		else
			entries[n++] = entry;
		entry->wants_login = false;
	}
	return n;
}

/* Ask the servers about the entries that come next. */
static int ask_some(struct scheduler *scheduler, struct err *err)
{
	struct entry *entries[BATCH_OBJECTS_MAX];
	size_t n = take_waiting(scheduler, entries);
	int ret;

	if (!n)
		return 0;
	ret = survey_ask(scheduler->options.survey, entries, n, err);
	if (!ret)
		scheduler->answered_ms = clock_ms();
	for (size_t i = 0; i < n; i++) {
		struct entry *entry = entries[i];

		if (entry_is_over(entry))
			continue;
		if (entry->may_be_there)
			pause_for(scheduler,
				  entry_attempts(entry, UPLOAD)->pause_ms);
		queue_put_last(entry->state == ENTRY_READY ?
				       &scheduler->ready :
				       &scheduler->waiting,
			       entry);
	}
	return ret;
}

static struct entry *find_without_link(struct scheduler *scheduler)
{
	for (size_t i = 0; i < scheduler->nmoving; i++)
		if (relay_wants_link(scheduler->moving[i]->relay))
			return scheduler->moving[i];
	return NULL;
}

/* The source's link of a moving entry has expired: ask for another. */
static void renew_link(struct scheduler *scheduler, struct entry *entry)
{
	struct err err = *relay_wants_link(entry->relay);
	enum attempts_next next = decide_next(scheduler, entry, DOWNLOAD, &err);
	int ret = -1;

	if (scheduler->first == UPLOAD)
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
		relay_refetch(entry->relay);
}

/* A server that has answered before gives no answer: may it come back? */
static bool may_come_back(const struct scheduler *scheduler,
			  const struct err *err)
{
	const struct context *context = engine_context(
		scheduler->options.engines[scheduler->first]);
	uint64_t good_ms = scheduler->answered_ms;

	for (int i = scheduler->first; i <= DOWNLOAD; i++)
		if (good_ms < scheduler->done_ms[i])
			good_ms = scheduler->done_ms[i];
	return attempts_is_away(err, good_ms, clock_ms(),
				context->settings.offline_ms);
}

/* Meanwhile the survey's `stop` keeps what is moving going. */
static int ask_servers(struct scheduler *scheduler, struct err *err)
{
	struct entry *entry;
	int ret = 0;

	scheduler->is_asking = true;
	while ((entry = find_without_link(scheduler)))
		renew_link(scheduler, entry);
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

/* Let go of what is moving; what is done is in the journals. */
static void let_go(struct scheduler *scheduler)
{
	const struct err why = { .kind = ERR_CANCELED, .msg = "stopped" };
	uint64_t until = clock_ms() + STOP_MS;

	scheduler->is_stopping = true;
	for (size_t i = 0; i < scheduler->nmoving; i++)
		relay_fail(scheduler->moving[i]->relay, &why);
	while (scheduler->nmoving && clock_ms() < until) {
		unsigned since = bell_count(scheduler->news);

		for (int i = scheduler->first; i <= DOWNLOAD; i++)
			pool_cancel(engine_pool(scheduler->options.engines[i]));
		move_on(scheduler);
		if (scheduler->nmoving)
			bell_wait(scheduler->news, since, 10);
	}
}

static int move_all(struct scheduler *scheduler, struct err *err)
{
	while (scheduler->nmoving || scheduler->ready.n ||
	       scheduler->waiting.n) {
		unsigned since = bell_count(scheduler->news);

		if (scheduler_look(scheduler))
			return err_set(err, ERR_CANCELED, "stopped");
		move_on(scheduler);
		if (ask_servers(scheduler, err))
			return -1;
		start_entries(scheduler);
		if (scheduler->nmoving || is_paused(scheduler))
			bell_wait(scheduler->news, since, TICK_MS);
	}
	return 0;
}

int scheduler_run(struct scheduler *scheduler, struct err *err)
{
	int ret;

	for (int i = scheduler->first; i <= DOWNLOAD; i++)
		engine_hold_budget(scheduler->options.engines[i]);
	ret = move_all(scheduler, err);
	if (ret)
		let_go(scheduler);
	return ret;
}

int scheduler_ask(struct scheduler *scheduler, struct err *err)
{
	while (scheduler->waiting.n) {
		if (scheduler_look(scheduler))
			return err_set(err, ERR_CANCELED, "stopped");
		if (ask_some(scheduler, err))
			return -1;
		report_progress(scheduler);
	}
	return 0;
}

uint64_t scheduler_moved(const struct scheduler *scheduler)
{
	uint64_t moved = scheduler->moved;

	for (size_t i = 0; i < scheduler->nmoving; i++)
		moved += count_moved(scheduler->moving[i]);
	return moved;
}

uint64_t scheduler_moving(const struct scheduler *scheduler)
{
	uint64_t moved = 0;

	for (size_t i = 0; i < scheduler->nmoving; i++)
		moved += relay_moved(scheduler->moving[i]->relay);
	return moved;
}

bool scheduler_free(struct scheduler *scheduler)
{
	if (!scheduler)
		return true;
	if (scheduler->nmoving)
		return false;
	for (int i = scheduler->first; i <= DOWNLOAD; i++)
		pool_on_news(engine_pool(scheduler->options.engines[i]), NULL,
			     NULL);
	bell_free(scheduler->news);
	free(scheduler->moving);
	free(scheduler);
	return true;
}
