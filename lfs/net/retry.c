/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/retry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/net/libcurl.h"

enum {
	BASE_MS = 500,
	OFFLINE_DELAY_MS = 5000,	/* notices soon that the peer is back */
	FIRST_DELAY_MS = 2000,	/* while a person waits */
	YIELD_MS = 100,	/* spreads requests that were refused together */
	/* A second 403 to the only connection is final. */
	REFUSALS_MAX = 8,
	REFUSALS_ALONE = REFUSALS_MAX - 1,
	STRANGE_MAX = 2,
	AFTER_MAX_S = 24 * 3600
};

static bool is_offline(const struct err *err, const struct retry_facts *facts)
{
	/* If nothing ever moved, an address may be wrong: those tries count. */
	return err->kind == ERR_OFFLINE && facts->moved_ms &&
	       facts->moved_ms < facts->begun_ms;
}

static unsigned backoff(unsigned pauses, unsigned limit, uint32_t random)
{
	uint64_t delay = (uint64_t)BASE_MS << (pauses < 16 ? pauses : 16);

	if (delay > limit)
		delay = limit;
	return (unsigned)(random % (delay + 1));
}

static bool is_forbidden(const struct err *err)
{
	return err->kind == ERR_REFUSED && err->code == 403;
}

bool retry_wants_fewer(const struct err *err)
{
	return is_forbidden(err) || (err->kind == ERR_BUSY &&
				     (err->code == 429 || err->code == 503));
}

static bool is_connection_refused(const struct err *err)
{
	return err->kind == ERR_NETWORK && err->code == ECONNREFUSED;
}

bool retry_may_wait(const struct retry *retry, const struct err *err)
{
	if (is_forbidden(err))
		return retry->refusals < REFUSALS_MAX;
	return err->kind == ERR_BUSY || is_connection_refused(err);
}

/*
 * Is this 403 perhaps one connection too many?  A server that counts late may
 * refuse a request that has become the only one.
 */
static bool may_be_crowded(struct retry *retry, const struct err *err,
			   bool yields_slot)
{
	if (!is_forbidden(err) ||
	    (!yields_slot &&
	     (!retry->refusals || retry->refusals >= REFUSALS_MAX)))
		return false;
	retry->refusals += yields_slot ? 1 : REFUSALS_ALONE;
	return true;
}

bool retry_is_unreached(const struct err *err)
{
	return err->kind == ERR_OFFLINE || is_connection_refused(err) ||
	       (err->kind == ERR_BUSY &&
		(err->code == 502 || err->code == 504 || err->is_strange));
}

/* A front may say "busy" for the server, in a page of its own. */
static bool stays_strange(struct retry *retry, const struct err *err)
{
	if (err->is_strange && err->kind != ERR_BUSY)
		retry->strange++;
	else
		retry->strange = 0;
	return retry->strange >= STRANGE_MAX;
}

/*
 * The host has never answered: is it tried again, soon?  A first request that
 * waited for all of the time may have got lost, so there is a second one.
 */
static bool try_first(struct retry *retry, const struct retry_policy *policy,
		      unsigned gone, const struct retry_facts *facts,
		      unsigned *pause_ms)
{
	unsigned limit = policy->max_delay_ms;
	bool is_over = gone >= policy->first_ms;
	bool was_long = facts->now_ms - facts->begun_ms >= gone;

	if (!policy->retries || (is_over && (retry->pauses || !was_long)))
		return false;
	if (limit > FIRST_DELAY_MS)
		limit = FIRST_DELAY_MS;
	*pause_ms = backoff(retry->pauses++, limit, facts->random);
	if (!is_over && *pause_ms > policy->first_ms - gone)
		*pause_ms = policy->first_ms - gone;
	return true;
}

bool retry_is_too_long(const struct retry_policy *policy, const struct err *err)
{
	return policy->longest_ms && err->wait_ms > 0 &&
	       (unsigned)err->wait_ms > policy->longest_ms;
}

/* Others seem to be served. */
static bool try_yielding(struct retry *retry, const struct retry_policy *policy,
			 const struct err *err, const struct retry_facts *facts,
			 unsigned *pause_ms)
{
	if (!retry->yields++)
		retry->yield_ms = facts->now_ms;
	*pause_ms = (unsigned)err->wait_ms + YIELD_MS +
		    facts->random % YIELD_MS;
	return !policy->longest_ms || retry->yields <= policy->retries ||
	       facts->now_ms - retry->yield_ms <= policy->longest_ms;
}

bool retry_again(struct retry *retry, const struct retry_policy *policy,
		 const struct err *err, const struct retry_facts *facts,
		 unsigned *pause_ms)
{
	bool is_crowded = may_be_crowded(retry, err, facts->yields_slot);
	unsigned limit = policy->max_delay_ms;

	if ((!is_crowded && !err_is_transient(err)) ||
	    stays_strange(retry, err) || retry_is_too_long(policy, err))
		return false;
	if (facts->yields_slot)
		return try_yielding(retry, policy, err, facts, pause_ms);
	if (policy->first_ms && err->unmet_ms)
		return try_first(retry, policy, err->unmet_ms, facts, pause_ms);
	if (is_offline(err, facts)) {
		if (facts->now_ms - facts->moved_ms > policy->offline_ms)
			return false;
		if (limit > OFFLINE_DELAY_MS)
			limit = OFFLINE_DELAY_MS;
	} else if (!is_crowded && retry->tries++ >= policy->retries) {
		return false;
	}
	*pause_ms = backoff(retry->pauses++, limit, facts->random);
	if (err->wait_ms > 0)
		*pause_ms = (unsigned)err->wait_ms + *pause_ms / 4;
	return true;
}

int retry_parse_after(const char *value, int64_t now)
{
	char *end;
	int64_t seconds;

	if (!value || !*value)
		return 0;
	seconds = strtoll(value, &end, 10);
	if (*end) {
		seconds = libcurl_getdate(value);
		if (seconds < 0)
			return 0;
		seconds -= now;
	}
	if (seconds <= 0)
		return 0;
	if (seconds > AFTER_MAX_S)
		seconds = AFTER_MAX_S;
	return (int)seconds * 1000;
}

void ceiling_init(struct ceiling *ceiling, unsigned most)
{
	*ceiling = (struct ceiling){ .most = most, .now = most };
}

void ceiling_lower(struct ceiling *ceiling, unsigned others)
{
	unsigned least = others ? others : 1;

	if (ceiling->now > least)
		ceiling->now = least;
	ceiling->successes = 0;
}

bool ceiling_raise(struct ceiling *ceiling)
{
	if (ceiling->now == ceiling->most ||
	    ++ceiling->successes < ceiling->now)
		return false;
	ceiling->now++;
	ceiling->successes = 0;
	return true;
}
