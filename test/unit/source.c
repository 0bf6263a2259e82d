/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/source.h"
#include "test/unit/unit.h"

#define HREF "https://lfs/object"
#define TARGET "https://cdn/object?signed"
#define OTHER "https://cdn2/object?signed"

#define MIB (UINT64_C(1) << 20)
#define SIZE (64 * MIB)
#define FROM (UINT64_C(16) * MIB)
#define RANGE "bytes 16777216-33554431/67108864"

static struct err err_of(enum err_kind kind)
{
	struct err err = ERR_INIT;

	err_set(&err, kind, "no");
	return err;
}

static struct source *new_source(void)
{
	return source_new(NULL, HREF, SIZE);
}

/* The range of a part that is neither the first nor the last. */
static void ask(struct source *source, struct source_route *route)
{
	*route = (struct source_route)SOURCE_ROUTE_INIT;
	source_ask(source, route, FROM, true);
}

/* Is this what the next request is to ask? */
static void expect(struct source *source, const char *target, const char *etag)
{
	struct source_route route;

	ask(source, &route);
	if (target)
		assert_string_equal(route.target, target);
	else
		assert_null(route.target);
	if (etag)
		assert_string_equal(route.etag, etag);
	else
		assert_null(route.etag);
	source_done(source, &route);
}

static void hear(struct source *source, struct source_route *route,
		 const char *url, const char *etag)
{
	const struct source_answer answer = {
		.status = 206,
		.range = RANGE,
		.url = url,
		.etag = etag,
	};
	struct err err = ERR_INIT;

	assert_int_equal(source_head(source, route, &answer, &err),
			 SOURCE_TAKE);
}

/* A request by the latest way, its answer from `url`. */
static void answer(struct source *source, const char *url, const char *etag)
{
	struct source_route route;

	ask(source, &route);
	hear(source, &route, url, etag);
	source_done(source, &route);
}

static bool failed(struct source *source, enum err_kind kind)
{
	struct err err = err_of(kind);
	struct source_route route;
	bool again;

	ask(source, &route);
	again = source_failed(source, &route, 0, &err);
	source_done(source, &route);
	return again;
}

static void without_redirects(void **state)
{
	struct source *source = new_source();

	(void)state;
	expect(source, NULL, NULL);
	answer(source, HREF, "\"a\"");
	expect(source, NULL, "\"a\"");
	/* There is nothing better to ask than what was asked. */
	assert_false(failed(source, ERR_REFUSED));
	assert_false(failed(source, ERR_NETWORK));
	expect(source, NULL, "\"a\"");
	answer(source, HREF, "W/\"a\"");
	expect(source, NULL, NULL);
	assert_false(source_has_changed(source));
	source_free(source);
}

static void a_target_lives_until_it_fails(void **state)
{
	static const enum err_kind answers[] = { ERR_PROTOCOL, ERR_AUTH,
						 ERR_REFUSED, ERR_EXPIRED };
	static const enum err_kind others[] = { ERR_BUSY, ERR_NETWORK,
						ERR_OFFLINE };
	struct source *source = new_source();

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		answer(source, TARGET, "\"a\"");
		answer(source, TARGET, "\"a\"");
		expect(source, TARGET, "\"a\"");
		assert_true(failed(source, answers[i]));
		expect(source, NULL, NULL);
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		answer(source, OTHER, NULL);
		assert_false(failed(source, others[i]));
		expect(source, NULL, NULL);
	}
	answer(source, TARGET, NULL);
	assert_false(failed(source, ERR_LOCAL));
	assert_false(failed(source, ERR_CANCELED));
	expect(source, TARGET, NULL);
	source_free(source);
}

/* A link that is good for one range: 403 to any other. */
static void a_target_that_never_served_is_the_last(void **state)
{
	struct source *source = new_source();

	(void)state;
	answer(source, TARGET, NULL);
	assert_true(failed(source, ERR_REFUSED));
	answer(source, OTHER, "\"a\"");
	expect(source, NULL, "\"a\"");
	source_free(source);
}

