/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/attempts.h"

#include "lfs/base/log.h"
#include "lfs/net/status.h"
#include "lfs/transfer/object.h"

enum {
	RENEWALS_MAX = 8,	/* of links, without a gain */
	RESENDS_MAX = 2,	/* the same, where all has to be sent again */
	RETRIES_MAX = 1,	/* after parts were tried as often as they may */
	ASKS_MAX = 4,	/* of a server that has not said yes or no */
	ASK_MS = 1000,	/* the first pause between them; the others double */
	LATER_MS = 1000	/* in which no other object is begun */
};

/* Progress resets the counts of retries; a few bytes are no progress. */
static void note_gain(struct attempts *attempts, const struct fate *fate)
{
	if (fate->kept < attempts->kept + OBJECT_GAIN)
		return;
	attempts->kept = fate->kept;
	attempts->retry = (struct retry)RETRY_INIT;
	err_clear(&attempts->first);
	attempts->was_put_off = false;
	/* Links expire many times in hours, and each has been of use. */
	if (fate->keeps_parts)
		attempts->renewals = 0;
}

/* If the server may have the object, nothing is sent before that is known. */
static bool must_know_first(const struct attempts_facts *facts,
			    const struct err *err)
{
	return facts->fate.may_be_done &&
	       (err->kind == ERR_PROTOCOL ||
		(!facts->can_ask && err->kind != ERR_BUSY));
}

/* Does the server no longer want what an earlier run has begun? */
static bool is_spent(const struct fate *fate, const struct err *err)
{
	if (err->kind == ERR_BUSY)
		return fate->is_last_try;
	return err->kind == ERR_REFUSED || err->kind == ERR_PROTOCOL ||
	       status_is_stale(err);
}

bool attempts_is_away(const struct err *err, uint64_t good_ms, uint64_t now_ms,
		      unsigned offline_ms)
{
	return err_is_transient(err) && good_ms &&
	       now_ms - good_ms <= offline_ms;
}

/*
 * An object that is put off comes after all others: once, or any number of
 * times while the server is away, which it is if nothing has gone well there
 * since the try began.  If others went well, or if nothing else is left, the
 * object itself is the cause; so it may be with a 500.
 */
static enum attempts_next decide_delay(struct attempts *attempts,
				       const struct attempts_facts *facts,
				       const struct err *err)
{
	const struct retry_facts *at = &facts->at;
	bool is_cause = err->code == 500 || at->moved_ms >= at->begun_ms ||
			(attempts->was_put_off && !facts->has_others);

	if (is_cause || !attempts_is_away(err, at->moved_ms, at->now_ms,
					  facts->policy.offline_ms)) {
		if (attempts->was_put_off)
			return ATTEMPTS_FAIL;
		attempts->was_put_off = true;
	}
	attempts->pause_ms = LATER_MS;
	return ATTEMPTS_LATER;
}

/* How many retries are allowed when other links may help? */
static unsigned count_retries(const struct attempts_facts *facts,
			      const struct err *err)
{
	if (facts->fate.was_tried_once)
		return facts->policy.retries;
	/* Other links do not help if something on the way answers. */
	return facts->fate.at_finish || err->is_strange ? 0 : RETRIES_MAX;
}

/*
 * A failure for the moment: another link may lead to a server that works, and
 * perhaps only the answer was lost.  git-lfs asks before each try; so do we if
 * a try is of the whole object.
 */
static enum attempts_next decide_retry(struct attempts *attempts,
				       const struct attempts_facts *facts,
				       struct err *err)
{
	struct retry_policy policy = facts->policy;
	struct err *first = &attempts->first;

	policy.retries = count_retries(facts, err);
	/* Parts have other numbers where others are stored by now. */
	if (!first->kind && !facts->fate.was_tried_once)
		*first = *err;
	if (retry_again(&attempts->retry, &policy, err, &facts->at,
			&attempts->pause_ms))
		return ATTEMPTS_RETRY;
	if (attempts->retry.pauses && first->kind)
		*err = *first;
	else if (attempts->retry.pauses)
		err_wrap(err, "gave up after %u tries",
			 attempts->retry.pauses + 1);
	return ATTEMPTS_FAIL;
}

