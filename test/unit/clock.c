/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE	/* timegm() */
#include <time.h>

#include "lfs/base/clock.h"
#include "test/unit/unit.h"

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.999Z", 0 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T22:30:00-01:30", 0 },
		{ "2000-02-29T12:00:00Z", 951825600 },
		{ "2016-11-10T15:29:07Z", 1478791747 },
		{ "2038-01-19T03:14:08Z", 2147483648 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "0000-01-01T00:00:00Z", -62167219200 },
		{ "0000-12-31T00:00:00Z", -62135683200 },
	};
	static const char *const bad[] = {
		"",
		"Z",
		"1970-01-01",
		"1970-01-01T00:00:00",
		"1970-01-01 00:00:00Z",
		"1970-1-01T00:00:00Z",
		"1970-13-01T00:00:00Z",
		"1970-00-01T00:00:00Z",
		"1970-01-00T00:00:00Z",
		"1970-04-31T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z",
		"1970-01-01T00:00:60Z",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00Zx",
		"1970-01-01T00:00:00+0100",
		"1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+01:00x",
		"-970-01-01T00:00:00Z",
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(rfc3339_parse(good[i].text, &seconds), 0);
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!rfc3339_parse(bad[i], &seconds))
			fail_msg("%s passes", bad[i]);
}

/* Every day of 500 years, as the C library counts them. */
static void calendar(void **state)
{
	(void)state;
	for (time_t t = -12219292800; t < 3600000000; t += 86400 + 61) {
		struct tm tm;
		char text[40];
		int64_t seconds;

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_int_equal(rfc3339_parse(text, &seconds), 0);
		assert_int_equal(seconds, t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
