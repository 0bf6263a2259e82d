/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lfs/base/crc.h"
#include "lfs/base/log.h"
#include "lfs/base/md5.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"
#include "lfs/net/http.h"
#include "lfs/net/status.h"
#include "lfs/transfer/resume.h"

enum {
	WINDOW = 256 << 20,
	PASSED_ON = 4 << 20	/* bytes a second, from a proxy to the server */
};

struct sending {
	struct object *object;
	struct part *part;
	struct http *http;
};

/*
 * However large a part, the next one is within it, though the hasher may then
 * read from disk again what has long been sent.
 */
static uint64_t window(const struct plan *plan)
{
	uint64_t n = WINDOW;

	/* It waits on its way: see hold_back(). */
	if (plan->mode->part_is_final)
		return n;
	for (size_t i = 0; i < plan->nparts; i++)
		if (n < plan->parts[i].size)
			n = plan->parts[i].size;
	return n;
}

/*
 * What an earlier run has sent is not read by a worker again, but may have to
 * be by the hasher.
 */
static void count_sent(struct object *object)
{
	const struct plan *plan = object->plan;

	for (size_t i = 0; i < plan->nparts; i++) {
		const struct part *part = &plan->parts[i];

		if (!part->finished)
			continue;
		object->moved += part->size;
		object->high = part->off + part->size;
	}
	if (object->moved)
		log_info("going on with %.12s: %" PRIu64 " of %" PRIu64
			 " bytes were sent",
			 plan->oid, atomic_load(&object->moved), plan->size);
}

static int open_file(struct object *object, struct err *err)
{
	object->fd = file_open(object->path, &object->id, err);
	if (object->fd < 0)
		return -1;
	if (object->id.size != object->plan->size)
		return err_set(err, ERR_CORRUPT,
			       "'%s' has %" PRIu64
			       " bytes, the object has %" PRIu64,
			       object->path, object->id.size,
			       object->plan->size);
	return 0;
}

int upload_open(struct object *object, struct err *err)
{
	if (!object->io && open_file(object, err))
		return -1;
	count_sent(object);
	object->window = window(object->plan);
	return object_start_hasher(object, err);
}

static void raise_high(struct object *object, uint64_t end)
{
	uint64_t high = atomic_load(&object->high);

	while (high < end &&
	       !atomic_compare_exchange_weak(&object->high, &high, end))
		;
	if (high < end)
		object_poke(object, high, end, end == object->plan->size);
}

/*
 * Where the part's last byte makes the object, that byte waits for the
 * SHA-256: a server must not get to keep wrong bytes under this oid.  The
 * others wait for the hash to be near: a server hangs up that hears nothing
 * for as long as it takes to catch up.  `end` is how far the part was read.
 */
static int hold_back(struct sending *sending, uint64_t end, struct err *err)
{
	struct object *object = sending->object;
	bool is_last = end == sending->part->size;

	end += sending->part->off;
	while ((is_last ||
		end > hasher_position(object->hasher) + object->window) &&
	       !hasher_wait(object->hasher, 100)) {
		if (object_check_stop(object, err))
			return -1;
		if (http_is_stopped(sending->http))
			return err_set(err, ERR_CANCELED, "stopped");
	}
	return is_last ? object_check(object, err) : 0;
}

static long read_part(void *ctx, uint64_t off, char *data, size_t n,
		      struct err *err)
{
	struct sending *sending = ctx;
	struct object *object = sending->object;
	struct part *part = sending->part;

	if (object_check_stop(object, err) ||
	    object_read(object, data, n, part->off + off, err))
		return -1;
	if (!off)
		part->crc_moved = 0;
	/* The journal's next reader may want to verify. */
	if (object->hasher || object->journal)
		part->crc_moved = crc_update(part->crc_moved, data, n);
	object_move(object, part, off + n);
	raise_high(object, part->off + off + n);
	if (object->hasher && object->plan->mode->part_is_final &&
	    hold_back(sending, off + n, err))
		return -1;
	return (long)n;
}

/*
 * The digests that a server wants in the head of a part's request.  For them
 * the part is read once more before it is sent, which costs a look at the page
 * cache and some time.
 */
enum {
	DIGEST_STEP = 64 << 10,
	DIGEST_HEADERS_MAX = 2,
	DIGEST_LINE_MAX = 64	/* SHA-256=, 44 characters and a NUL */
};

struct digest {
	struct http_header headers[DIGEST_HEADERS_MAX];	/* the values of: */
	size_t nheaders;
	char content_md5[DIGEST_LINE_MAX];
	char digest[DIGEST_LINE_MAX];
};

struct sums {
	struct md5 md5;
	struct sha256 sha;
};

static int sum_part(struct sums *sums, struct object *object,
		    const struct part *part, const struct http *http,
		    struct err *err)
{
	unsigned char data[DIGEST_STEP];
	bool wants_sha = part->digests & PLAN_DIGEST_SHA256;
	bool wants_md5 = part->digests & (PLAN_CONTENT_MD5 | PLAN_DIGEST_MD5);