/* How many times in a row may links be renewed? */
static unsigned count_renewals(const struct attempts_facts *facts,
			       const struct err *err)
{
	const struct fate *fate = &facts->fate;

	/* Without a status it was no server that refused (pipeline.c). */
	if (err->kind == ERR_EXPIRED)
		return fate->keeps_parts || !err->code ? RENEWALS_MAX :
							 RESENDS_MAX;
	/* If a new link is refused, too, the links are not the cause. */
	return fate->keeps_parts || !fate->at_finish ? 1 : 0;
}

static enum attempts_next decide_renewal(struct attempts *attempts,
					 const struct attempts_facts *facts,
					 struct err *err)
{
	unsigned most = count_renewals(facts, err);

	if (!status_is_stale(err) || err->code == 404)
		return ATTEMPTS_FAIL;
	attempts->wants_login = ++attempts->renewals > most;
	if (err->kind == ERR_AUTH && attempts->renewals <= RENEWALS_MAX)
		return ATTEMPTS_LOG_IN;
	if (!attempts->wants_login)
		return ATTEMPTS_RENEW;
	if (err->kind == ERR_EXPIRED)
		err_append(err, "; %u new links in a row have not helped",
			   most);
	return ATTEMPTS_FAIL;
}

static enum attempts_next decide_next(struct attempts *attempts,
				      const struct attempts_facts *facts,
				      struct err *err)
{
	if (must_know_first(facts, err))
		return ATTEMPTS_FAIL;
	if (facts->fate.is_resumed && !attempts->began_anew &&
	    is_spent(&facts->fate, err)) {
		attempts->began_anew = true;
		return ATTEMPTS_RENEW;
	}
	if (!facts->can_ask)
		return ATTEMPTS_FAIL;
	if (err_is_transient(err))
		return facts->is_one_of_many ?
			       decide_delay(attempts, facts, err) :
			       decide_retry(attempts, facts, err);
	/* An agent's transfer has seen to that itself. */
	if (err->kind == ERR_CORRUPT && facts->is_one_of_many &&
	    !attempts->was_spoilt) {
		attempts->was_spoilt = true;
		return ATTEMPTS_RENEW;
	}
	/* An answer that was kept for some time may be stale. */
	if (facts->answer_is_cached && err->kind == ERR_REFUSED)
		return ATTEMPTS_RETRY;
	return decide_renewal(attempts, facts, err);
}

static void log_next(enum attempts_next next, unsigned pause_ms,
		     const char *oid, const struct err *err)
{
	static const char *const texts[] = {
		[ATTEMPTS_RETRY] = "asking again",
		[ATTEMPTS_RENEW] = "trying again with new links",
		[ATTEMPTS_LOG_IN] = "trying again with another login",
		[ATTEMPTS_LATER] = "trying again later",
		[ATTEMPTS_ASK] = "asking whether the server has it",
	};

	if (next == ATTEMPTS_RETRY && pause_ms)
		log_info("%.12s: %s; asking again in %u ms", oid, err->msg,
			 pause_ms);
	else if (next != ATTEMPTS_FAIL)
		log_info("%.12s: %s; %s", oid, err->msg, texts[next]);
}

enum attempts_next attempts_next(struct attempts *attempts,
				 const struct attempts_facts *facts,
				 struct err *err)
{
	enum attempts_next next = ATTEMPTS_FAIL;

	if (attempts->has_failed)
		return next;
	attempts->pause_ms = 0;
	note_gain(attempts, &facts->fate);
	next = decide_next(attempts, facts, err);
	if (next == ATTEMPTS_FAIL && facts->can_ask &&
	    facts->fate.may_be_done) {
		next = ATTEMPTS_ASK;
		attempts->asks = err->kind == ERR_PROTOCOL ? ASKS_MAX : 1;
		attempts->nasked = 0;
	}
	attempts->has_failed = next == ATTEMPTS_FAIL || next == ATTEMPTS_ASK;
	log_next(next, attempts->pause_ms, facts->oid, err);
	return next;
}

bool attempts_logged_in(struct attempts *attempts, int ret)
{
	attempts->has_failed = ret < 0 || (!ret && attempts->wants_login);
	return !attempts->has_failed;
}

bool attempts_ask_again(struct attempts *attempts)
{
	if (++attempts->nasked >= attempts->asks)
		return false;
	attempts->pause_ms = (unsigned)ASK_MS << (attempts->nasked - 1);
	return true;
}
