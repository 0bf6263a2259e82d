/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lfs/transfer/source.h"

#define HREF "https://lfs/object"
#define TARGET "https://cdn/object?signed"
#define OTHER "https://cdn2/object?signed"

static struct err err_of(enum err_kind kind)
{
	struct err err = ERR_INIT;

	err_set(&err, kind, "no");
	return err;
}

/* Is this what the next request is to ask? */
static void expect(struct source *source, const char *target, const char *etag)
{
	struct source_route route;

	source_take(source, &route);
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

/* A request by the latest way, its answer from `url`. */
static void answer(struct source *source, const char *url, const char *etag)
{
	struct source_route route;

	source_take(source, &route);
	source_heard(source, &route, HREF, url, etag);
	source_done(source, &route);
}

static bool failed(struct source *source, enum err_kind kind)
{
	struct err err = err_of(kind);
	struct source_route route;
	bool again;

	source_take(source, &route);
	again = source_failed(source, &route, &err);
	source_done(source, &route);
	return again;
}

static void without_redirects(void **state)
{
	struct source *source = source_new();

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
	struct source *source = source_new();

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		answer(source, TARGET, "\"a\"");
		answer(source, TARGET, "\"a\"");
		expect(source, TARGET, "\"a\"");
		assert_true(failed(source, answers[i]));
		expect(source, NULL, NULL);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
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
	struct source *source = source_new();

	(void)state;
	answer(source, TARGET, NULL);
	assert_true(failed(source, ERR_REFUSED));
	answer(source, OTHER, "\"a\"");
	expect(source, NULL, "\"a\"");
	source_free(source);
}

/* What a target says while it serves others, and when it serves none. */
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { .kind = cases[i].kind,
				   .code = cases[i].code };
		struct source *source = source_new();
		struct source_route served, refused;

		answer(source, TARGET, "\"a\"");
		source_take(source, &served);
		source_take(source, &refused);
		source_heard(source, &served, HREF, TARGET, "\"a\"");
		assert_int_equal(source_failed(source, &refused, &err),
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
	struct source *source = source_new();
	struct err err = err_of(ERR_REFUSED);
	struct source_route late;

	(void)state;
	answer(source, TARGET, NULL);
	source_take(source, &late);
	answer(source, TARGET, NULL);
	failed(source, ERR_EXPIRED);
	answer(source, OTHER, "\"b\"");
	assert_true(source_failed(source, &late, &err));
	expect(source, OTHER, "\"b\"");
	source_done(source, &late);
	source_free(source);
}

static void etags_that_differ(void **state)
{
	struct source *source = source_new();

	(void)state;
	answer(source, HREF, "\"a\"");
	answer(source, HREF, NULL);
	answer(source, HREF, "\"a\"");
	assert_false(source_has_changed(source));
	answer(source, HREF, "\"b\"");
	assert_true(source_has_changed(source));
	source_free(source);

	source = source_new();
	answer(source, TARGET, "\"a\"");
	source_changed(source);
	assert_true(source_has_changed(source));
	expect(source, TARGET, NULL);
	answer(source, TARGET, "\"b\"");
	expect(source, TARGET, NULL);
	source_renew(source);
	expect(source, NULL, NULL);
	assert_true(source_has_changed(source));
	source_free(source);
	source_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_redirects),
		cmocka_unit_test(a_target_lives_until_it_fails),
		cmocka_unit_test(a_target_that_never_served_is_the_last),
		cmocka_unit_test(a_target_that_wants_fewer),
		cmocka_unit_test(failures_are_of_their_target),
		cmocka_unit_test(etags_that_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
