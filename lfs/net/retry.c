/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/retry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/net/libcurl.h"

enum {
	BASE_MS = 500,
	/* While nobody answers: often enough to notice when they do. */
	OFFLINE_DELAY_MS = 5000,
	AFTER_MAX_S = 24 * 3600
};

static bool is_offline(const struct err *err, const struct retry_facts *facts)
{
	/* What never moved may be a mistake in an address: those count. */
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

/* A server may ask for a day: longer than we wait for it when it is down. */
static unsigned asked_for(const struct retry_policy *policy,
			  const struct err *err)
{
	unsigned wait_ms = (unsigned)err->wait_ms;

	return wait_ms < policy->offline_ms ? wait_ms : policy->offline_ms;
}

bool retry_is_crowded(const struct err *err)
{
	return err->kind == ERR_BUSY ||
	       (err->kind == ERR_NETWORK && err->code == ECONNREFUSED);
}

bool retry_again(struct retry *retry, const struct retry_policy *policy,
		 const struct err *err, const struct retry_facts *facts,
		 unsigned *pause_ms)
{
	unsigned limit = policy->max_delay_ms;

	if (!err_is_transient(err))
		return false;
	if (facts->is_aside) {
		*pause_ms = asked_for(policy, err);
		return true;
	}
	if (is_offline(err, facts)) {
		if (facts->now_ms - facts->moved_ms > policy->offline_ms)
			return false;
		if (limit > OFFLINE_DELAY_MS)
			limit = OFFLINE_DELAY_MS;
	} else if (retry->tries++ >= policy->retries) {
		return false;
	}
	*pause_ms = backoff(retry->pauses++, limit, facts->random);
	if (err->wait_ms > 0)
		*pause_ms = asked_for(policy, err) + *pause_ms / 4;
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
