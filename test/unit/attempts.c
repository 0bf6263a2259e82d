/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/attempts.h"
#include "lfs/transfer/object.h"
#include "test/unit/unit.h"

enum { NOW_MS = 1000000, OFFLINE_MS = 60000, TRIES = 12 };

/* How a try has failed, and what is known of it. */
enum {
	FINISHING = 1 << 0,
	MAYBE_DONE = 1 << 1,
	KEEPS = 1 << 2,	/* a download, or a server that leaves parts out */
	ONCE = 1 << 3,	/* tried once by the pool */
	RESUMED = 1 << 4,
	LAST_TRY = 1 << 5,
	STRANGE = 1 << 6,
	KEPT_LINK = 1 << 7,
	MANY = 1 << 8,	/* fork */
	OTHERS = 1 << 9,
	AWAY = 1 << 10,	/* nothing has gone well since the try began */
	GONE = 1 << 11,	/* away, for longer than we wait */
	NO_SERVER = 1 << 12,	/* git-lfs has asked: we cannot */
	GAINS = 1 << 13,	/* more has arrived with each try */
	TRICKLES = 1 << 14	/* the same, but next to nothing */
};

/*
 * The decisions if each try fails in this way: a letter each, up to the last.
 * R retry, N new links, L log in, P put off, A ask, F fail, + and so on.
 */
