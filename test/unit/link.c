/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/link.h"
#include "test/unit/unit.h"

#define AMZ "https://s3/b/k?X-Amz-Date="

#define CSGHUB \
	"https://h/api/v1/complete_multipart?objectKey=k&uploadId=1&expiresAt="
#define ZEROS "00000000000000000000000000000000"

static const struct {
	const char *url;
	int64_t when;
} links[] = {
	{ "https://s3/b/k", INT64_MAX },
	{ AMZ "19941106T084937Z&X-Amz-Expires=60", 784111837 },
	{ AMZ "19941106T084937Z&x-amz-expires=0", 784111777 },
	{ "https://s3/k?X-Amz-Expires=60&a=b&"
	  "X-Amz-Date=19941106T084937Z#X-Amz-Expires=5",
	  784111837 },
	{ AMZ "19941106T084937Z", INT64_MAX },
	{ AMZ "19941106&X-Amz-Expires=60", INT64_MAX },
	{ AMZ "19941106T0849Z&X-Amz-Expires=60", INT64_MAX },
	{ AMZ "19941306T084937Z&X-Amz-Expires=60", INT64_MAX },
	{ AMZ "19941106T084937Z&X-Amz-Expires=-60", INT64_MAX },
	{ AMZ "19941106T084937Z&X-Amz-Expires=9223372036854775807", INT64_MAX },
	{ AMZ "19941106T084937Z&X-Amz-Expires=99999999999999999999999",
	  INT64_MAX },
	{ "https://s3/k?AWSAccessKeyId=x&Expires=784111777", 784111777 },
	{ "https://gcs/k?X-Goog-Date=19941106T084937Z&X-Goog-Expires="
	  "60",
	  784111837 },
	{ "https://a.blob.example/c/k?se=1994-11-06T08%3A49%3A37Z"
	  "&sig=a%2Bb",
	  784111777 },
	{ "https://h/k?se=784111777", INT64_MAX },
	{ "https://h/c?uploadId=1&expiration=784111777", 784111777 },
	{ "https://h/c?expiration=Sun,%2006%20Nov%201994%2008:49:37"
	  "%20GMT",
	  784111777 },
	{ "https://h/c?expiration=", INT64_MAX },
	{ "https://h/c?expiration=soon", INT64_MAX },
	{ "https://h/c?expiration=-5", INT64_MAX },
	{ "https://h/c?expiration=99999999999999999999999", INT64_MAX },
	{ CSGHUB "784111777&signature=x", 784111777 },
	{ CSGHUB "1994-11-06T08%3A49%3A37Z", 784111777 },
	{ CSGHUB "1994-11-06T09:49:37.25%2B01:00", 784111777 },
	{ CSGHUB "1994-11-06T09:49:37+01:00", 784111777 },
	{ "https://h/c?expiration=1994-11-06T08:49:37Z", 784111777 },
	{ CSGHUB "", INT64_MAX },
	{ CSGHUB "1994-11-06", INT64_MAX },
	{ CSGHUB "1994-11-31T08:49:37Z", INT64_MAX },
	{ CSGHUB "1994-11-06T08:49:37", INT64_MAX },
	{ CSGHUB "0001-01-01T00:00:00Z", INT64_MAX },
	{ CSGHUB "-784111777", INT64_MAX },
	{ CSGHUB "784111777x", INT64_MAX },
	{ CSGHUB "784111777%00", INT64_MAX },
	{ CSGHUB "%", INT64_MAX },
	{ CSGHUB "9223372036854775808", INT64_MAX },
	{ CSGHUB "1994-11-06T08:49:37." ZEROS ZEROS "Z", INT64_MAX },
	{ "no url", INT64_MAX },
	{ "", INT64_MAX },
};

static void ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(links); i++)
		if (link_expires_at(links[i].url) != links[i].when)
			fail_msg("%s: %lld", links[i].url,
				 (long long)link_expires_at(links[i].url));
}

/* The link has such a query parameter, and it is not empty. */
static void signatures(void **state)
{
	static const char *const urls[] = {
		AMZ "19941106T084937Z&X-Amz-Signature=0f",
		"https://s3/k?AWSAccessKeyId=x&Signature=a%2Bb%3D",
		"https://h/c?uploadId=1&signature=0f#x",
		"https://a.blob.core.windows.net/c/k?sv=2022&sig=a%2Bb%3D",
		"https://gcs/k?X-Goog-Signature=" ZEROS ZEROS ZEROS,
		"https://oss/k?x-oss-signature=0f",
		"https://cos/k?q-signature=0f",
		"https://h/k?token=x",
	};
	static const char *const others[] = {
		"https://h/k",
		"https://h/sig=1",
		"https://h/k?sig=&x=1",
		"https://h/k?design=1#sig=1",
		"https://h/k?xsig=1",
		"no url",
		"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		if (!link_is_signed(urls[i]))
			fail_msg("%s is not", urls[i]);
	for (size_t i = 0; i < COUNT(others); i++)
		if (link_is_signed(others[i]))
			fail_msg("%s is", others[i]);
}

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
		/* Bytes that were sent before need no time. */
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
		cmocka_unit_test(ends),
		cmocka_unit_test(signatures),
		cmocka_unit_test(outlooks),
		cmocka_unit_test(extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