/* Answers of a target while it serves others, and when it serves none. */
static void a_target_that_wants_fewer(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
		bool is_kept;
	} cases[] = { { ERR_REFUSED, 403, true },
		      { ERR_BUSY, 429, true },
		      { ERR_BUSY, 503, true },
		      { ERR_BUSY, 500, false },
		      { ERR_EXPIRED, 403, false } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { .kind = cases[i].kind,
				   .code = cases[i].code };
		struct source *source = new_source();
		struct source_route served, refused;

		answer(source, TARGET, "\"a\"");
		ask(source, &served);
		ask(source, &refused);
		hear(source, &served, TARGET, "\"a\"");
		assert_int_equal(source_failed(source, &refused, 0, &err),
				 err.kind == ERR_EXPIRED);
		expect(source, cases[i].is_kept ? TARGET : NULL,
		       cases[i].is_kept ? "\"a\"" : NULL);
		source_done(source, &refused);
		source_done(source, &served);

		answer(source, TARGET, NULL);
		assert_int_equal(failed(source, err.kind),
				 err.kind != ERR_BUSY);
		expect(source, NULL, NULL);
		source_free(source);
	}
}

/* A late failure of the old target is not one of the new. */
static void failures_are_of_their_target(void **state)
{
	struct source *source = new_source();
	struct err err = err_of(ERR_REFUSED);
	struct source_route late;

	(void)state;
	answer(source, TARGET, NULL);
	ask(source, &late);
	answer(source, TARGET, NULL);
	failed(source, ERR_EXPIRED);
	answer(source, OTHER, "\"b\"");
	assert_true(source_failed(source, &late, 0, &err));
	expect(source, OTHER, "\"b\"");
	source_done(source, &late);
	source_free(source);
}

static void etags_that_differ(void **state)
{
	struct source *source = new_source();

	(void)state;
	answer(source, HREF, "\"a\"");
	answer(source, HREF, NULL);
	answer(source, HREF, "\"a\"");
	assert_false(source_has_changed(source));
	answer(source, HREF, "\"b\"");
	assert_true(source_has_changed(source));
	source_free(source);

	source = new_source();
	answer(source, TARGET, "\"a\"");
	source_doubt(source);
	assert_true(source_has_changed(source));
	expect(source, TARGET, NULL);
	answer(source, TARGET, "\"b\"");
	expect(source, TARGET, NULL);
	source_renew(source, HREF "?renewed");
	expect(source, NULL, NULL);
	assert_true(source_has_changed(source));
	source_free(source);
	source_free(NULL);
}

/* How a source comes to each of its states. */
static struct source *source_in(enum source_state state)
{
	const struct err err = err_of(ERR_PROTOCOL);
	struct source *source = new_source();
	struct source_route route;

	switch (state) {
	case SOURCE_UNKNOWN:
		break;
	case SOURCE_EXPECTED:
		source_expect(source);
		break;
	case SOURCE_HEEDED:
		answer(source, HREF, NULL);
		break;
	case SOURCE_IGNORED:
		source_took_all(source);
		break;
	case SOURCE_WHOLE:
		ask(source, &route);
		assert_false(source_failed(source, &route, 416, &err));
		source_done(source, &route);
		assert_true(source_ask_whole(source, &err));
		break;
	}
	assert_int_equal(source_state(source), state);
	return source;
}

/* (state x answer): what becomes of the answer, and of the state. */
enum {
	UNKNOWN = 1 << SOURCE_UNKNOWN,
	EXPECTED = 1 << SOURCE_EXPECTED,
	HEEDED = 1 << SOURCE_HEEDED,
	IGNORED = 1 << SOURCE_IGNORED,
	WHOLE = 1 << SOURCE_WHOLE,
	UNSEEN = UNKNOWN | EXPECTED | IGNORED,
	ANY = UNKNOWN | EXPECTED | HEEDED | IGNORED | WHOLE
};