	for (uint64_t off = 0; off < part->size; off += DIGEST_STEP) {
		uint64_t left = part->size - off;
		size_t n = left < DIGEST_STEP ? (size_t)left : DIGEST_STEP;

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

static void add_digest(struct digest *digest, const char *name, char *line,
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
	add_digest(digest, "Digest", digest->digest, "SHA-256=", &text);
	buf_release(&text);
}

static void add_md5(struct digest *digest, struct sums *sums, unsigned wanted)
{
	struct buf text = BUF_INIT(DIGEST_LINE_MAX);
	unsigned char bytes[MD5_SIZE];

	md5_final(&sums->md5, bytes);
	text_base64(&text, bytes, sizeof(bytes));
	if (wanted & PLAN_CONTENT_MD5)
		add_digest(digest, "Content-MD5", digest->content_md5, "",
			   &text);
	if (wanted & PLAN_DIGEST_MD5)
		add_digest(digest, "Digest", digest->digest, "MD5=", &text);
	buf_release(&text);
}

static int digest_part(struct digest *digest, struct object *object,
		       const struct part *part, const struct http *http,
		       struct err *err)
{
	struct sums sums;

	digest->nheaders = 0;
	if (!part->digests)
		return 0;
	sha256_init(&sums.sha);
	md5_init(&sums.md5);
	if (sum_part(&sums, object, part, http, err))
		return -1;
	if (part->digests & PLAN_DIGEST_SHA256)
		add_sha256(digest, &sums);
	if (part->digests & (PLAN_CONTENT_MD5 | PLAN_DIGEST_MD5))
		add_md5(digest, &sums, part->digests);
	return 0;
}

/*
 * Put the digests behind the request's other headers; returns the list, which
 * is the caller's, or NULL if that of the request is as good.
 */
static struct http_header *add_digests(struct http_request *request,
				       const struct digest *digest)
{
	size_t n = request->nheaders;
	struct http_header *headers;

	if (!digest->nheaders)
		return NULL;
	headers = xcalloc(n + digest->nheaders, sizeof(*headers));
	for (size_t i = 0; i < n; i++)
		headers[i] = request->headers[i];
	for (size_t i = 0; i < digest->nheaders; i++)
		headers[n + i] = digest->headers[i];
	request->headers = headers;
	request->nheaders = n + digest->nheaders;
	return headers;
}

/* A proxy may gather all of a part before it passes it on. */
static unsigned answer_ms(const struct plan *plan, const struct part *part)
{
	if (plan->mode->part_is_final)
		return plan->finish_ms;
	return plan->answer_ms + (unsigned)(part->size * 1000 / PASSED_ON);
}

/* The part is the object: its answer is that to a finish. */
static int check_finish(struct plan *plan, const struct http_request *request,
			struct http *http, struct err *err)
{
	if (!status_of_answer(http, request, STATUS_DONE, err))
		return 0;
	if (err->kind != ERR_PROTOCOL)
		return -1;
	/* It does not tell whether the object is there. */
	plan->finish_outcome_unknown = true;
	http_name_peer(http, err);
	return err_append(err, "; push again to see");
}

/* Send it and take the answer, which must be a 2xx. */
static int send_part(struct sending *sending, struct http_request *request,
		     struct err *err)
{
	struct http *http = sending->http;
	struct http_header *headers;
	struct digest digest;
	int ret;

	if (digest_part(&digest, sending->object, sending->part, http, err))
		return -1;
	headers = add_digests(request, &digest);
	ret = http_perform(http, request, err);
	if (!ret && sending->object->plan->mode->part_is_final)
		ret = check_finish(sending->object->plan, request, http, err);
	else if (!ret)
		ret = status_of_answer(http, request, STATUS_TAKEN, err);
	free(headers);
	return ret;
}

/*
 * git-lfs finds out what type the content has and advises after a 422 to switch
 * that off; this agent always sends the general type.
 */
static void explain_refusal(const struct plan *plan, struct http *http,
			    struct err *err)
{
	if (err->code != 422 || !plan->mode->part_is_final)
		return;
	http_name_peer(http, err);
	err_append(err, "; it may want another Content-Type than "
			"application/octet-stream, which git-lfs sends without "
			"this agent unless lfs.contenttype is false");
}

int upload_part(struct object *object, struct part *part, struct http *http,
		struct err *err)
{
	struct plan *plan = object->plan;
	struct sending sending = { object, part, http };
	struct http_body body = {
		.size = part->size,
		.read = read_part,
		.ctx = &sending,
	};
	struct http_request request = {
		.method = part->method ? part->method : "PUT",
		.url = part->href ? part->href : plan->action.href,
		.headers = part->href ? part->headers : plan->action.headers,
		.nheaders = part->href ? part->nheaders : plan->action.nheaders,
		.body = &body,
		.answer_ms = answer_ms(plan, part),
		.expires = part->href ? part->expires : plan->action.expires,
	};
	int ret;

	object_move(object, part, 0);
	ret = send_part(&sending, &request, err);
	if (!ret && plan->mode->answer)
		ret = plan->mode->answer(plan, part, http, err);
	if (!ret && object->journal)
		resume_note_part(object->journal, part);
	if (ret)
		explain_refusal(plan, http, err);
	return ret;
}

int upload_close(struct object *object, struct err *err)
{
	struct file_id now;

	/* What was sent is what was hashed, whatever has touched the file. */
	if (object->io || object->hasher)
		return 0;
	if (file_identify(object->fd, object->path, &now, err))
		return -1;
	if (!file_id_equal(&object->id, &now))
		return err_set(err, ERR_CORRUPT,
			       "'%s' changed while it was sent", object->path);
	return 0;
}
