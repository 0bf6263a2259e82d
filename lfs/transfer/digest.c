/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/digest.h"

#include <stdio.h>

#include "lfs/base/text.h"
#include "lfs/base/md5.h"
#include "lfs/base/sha256.h"

enum { STEP = 64 << 10 };

struct sums {
	struct md5 md5;
	struct sha256 sha;
};

static int sum(struct sums *sums, struct object *object,
	       const struct part *part, const struct http *http,
	       struct err *err)
{
	unsigned char data[STEP];
	bool wants_sha = part->digests & PLAN_DIGEST_SHA256;
	bool wants_md5 = part->digests & (PLAN_CONTENT_MD5 | PLAN_DIGEST_MD5);

	for (uint64_t off = 0; off < part->size; off += STEP) {
		uint64_t left = part->size - off;
		size_t n = left < STEP ? (size_t)left : STEP;

		if (http_is_stopped(http))
			return err_set(err, ERR_CANCELED, "stopped");
		if (object_read(object, data, n, part->off + off, err))
			return -1;
		if (wants_sha)
			sha256_update(&sums->sha, data, n);
		if (wants_md5)
			md5_update(&sums->md5, data, n);
	}
	return 0;
}

static void add(struct digest *digest, const char *name, char *line,
		const char *prefix, const struct buf *value)
{
	snprintf(line, DIGEST_LINE_MAX, "%s%s", prefix, buf_str(value));
	digest->headers[digest->nheaders].name = name;
	digest->headers[digest->nheaders++].value = line;
}

static void add_sha256(struct digest *digest, struct sums *sums)
{
	struct buf text = BUF_INIT(DIGEST_LINE_MAX);
	unsigned char bytes[SHA256_SIZE];

	sha256_final(&sums->sha, bytes);
	text_base64(&text, bytes, sizeof(bytes));
	add(digest, "Digest", digest->digest, "SHA-256=", &text);
	buf_release(&text);
}

static void add_md5(struct digest *digest, struct sums *sums, unsigned wanted)
{
	struct buf text = BUF_INIT(DIGEST_LINE_MAX);
	unsigned char bytes[MD5_SIZE];

	md5_final(&sums->md5, bytes);
	text_base64(&text, bytes, sizeof(bytes));
	if (wanted & PLAN_CONTENT_MD5)
		add(digest, "Content-MD5", digest->content_md5, "", &text);
	if (wanted & PLAN_DIGEST_MD5)
		add(digest, "Digest", digest->digest, "MD5=", &text);
	buf_release(&text);
}

int digest_part(struct digest *digest, struct object *object,
		const struct part *part, const struct http *http,
		struct err *err)
{
	struct sums sums;

	digest->nheaders = 0;
	if (!part->digests)
		return 0;
	sha256_init(&sums.sha);
	md5_init(&sums.md5);
	if (sum(&sums, object, part, http, err))
		return -1;
	if (part->digests & PLAN_DIGEST_SHA256)
		add_sha256(digest, &sums);
	if (part->digests & (PLAN_CONTENT_MD5 | PLAN_DIGEST_MD5))
		add_md5(digest, &sums, part->digests);
	return 0;
}