static const struct row {
	const char *name;
	enum err_kind kind;
	int code;
	unsigned how;
	const char *next;
} rows[] = {
	/* Failures that may pass. */
	{ "parts, after the pool", ERR_BUSY, 503, KEEPS, "RF" },
	{ "likewise, an upload", ERR_BUSY, 503, 0, "RF" },
	{ "the network", ERR_NETWORK, 0, KEEPS, "RF" },
	{ "tried once by the pool", ERR_BUSY, 503, ONCE, "RRRF" },
	{ "at the finish: often enough", ERR_BUSY, 503, FINISHING, "F" },
	{ "something else answers", ERR_NETWORK, 0, KEEPS | STRANGE, "F" },
	{ "likewise, tried once", ERR_NETWORK, 0, ONCE | STRANGE, "RF" },
	{ "each try brings more", ERR_BUSY, 503, KEEPS | GAINS, "R+" },
	{ "but a trickle is none", ERR_BUSY, 503, KEEPS | TRICKLES, "RF" },
	{ "offline", ERR_OFFLINE, 0, KEEPS | AWAY, "R+" },
	{ "offline for too long", ERR_OFFLINE, 0, KEEPS | GONE, "F" },
	{ "git-lfs does not ask", ERR_BUSY, 503, NO_SERVER, "F" },
	{ "what retries cannot mend", ERR_LOCAL, 28, KEEPS, "F" },
	{ "nor does a no", ERR_REFUSED, 422, KEEPS, "F" },
	{ "nor nonsense", ERR_PROTOCOL, 200, KEEPS, "F" },
	{ "nor a stop", ERR_CANCELED, 0, KEEPS, "F" },
	{ "an agent's file is wrong", ERR_CORRUPT, 0, 0, "F" },

	/* Links. */
	{ "expired, of a download", ERR_EXPIRED, 403, KEEPS, "NNNNNNNNF" },
	{ "all is to be sent again", ERR_EXPIRED, 403, 0, "NNF" },
	{ "expired, each of use", ERR_EXPIRED, 403, KEEPS | GAINS, "N+" },
	{ "of use, but sent again", ERR_EXPIRED, 403, GAINS, "NNF" },
	{ "expired by a trickle", ERR_EXPIRED, 403, KEEPS | TRICKLES,
	  "NNNNNNNNF" },
	{ "expired at the finish", ERR_EXPIRED, 403, FINISHING, "NNF" },
	{ "the spool's, not a server's", ERR_EXPIRED, 0, MANY, "NNNNNNNNF" },
	{ "refused", ERR_REFUSED, 403, KEEPS, "NF" },
	{ "refused, an upload", ERR_REFUSED, 403, 0, "NF" },
	{ "gone", ERR_REFUSED, 410, KEEPS, "NF" },
	{ "not found", ERR_REFUSED, 404, KEEPS, "F" },
	{ "not found, by an old link", ERR_REFUSED, 404, KEEPS | KEPT_LINK,
	  "R+" },
	{ "expired, an old link", ERR_EXPIRED, 403, KEEPS | KEPT_LINK,
	  "NNNNNNNNF" },
	{ "a refused completion", ERR_REFUSED, 403, FINISHING, "F" },
	{ "a refused verification", ERR_REFUSED, 403, FINISHING | KEEPS, "NF" },
	{ "git-lfs has the links", ERR_EXPIRED, 403, NO_SERVER, "F" },

	/* Logins; with another one each time. */
	{ "a login", ERR_AUTH, 401, KEEPS, "LLLLLLLLF" },
	{ "a login, all sent again", ERR_AUTH, 401, 0, "LLLLLLLLF" },
	{ "a login of git-lfs's", ERR_AUTH, 401, NO_SERVER, "F" },

	/* An earlier run's upload. */
	{ "resumed, refused", ERR_REFUSED, 422, RESUMED, "NF" },
	{ "resumed, not found", ERR_REFUSED, 404, RESUMED, "NF" },
	{ "resumed, expired", ERR_EXPIRED, 403, RESUMED, "NNNF" },
	{ "resumed, nonsense", ERR_PROTOCOL, 200, RESUMED, "NF" },
	{ "resumed, 401", ERR_AUTH, 401, RESUMED, "NLLLLLLLLF" },
	{ "resumed, busy", ERR_BUSY, 503, RESUMED, "RF" },
	{ "for the last time", ERR_BUSY, 503, RESUMED | LAST_TRY, "NRF" },
	{ "resumed for git-lfs", ERR_REFUSED, 404, RESUMED | NO_SERVER, "NF" },
	{ "likewise, busy", ERR_BUSY, 503, RESUMED | NO_SERVER, "F" },
	{ "likewise, the last time", ERR_BUSY, 503,
	  RESUMED | NO_SERVER | LAST_TRY, "NF" },

	/* The object may be there. */
	{ "accepted", ERR_PROTOCOL, 202, FINISHING | MAYBE_DONE, "A" },
	{ "accepted, resumed", ERR_PROTOCOL, 202,
	  FINISHING | MAYBE_DONE | RESUMED, "A" },
	{ "accepted, a fork", ERR_PROTOCOL, 202, FINISHING | MAYBE_DONE | MANY,
	  "A" },
	{ "the answer is lost", ERR_NETWORK, 0, FINISHING | MAYBE_DONE, "A" },
	{ "lost, of one request", ERR_NETWORK, 0, ONCE | MAYBE_DONE, "RRRA" },
	{ "lost, then refused", ERR_REFUSED, 422, FINISHING | MAYBE_DONE, "A" },
	{ "lost, a fork", ERR_NETWORK, 0, FINISHING | MAYBE_DONE | MANY, "PA" },
	{ "lost, for git-lfs", ERR_REFUSED, 404,
	  FINISHING | MAYBE_DONE | RESUMED | NO_SERVER, "F" },
	{ "busy, for git-lfs", ERR_BUSY, 503,
	  FINISHING | MAYBE_DONE | RESUMED | NO_SERVER | LAST_TRY, "NF" },

	/* A fork: others are moved meanwhile. */
	{ "put off, once", ERR_BUSY, 503, MANY | OTHERS, "PF" },
	{ "however it was tried", ERR_BUSY, 503, MANY | STRANGE | FINISHING,
	  "PF" },
	{ "again, as it gets on", ERR_BUSY, 503, MANY | GAINS, "P+" },
	{ "a trickle", ERR_BUSY, 503, MANY | TRICKLES, "PF" },
	{ "the server is away", ERR_BUSY, 503, MANY | OTHERS | AWAY, "P+" },
	{ "away, the last object", ERR_NETWORK, 0, MANY | AWAY, "P+" },
	{ "away for too long", ERR_NETWORK, 0, MANY | OTHERS | GONE, "PF" },
	{ "a 500 may be its own", ERR_BUSY, 500, MANY | OTHERS | AWAY, "PF" },
	{ "spoilt on its way", ERR_CORRUPT, 0, MANY, "NF" },
	{ "refused, in a fork", ERR_REFUSED, 403, MANY | OTHERS, "NF" },
	{ "expired, in a fork", ERR_EXPIRED, 403, MANY | OTHERS, "NNF" },
};

static struct attempts_facts facts_of(unsigned how)
{
	uint64_t good_ms = how & GONE ? NOW_MS - OFFLINE_MS - 1 :
			   how & AWAY ? NOW_MS - 2000 :
					NOW_MS - 10;

	return (struct attempts_facts){
		.oid = "0123456789abcdef",
		.fate = { .was_tried_once = how & ONCE,
			  .at_finish = how & FINISHING,
			  .may_be_done = how & MAYBE_DONE,
			  .keeps_parts = how & KEEPS,
			  .is_resumed = how & RESUMED,
			  .is_last_try = how & LAST_TRY },
		.policy = { .retries = 3,
			    .max_delay_ms = 10000,
			    .offline_ms = OFFLINE_MS },
		.at = { .random = 7,
			.now_ms = NOW_MS,
			.begun_ms = NOW_MS - 1000,
			.moved_ms = good_ms },
		.answer_is_cached = how & KEPT_LINK,
		.can_ask = !(how & NO_SERVER),
		.is_one_of_many = how & MANY,
		.has_others = how & OTHERS,
	};
}

