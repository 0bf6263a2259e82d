/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/parts.h"
#include "lfs/mode/plan.h"
#include "test/unit/unit.h"

struct row {
	const char *text;
	unsigned digests;
};

static const struct row rows[] = {
	{ "contentMD5", PLAN_CONTENT_MD5 },
	{ "CONTENTmd5", PLAN_CONTENT_MD5 },
	{ "md5", PLAN_DIGEST_MD5 },
	{ "MD5", PLAN_DIGEST_MD5 },
	{ "sha-256", PLAN_DIGEST_SHA256 },
	{ "sha-256;q=1.0, md5;q=0.5", PLAN_DIGEST_SHA256 },
	{ "md5;q=0.5,sha-256;q=1.0", PLAN_DIGEST_SHA256 },
	{ "md5;q=1,sha-256;q=0.999", PLAN_DIGEST_MD5 },
	{ "sha-512;q=1.0, sha-256;q=0.5", PLAN_DIGEST_SHA256 },
	{ " SHA-256 ; q=0.3 ,\tMD5 ;q=0.31", PLAN_DIGEST_MD5 },
	{ "sha-256;q=0.001,md5;q=0", PLAN_DIGEST_SHA256 },
	{ "sha-256;q=0", 0 },
	{ "sha-256;q=0.000", 0 },
	{ "contentMD5;q=0", 0 },
	{ "contentMD5,sha-256", PLAN_CONTENT_MD5 | PLAN_DIGEST_SHA256 },
	{ "contentMD5;q=0.1, md5", PLAN_CONTENT_MD5 | PLAN_DIGEST_MD5 },
	{ "sha-512", 0 },
	{ "sha-2567", 0 },
	{ "sha-25", 0 },
	{ "", 0 },
	{ ",", 0 },
	{ ",,md5,", PLAN_DIGEST_MD5 },
	{ ";", 0 },
	{ "   ", 0 },
	{ "md5;", PLAN_DIGEST_MD5 },
	{ "md5;q", PLAN_DIGEST_MD5 },
	{ "md5;q=", PLAN_DIGEST_MD5 },
	{ "md5;q= 0", 0 },
	{ "md5;q=x", PLAN_DIGEST_MD5 },
	{ "md5;q=9.99999999999", PLAN_DIGEST_MD5 },
	{ "md5;q=0.99999999999, sha-256;q=1", PLAN_DIGEST_SHA256 },
	/* The first of equals. */
	{ "md5, sha-256", PLAN_DIGEST_MD5 },
};

static void all(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		/* A copy of its own size shows if a byte too far is read. */
		char *text = strdup(rows[i].text);
		unsigned found = wantdigest_parse(text);

		if (found != rows[i].digests)
			fail_msg("'%s' gives %u, not %u", text, found,
				 rows[i].digests);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