static const struct row {
	const char *name;
	int states;	/* the row is for each of these */
	uint64_t from;
	int status;	/* of the answer, and three of its headers */
	const char *range, *length, *encoding;
	enum source_verdict verdict;
	int becomes;	/* the state after it; 0: what it was */
	enum source_trouble trouble;
	const char *why;	/* in the error of a refusal */
} rows[] = {
	{ "the range", UNKNOWN | EXPECTED, FROM, 206, RANGE, "16777216", NULL,
	  SOURCE_TAKE, HEEDED, SOURCE_FINE, NULL },
	{ "the range", HEEDED | IGNORED | WHOLE, FROM, 206, RANGE, "16777216",
	  NULL, SOURCE_TAKE, 0, SOURCE_FINE, NULL },
	{ "a total that cannot be", ANY, FROM, 206,
	  "bytes 16777216-33554431/67108865", NULL, NULL, SOURCE_REFUSE, 0,
	  SOURCE_FINE, "the server has 67108865 bytes" },
	{ "Gitea's total", UNKNOWN | EXPECTED, FROM, 206,
	  "bytes 16777216-67108863/50331648", NULL, NULL, SOURCE_TAKE, HEEDED,
	  SOURCE_FINE, NULL },
	{ "another range", ANY, FROM, 206, "bytes 0-33554431/67108864", NULL,
	  NULL, SOURCE_REFUSE, 0, SOURCE_USELESS, "is 0-33554431 when asked" },
	{ "no Content-Range", ANY, FROM, 206, NULL, NULL, NULL, SOURCE_REFUSE,
	  0, SOURCE_USELESS, "makes no sense" },
	{ "a compressed range", ANY, FROM, 206, RANGE, "1000", "gzip",
	  SOURCE_REFUSE, 0, SOURCE_ENCODED, "compressed" },
	{ "a range of another length", ANY, FROM, 206, RANGE, "1000", NULL,
	  SOURCE_REFUSE, 0, SOURCE_USELESS, "has 1000 bytes, not 16777216" },
	{ "the whole, first", UNKNOWN, FROM, 200, NULL, "67108864", NULL,
	  SOURCE_TAKE_ALL, IGNORED, SOURCE_FINE, NULL },
	{ "the whole, again", IGNORED | WHOLE, FROM, 200, NULL, "67108864",
	  NULL, SOURCE_TAKE, 0, SOURCE_FINE, NULL },
	{ "the whole, with little in vain", EXPECTED | HEEDED, 4 * MIB, 200,
	  NULL, "67108864", NULL, SOURCE_TAKE, 0, SOURCE_FINE, NULL },
	{ "the whole, with much in vain", EXPECTED | HEEDED, 4 * MIB + 1, 200,
	  NULL, "67108864", NULL, SOURCE_REFUSE, 0, SOURCE_USELESS,
	  "the whole object for a range" },
	{ "a whole of no length", UNKNOWN, FROM, 200, NULL, NULL, NULL,
	  SOURCE_TAKE_ALL, IGNORED, SOURCE_FINE, NULL },
	{ "a whole of another length", ANY, FROM, 200, NULL, "7", NULL,
	  SOURCE_REFUSE, 0, SOURCE_FINE, "has 7 bytes, not 67108864" },
	{ "a compressed whole", ANY, 0, 200, NULL, "7", "gzip", SOURCE_REFUSE,
	  0, SOURCE_ENCODED, "compressed" },
	{ "a whole that is stored so", IGNORED | WHOLE, 0, 200, NULL,
	  "67108864", "gzip", SOURCE_TAKE, 0, SOURCE_FINE, NULL },
};

static void check_row(const struct row *row, enum source_state state)
{
	const struct source_answer answer = {
		.status = row->status,
		.range = row->range,
		.length = row->length,
		.encoding = row->encoding,
		.url = HREF,
	};
	struct source *source = source_in(state);
	struct source_route route = SOURCE_ROUTE_INIT;
	struct err err = ERR_INIT;
	enum source_verdict verdict;

	source_ask(source, &route, row->from, true);
	assert_int_equal(route.has_range, state != SOURCE_WHOLE);
	verdict = source_head(source, &route, &answer, &err);
	if (verdict == SOURCE_TAKE_ALL)
		source_took_all(source);
	if (verdict != row->verdict || route.trouble != row->trouble ||
	    1 << source_state(source) !=
		    (row->becomes ? row->becomes : 1 << state))
		fail_msg("%s in state %d: verdict %d, trouble %d, state %d: %s",
			 row->name, state, verdict, route.trouble,
			 source_state(source), err.msg);
	assert_int_equal(!!row->why, verdict == SOURCE_REFUSE);
	if (row->why && !strstr(err.msg, row->why))
		fail_msg("%s in state %d: %s", row->name, state, err.msg);
	if (verdict != SOURCE_REFUSE)
		assert_int_equal(route.skip,
				 row->status == 206 ? 0 : row->from);
	source_done(source, &route);
	source_free(source);
}