static struct err err_of(enum err_kind kind, int code, unsigned how)
{
	struct err err = ERR_INIT;

	err_set(&err, kind, "no");
	err.code = code;
	err.is_strange = how & STRANGE;
	return err;
}

static enum attempts_next fail_once(struct attempts *attempts, unsigned how,
				    enum err_kind kind, int code)
{
	struct attempts_facts facts = facts_of(how);
	struct err err = err_of(kind, code, how);

	return attempts_next(attempts, &facts, &err);
}

/* All that follows, TRIES at the most. */
static void play(const struct row *row, char *next)
{
	static const char letters[] = {
		[ATTEMPTS_FAIL] = 'F',	[ATTEMPTS_RETRY] = 'R',
		[ATTEMPTS_RENEW] = 'N', [ATTEMPTS_LOG_IN] = 'L',
		[ATTEMPTS_LATER] = 'P', [ATTEMPTS_ASK] = 'A',
	};
	struct attempts_facts facts = facts_of(row->how);
	struct attempts attempts = ATTEMPTS_INIT;
	size_t n = 0;

	while (n < TRIES) {
		struct err err = err_of(row->kind, row->code, row->how);

		if (row->how & GAINS)
			facts.fate.kept += OBJECT_GAIN;
		if (row->how & TRICKLES)
			facts.fate.kept++;
		next[n] = letters[attempts_next(&attempts, &facts, &err)];
		assert_int_equal(err.kind, row->kind);
		if (strchr("FA", next[n++]))
			break;
	}
	next[n] = '\0';
}

static bool matches(const char *next, const char *wanted)
{
	size_t n = strlen(wanted);

	if (wanted[n - 1] != '+')
		return !strcmp(next, wanted);
	return strlen(next) == TRIES && strspn(next, wanted) == TRIES;
}

static void failures_and_histories(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char next[TRIES + 1];

		play(&rows[i], next);
		if (!matches(next, rows[i].next))
			fail_msg("%s: %s, not %s", rows[i].name, next,
				 rows[i].next);
	}
}

/* The rows have one failure again and again; these are of several. */
static void failures_that_differ(void **state)
{
	struct attempts attempts = ATTEMPTS_INIT;

	(void)state;
	/* Links that expired and such that are refused are counted as one. */
	assert_int_equal(fail_once(&attempts, 0, ERR_EXPIRED, 403),
			 ATTEMPTS_RENEW);
	assert_int_equal(fail_once(&attempts, 0, ERR_REFUSED, 403),
			 ATTEMPTS_FAIL);
	/* The word is final. */
	assert_int_equal(fail_once(&attempts, KEEPS, ERR_BUSY, 503),
			 ATTEMPTS_FAIL);

	/* The server has been away, and then there is only this object. */
	attempts = (struct attempts)ATTEMPTS_INIT;
	assert_int_equal(fail_once(&attempts, MANY | OTHERS, ERR_BUSY, 503),
			 ATTEMPTS_LATER);
	assert_int_equal(fail_once(&attempts, MANY | OTHERS | AWAY, ERR_BUSY,
				   503),
			 ATTEMPTS_LATER);
	assert_int_equal(fail_once(&attempts, MANY | AWAY, ERR_BUSY, 503),
			 ATTEMPTS_FAIL);
}

/* A login that is not ours to choose is a link like any other. */
static void logins(void **state)
{
	static const struct {
		unsigned how;
		bool may[2];	/* go on without, each time */
	} cases[] = { { KEEPS, { true, false } },
		      { 0, { true, false } },
		      { FINISHING, { false, false } },
		      { FINISHING | KEEPS, { true, false } } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attempts attempts = ATTEMPTS_INIT;

		for (size_t j = 0; j < 2; j++) {
			assert_int_equal(fail_once(&attempts, cases[i].how,
						   ERR_AUTH, 401),
					 ATTEMPTS_LOG_IN);
			assert_false(attempts_logged_in(&attempts, -1));
			assert_int_equal(attempts_logged_in(&attempts, 0),
					 cases[i].may[j]);
			assert_true(attempts_logged_in(&attempts, 1));
		}
	}
}

/* Without the login nothing is tried any more. */
static void no_login(void **state)
{
	struct attempts attempts = ATTEMPTS_INIT;

	(void)state;
	fail_once(&attempts, KEEPS, ERR_AUTH, 401);
	assert_false(attempts_logged_in(&attempts, -1));
	assert_int_equal(fail_once(&attempts, KEEPS, ERR_AUTH, 401),
			 ATTEMPTS_FAIL);
}

