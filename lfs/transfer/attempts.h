/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_ATTEMPTS_H
#define LFS_TRANSFER_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/net/retry.h"

/*
 * Decides what follows when the transfer of an object has failed: for the
 * agent, for `fork`, and for any other command that moves objects.
 *
 * What fails is tried again by three owners, and scripts/tries finds any other
 * loop that does so:
 *
 *	pool	  a request, `lfsmultipart.retries` times (8): retry.h decides.
 *		  A range that is asked for in another way goes out again at
 *		  once, once for each reason: source.h decides.  A `verify` that
 *		  is refused counts as lost, `lfs.transfer.maxverifies` times
 *		  (3): batch_verify_again()
 *	session	  a login: after a 401 another one, until three were rejected;
 *		  git-lfs-authenticate, `lfs.ssh.retries` times (5)
 *	attempts  an object, when these two have given up: this module decides
 *		  how often, by the limits at the top of attempts.c.  That is
 *		  carried out by move, scheduler and survey
 *
 * Without a loop, libcurl sends a request again that met a closed connection,
 * and a transfer fetches parts with wrong bytes again (four times) or aborts an
 * upload again (once).  A new run resumes an upload as often as resume.h says.
 *
 * This module says in the log what it decides.  It is pure but for that: time
 * and randomness are among the facts.
 *
 * A struct attempts is the history of one object in one direction.  It counts
 * the tries since the last gain: OBJECT_GAIN more bytes than had ever arrived
 * set the counts to 0.
 */

/* How a transfer has failed, by its own account. */
struct fate {
	bool is_resumed;	/* an upload that an earlier run had begun */
	bool is_last_try;	/* many runs have resumed it without progress */
	bool was_tried_once;	/* by the pool: it leaves retries to this module */
	bool at_finish;		/* all parts are at the server */
	bool may_be_done;	/* an upload: an answer was lost, or does not tell */
	bool keeps_parts;	/* what has moved counts with other links, too */
	uint64_t kept;		/* bytes that have arrived for good */
};

struct attempts_facts {
	const char *oid;
	struct fate fate;
	struct retry_policy policy;
	struct retry_facts at;	/* `moved_ms`: when its server last did well */
	bool answer_is_cached;	/* it may be stale, and its links, too */
	bool can_ask;	/* the LFS server, for links and for the object */
	bool is_one_of_many;	/* of a fork: it may wait until others had a turn */
	bool has_others;	/* are left to move */
};

enum attempts_next {
	ATTEMPTS_FAIL,	/* the error is final, and says so */
	ATTEMPTS_RETRY,	/* after `pause_ms`, with what there is of it */
	ATTEMPTS_RENEW,	/* with new links: an upload begins anew */
	ATTEMPTS_LOG_IN,	/* with new links, after attempts_logged_in() */
	ATTEMPTS_LATER,	/* as RETRY, but after all others */
	ATTEMPTS_ASK	/* whether the server has it: attempts_ask_again() */
};

struct attempts {
	unsigned pause_ms;	/* before the next try or question */
	/* The rest is this module's. */
	uint64_t kept;		/* the most that had arrived */
	bool began_anew;	/* in place of an earlier run's upload */
	bool was_spoilt;	/* its bytes were wrong */
	bool was_put_off;
	bool has_failed;
	bool wants_login;	/* with the same one it has failed */
	unsigned renewals;	/* of links, without a gain between */
	unsigned asks;	/* how often the server may be asked */
	unsigned nasked;	/* and was */
	struct retry retry;	/* of tries that failed for the moment */
	struct err first;	/* the error of the first, if it was of a part */
};

#define ATTEMPTS_INIT { .pause_ms = 0 }

/*
 * A try has failed with `err`: what is next?  ATTEMPTS_RETRY, RENEW, LOG_IN and
 * LATER ask the LFS server first if that can be asked.
 */
enum attempts_next attempts_next(struct attempts *attempts,
				 const struct attempts_facts *facts,
				 struct err *err);

/*
 * Call it after ATTEMPTS_LOG_IN, with what server_log_in() has returned.  True
 * if there is to be another try: a login that others choose is worth one.
 */
bool attempts_logged_in(struct attempts *attempts, int ret);

/*
 * Call it when the server, asked after ATTEMPTS_ASK, does not have the object.
 * One that has only said "accepted" may need a moment: true if it is to be
 * asked again, after `pause_ms`.
 */
bool attempts_ask_again(struct attempts *attempts);

/*
 * Is the server only away for a while?  It answers nothing now, but did well at
 * `good_ms` (0: never).
 */
bool attempts_is_away(const struct err *err, uint64_t good_ms, uint64_t now_ms,
		      unsigned offline_ms);

#endif