static void states_and_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int is = SOURCE_UNKNOWN; is <= SOURCE_WHOLE; is++)
			if (rows[i].states & 1 << is)
				check_row(&rows[i], (enum source_state)is);
}

/* (state x refusal): does the whole follow, or is the range still wanted? */
static void states_and_refusals(void **state)
{
	static const struct {
		int status;
		int whole;	/* in these states the whole is asked for */
		int renewed;	/* likewise, with a renewed link */
	} cases[] = {
		{ 416, ANY & ~WHOLE, ANY & ~WHOLE },
		{ 501, ANY & ~WHOLE, ANY & ~WHOLE },
		{ 400, UNSEEN, UNSEEN },
		{ 405, UNSEEN, UNSEEN },
		{ 412, UNSEEN, UNSEEN },
		{ 422, UNSEEN, UNSEEN },
		{ 403, 0, UNSEEN },
		{ 401, 0, 0 },
		{ 404, 0, 0 },
		{ 408, 0, 0 },
		{ 410, 0, 0 },
		{ 429, 0, 0 },
		{ 500, 0, 0 },
		{ 503, 0, 0 },
		{ 0, 0, 0 },
	};
	const struct err err = err_of(ERR_REFUSED);

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * 10; i++) {
		int status = cases[i / 10].status, is = (int)(i % 5);
		bool renew = i % 10 >= 5;
		struct source *source = source_in((enum source_state)is);
		struct source_route route;
		bool whole;

		if (renew)
			source_renew(source, HREF);
		ask(source, &route);
		assert_false(source_failed(source, &route, status, &err));
		source_done(source, &route);
		whole = source_ask_whole(source, &err);
		if (whole !=
		    !!((renew ? cases[i / 10].renewed : cases[i / 10].whole) &
		       1 << is))
			fail_msg("%d in state %d, renewed %d: %d", status, is,
				 renew, whole);
		assert_int_equal(source_state(source),
				 whole ? SOURCE_WHOLE : is);
		source_free(source);
	}
}

/* One try more from `href`: without a condition, or decoded. */
static void asked_anew(void **state)
{
	struct source_answer answer_of = {
		.status = 200,
		.length = "67108864",
		.url = TARGET,
		.etag = "\"b\"",
	};
	struct source *source = source_in(SOURCE_EXPECTED);
	struct source_route route;
	struct err err = ERR_INIT;

	(void)state;
	answer(source, TARGET, "\"a\"");
	ask(source, &route);
	assert_int_equal(source_head(source, &route, &answer_of, &err),
			 SOURCE_REFUSE);
	assert_int_equal(route.trouble, SOURCE_CHANGED);
	assert_true(source_failed(source, &route, 200, &err));
	source_done(source, &route);
	source_ask(source, &route, FROM, true);
	assert_null(route.target);
	assert_null(route.etag);
	assert_true(source_has_changed(source));
	/* But not for ever. */
	assert_false(source_failed(source, &route, 200, &err));
	source_done(source, &route);
	source_free(source);

	source = source_in(SOURCE_EXPECTED);
	err_clear(&err);
	route = (struct source_route)SOURCE_ROUTE_INIT;
	source_ask(source, &route, 0, false);
	assert_false(route.has_range);
	answer_of.encoding = "gzip";
	answer_of.length = "7";
	assert_int_equal(source_head(source, &route, &answer_of, &err),
			 SOURCE_REFUSE);
	assert_true(source_failed(source, &route, 200, &err));
	source_done(source, &route);
	source_ask(source, &route, 0, false);
	assert_true(route.decodes);
	assert_int_equal(source_head(source, &route, &answer_of, &err),
			 SOURCE_TAKE);
	source_done(source, &route);
	source_free(source);
}

