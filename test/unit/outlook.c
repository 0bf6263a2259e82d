/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/link.h"
#include "test/unit/unit.h"

#define GB UINT64_C(1000000000)

static void outlooks(void **state)
{
	static const struct {
		struct outlook outlook;
		const char *text; /* or NULL: nothing is said */
	} cases[] = {
		/* 10 MB/s, one hour. */
		{ { .size = 108 * GB,
		    .sent = GB,
		    .ms = 100000,
		    .life_s = 3600 },
		  "the links live 60 min; at this rate, 10.0 MB/s, the object "
		  "needs 3.0 h" },
		{ { .size = 36 * GB, .sent = GB, .ms = 100000, .life_s = 3600 },
		  NULL },
		{ { .size = 37 * GB, .sent = GB, .ms = 100000, .life_s = 3600 },
		  "the links live 60 min; at this rate, 10.0 MB/s, the object "
		  "needs 62 min" },
		/* What was sent before needs no time. */
		{ { .size = 108 * GB,
		    .before = 80 * GB,
		    .sent = GB,
		    .ms = 100000,
		    .life_s = 3600 },
		  NULL },
		/* Too early, nothing sent, no end said. */
		{ { .size = 108 * GB,
		    .sent = 1000,
		    .ms = OUTLOOK_AFTER_MS - 1,
		    .life_s = 60 },
		  NULL },
		{ { .size = 108 * GB, .ms = 100000, .life_s = 60 }, NULL },
		{ { .size = 108 * GB, .sent = 1, .ms = 100000, .life_s = -1 },
		  NULL },
		{ { .size = 1000 * GB,
		    .sent = GB,
		    .ms = 1000000,
		    .life_s = 90 },
		  "the links live 90 s; at this rate, 1.0 MB/s, the object "
		  "needs 277.8 h" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[OUTLOOK_MAX] = "";
		bool is_bad = outlook_is_bad(&cases[i].outlook, text);

		assert_string_equal(text, cases[i].text ? cases[i].text : "");
		assert_int_equal(is_bad, cases[i].text != NULL);
	}
}

/* Nothing overflows, and the text is cut. */
static void extremes(void **state)
{
	const struct outlook outlook = {
		.size = UINT64_MAX,
		.sent = 1,
		.ms = UINT64_MAX,
		.life_s = INT64_MAX,
	};
	char text[OUTLOOK_MAX];

	(void)state;
	assert_true(outlook_is_bad(&outlook, text));
	assert_true(strlen(text) < OUTLOOK_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outlooks),
		cmocka_unit_test(extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