/* Whether the server has it: how often is it asked, and when? */
static void questions(void **state)
{
	struct attempts attempts = ATTEMPTS_INIT;

	(void)state;
	fail_once(&attempts, FINISHING | MAYBE_DONE, ERR_PROTOCOL, 202);
	assert_int_equal(attempts.pause_ms, 0);
	for (unsigned ms = 1000; ms <= 4000; ms *= 2) {
		assert_true(attempts_ask_again(&attempts));
		assert_int_equal(attempts.pause_ms, ms);
	}
	assert_false(attempts_ask_again(&attempts));

	/* An object whose answer was lost is there by now, or never. */
	attempts = (struct attempts)ATTEMPTS_INIT;
	fail_once(&attempts, FINISHING | MAYBE_DONE, ERR_NETWORK, 0);
	assert_int_equal(attempts.pause_ms, 0);
	assert_false(attempts_ask_again(&attempts));
}

static void pauses(void **state)
{
	struct attempts_facts facts = facts_of(ONCE);
	struct attempts attempts = ATTEMPTS_INIT;
	struct err err = err_of(ERR_BUSY, 503, 0);

	(void)state;
	err.wait_ms = 5000;
	assert_int_equal(attempts_next(&attempts, &facts, &err),
			 ATTEMPTS_RETRY);
	assert_true(attempts.pause_ms >= 5000);
	assert_int_equal(fail_once(&attempts, 0, ERR_EXPIRED, 403),
			 ATTEMPTS_RENEW);
	assert_int_equal(attempts.pause_ms, 0);
	assert_int_equal(fail_once(&attempts, MANY, ERR_BUSY, 503),
			 ATTEMPTS_LATER);
	assert_int_equal(attempts.pause_ms, 1000);
}

/* The message of a final error; `says` NULL: as it came. */
static void words(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
		unsigned how;
		const char *says;
	} cases[] = {
		{ ERR_BUSY, 503, ONCE, "gave up after 4 tries: no 3" },
		/* The first failure of parts, as the pool has put it. */
		{ ERR_BUSY, 503, KEEPS, "no 0" },
		{ ERR_BUSY, 503, FINISHING, "no 0" },
		{ ERR_REFUSED, 403, KEEPS, "no 1" },
		{ ERR_EXPIRED, 403, 0,
		  "no 2; 2 new links in a row have not helped" },
		{ ERR_EXPIRED, 403, KEEPS,
		  "no 8; 8 new links in a row have not helped" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attempts_facts facts = facts_of(cases[i].how);
		struct attempts attempts = ATTEMPTS_INIT;
		enum attempts_next next;
		struct err err;
		unsigned n = 0;

		do {
			err_clear(&err);
			err_set(&err, cases[i].kind, "no %u", n++);
			err.code = cases[i].code;
			next = attempts_next(&attempts, &facts, &err);
		} while (next != ATTEMPTS_FAIL && n < TRIES);
		assert_string_equal(err.msg, cases[i].says);
	}
}

/* The first failure since something has arrived. */
static void first_words(void **state)
{
	struct attempts_facts facts = facts_of(KEEPS);
	struct attempts attempts = ATTEMPTS_INIT;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		err = (struct err)ERR_INIT;
		err_set(&err, ERR_BUSY, "no %u", i);
		assert_int_equal(attempts_next(&attempts, &facts, &err),
				 i < 2 ? ATTEMPTS_RETRY : ATTEMPTS_FAIL);
		if (!i)
			facts.fate.kept = OBJECT_GAIN;
	}
	assert_string_equal(err.msg, "no 1");
}

/* A server that answers nothing, not of one object but at all. */
static void a_server_that_is_away(void **state)
{
	struct err busy = err_of(ERR_BUSY, 503, 0);
	struct err refused = err_of(ERR_REFUSED, 403, 0);

	(void)state;
	assert_true(attempts_is_away(&busy, 1, OFFLINE_MS + 1, OFFLINE_MS));
	assert_false(attempts_is_away(&busy, 1, OFFLINE_MS + 2, OFFLINE_MS));
	assert_false(attempts_is_away(&busy, 0, 1, OFFLINE_MS));
	assert_false(attempts_is_away(&refused, 1, 2, OFFLINE_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_and_histories),
		cmocka_unit_test(failures_that_differ),
		cmocka_unit_test(logins),
		cmocka_unit_test(no_login),
		cmocka_unit_test(questions),
		cmocka_unit_test(pauses),
		cmocka_unit_test(words),
		cmocka_unit_test(first_words),
		cmocka_unit_test(a_server_that_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