/* The target fails, and then the server compresses what it gives instead. */
static void asked_anew_for_each_reason(void **state)
{
	struct source *source = new_source();
	const struct source_answer compressed = {
		.status = 206,
		.range = RANGE,
		.length = "7",
		.encoding = "gzip",
		.url = HREF,
	};
	struct source_route route;
	struct err err = err_of(ERR_REFUSED);

	(void)state;
	answer(source, TARGET, NULL);
	ask(source, &route);
	assert_string_equal(route.target, TARGET);
	assert_true(source_failed(source, &route, 403, &err));
	source_done(source, &route);
	source_ask(source, &route, FROM, true);
	err_clear(&err);
	assert_int_equal(source_head(source, &route, &compressed, &err),
			 SOURCE_REFUSE);
	assert_int_equal(route.trouble, SOURCE_ENCODED);
	assert_true(source_failed(source, &route, 206, &err));
	source_done(source, &route);
	source_ask(source, &route, FROM, true);
	assert_true(route.decodes);
	assert_null(route.target);
	err_clear(&err);
	assert_int_equal(source_head(source, &route, &compressed, &err),
			 SOURCE_TAKE);
	/* Decoding has failed: that is all. */
	err_set(&err, ERR_PROTOCOL, "no");
	assert_false(source_failed(source, &route, 206, &err));
	assert_true(source_ask_whole(source, &err));
	source_done(source, &route);
	source_free(source);
}

/* The next object remembers what servers did with ranges. */
static void the_next_object(void **state)
{
	struct source_memory memory = { .url = NULL };
	const struct {
		const char *href;
		uint64_t size;
		enum source_state before;
		enum source_state learned;	/* UNKNOWN: nothing */
	} cases[] = {
		/* The bytes of an unknown server that may be wasted. */
		{ HREF, 4 * MIB, SOURCE_EXPECTED, SOURCE_UNKNOWN },
		{ HREF, 4 * MIB + 1, SOURCE_UNKNOWN, SOURCE_HEEDED },
		{ HREF "2", SIZE, SOURCE_EXPECTED, SOURCE_UNKNOWN },
		{ OTHER, SIZE, SOURCE_UNKNOWN, SOURCE_UNKNOWN },
		/* It has changed its mind. */
		{ HREF, SIZE, SOURCE_EXPECTED, SOURCE_IGNORED },
		{ HREF "3", SIZE, SOURCE_UNKNOWN, SOURCE_UNKNOWN },
		{ HREF, 1, SOURCE_UNKNOWN, SOURCE_UNKNOWN },
		/* One server is remembered. */
		{ OTHER, SIZE, SOURCE_UNKNOWN, SOURCE_HEEDED },
		{ OTHER, SIZE, SOURCE_EXPECTED, SOURCE_UNKNOWN },
		{ HREF, 1, SOURCE_EXPECTED, SOURCE_UNKNOWN },
		{ HREF, SIZE, SOURCE_UNKNOWN, SOURCE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source *source = source_new(&memory, cases[i].href,
						   cases[i].size);
		struct source_route route = SOURCE_ROUTE_INIT;
		struct source_answer whole = { .status = 200,
					       .url = cases[i].href };
		struct err err = ERR_INIT;

		assert_int_equal(source_state(source), cases[i].before);
		source_ask(source, &route, 1, true);
		if (cases[i].learned == SOURCE_IGNORED)
			source_head(source, &route, &whole, &err);
		source_done(source, &route);
		if (cases[i].learned == SOURCE_HEEDED) {
			whole.status = 206;
			whole.range = "bytes 1-1/*";
			source_head(source, &route, &whole, &err);
		}
		assert_int_equal(err.kind, ERR_NONE);
		source_remember(source);
		source_free(source);
	}
	free(memory.url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_and_answers),
		cmocka_unit_test(states_and_refusals),
		cmocka_unit_test(asked_anew),
		cmocka_unit_test(asked_anew_for_each_reason),
		cmocka_unit_test(the_next_object),
		cmocka_unit_test(without_redirects),
		cmocka_unit_test(a_target_lives_until_it_fails),
		cmocka_unit_test(a_target_that_never_served_is_the_last),
		cmocka_unit_test(a_target_that_wants_fewer),
		cmocka_unit_test(failures_are_of_their_target),
		cmocka_unit_test(etags_that_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
