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
 * The part after the one that is hashed is always within the window, however
 * large they are, even if the hasher must then read sent bytes from the disk.
 */
static uint64_t choose_window(const struct plan *plan)
{
	uint64_t n = WINDOW;

	/* Such a part waits while it is sent: hold_back(). */
	if (plan->mode->part_is_final)
		return n;
	for (size_t i = 0; i < plan->nparts; i++)
		if (n < plan->parts[i].size)
			n = plan->parts[i].size;
	return n;
}

/*
 * No worker reads again what an earlier run has sent, but the hasher may have
 * to.
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
		log_info("resuming %.12s: %" PRIu64 " of %" PRIu64
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
	object->window = choose_window(object->plan);
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
 * If the part's last byte makes the object, that byte waits for the SHA-256: no
 * server may get wrong bytes to keep under this oid.  The others wait until the
 * hash is near, so that the last one need not wait long: a server that hears
 * nothing meanwhile hangs up.  The part was read up to `end`.
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

static long upload_read(void *ctx, uint64_t off, char *data, size_t n,
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
	/* The run that resumes it may want to verify. */
	if (object->hasher || object->journal)
		part->crc_moved = crc_update(part->crc_moved, data, n);
	object_move(object, part, off + n);
	raise_high(object, part->off + off + n);
	if (object->hasher && object->plan->mode->part_is_final &&
	    hold_back(sending, off + n, err))
		return -1;
	return (long)n;
}

enum {
	DIGEST_STEP = 64 << 10,
	DIGEST_MAX = 64	/* SHA-256=, 44 characters and a NUL */
};

/* For this the part is read once before it is sent. */
static int sum_part(const struct sending *sending, struct sha256 *sha,
		    struct md5 *md5, struct err *err)
{
	const struct part *part = sending->part;
	unsigned char data[DIGEST_STEP];

	for (uint64_t off = 0; off < part->size; off += DIGEST_STEP) {
		uint64_t left = part->size - off;
		size_t n = left < DIGEST_STEP ? (size_t)left : DIGEST_STEP;

		if (http_is_stopped(sending->http))
			return err_set(err, ERR_CANCELED, "stopped");
		if (object_read(sending->object, data, n, part->off + off, err))
			return -1;
		if (part->digests & PLAN_DIGEST_SHA256)
			sha256_update(sha, data, n);
		if (part->digests & (PLAN_CONTENT_MD5 | PLAN_DIGEST_MD5))
			md5_update(md5, data, n);
	}
	return 0;
}

/* Add the digests that the server wants to get with the part. */
static int add_digests(struct headers *headers, const struct sending *sending,
		       struct err *err)
{
	unsigned char sha_sum[SHA256_SIZE], md5_sum[MD5_SIZE];
	const struct {
		unsigned digest;
		const char *name, *prefix;
		const unsigned char *sum;
		size_t n;
	} digests[] = {
		{ PLAN_DIGEST_SHA256, "Digest", "SHA-256=", sha_sum,
		  SHA256_SIZE },
		{ PLAN_CONTENT_MD5, "Content-MD5", "", md5_sum, MD5_SIZE },
		{ PLAN_DIGEST_MD5, "Digest", "MD5=", md5_sum, MD5_SIZE },
	};
	struct sha256 sha;
	struct md5 md5;
	int ret;

	sha256_init(&sha);
	md5_init(&md5);
	ret = sum_part(sending, &sha, &md5, err);
	sha256_final(&sha, sha_sum);
	md5_final(&md5, md5_sum);
	for (size_t i = 0; !ret && i < sizeof(digests) / sizeof(*digests);
	     i++) {
		struct buf value = BUF_INIT(DIGEST_MAX);

		if (!(sending->part->digests & digests[i].digest))
			continue;
		buf_puts(&value, digests[i].prefix);
		text_base64(&value, digests[i].sum, digests[i].n);
		ret = headers_add(headers, digests[i].name, buf_str(&value),
				  err);
		buf_release(&value);
	}
	return ret;
}

/* A proxy may read all of a part before it sends any of it on. */
static unsigned answer_ms(const struct plan *plan, const struct part *part)
{
	if (plan->mode->part_is_final)
		return plan->finish_ms;
	return plan->answer_ms + (unsigned)(part->size * 1000 / PASSED_ON);
}

/* The part makes the object: check the answer as that to a finish. */
static int check_finish(struct plan *plan, const struct http_request *request,
			struct http *http, struct err *err)
{
	if (!status_of_answer(http, request, STATUS_DONE, err))
		return 0;
	if (err->kind != ERR_PROTOCOL)
		return -1;
	/* The answer does not tell whether the object is there. */
	plan->finish_outcome_unknown = true;
	http_name_peer(http, err);
	return err_append(err, "; push again to see");
}

/* Send it and take the answer, which must be a 2xx. */
static int send_part(struct sending *sending, struct http_request *request,
		     struct err *err)
{
	struct http *http = sending->http;
	struct headers headers = HEADERS_INIT;
	int ret = 0;

	if (sending->part->digests) {
		ret = headers_add_all(&headers, request->headers, err) ||
				      add_digests(&headers, sending, err) ?
			      -1 :
			      0;
		request->headers = &headers;
	}
	if (!ret)
		ret = http_perform(http, request, err);
	if (!ret && sending->object->plan->mode->part_is_final)
		ret = check_finish(sending->object->plan, request, http, err);
	else if (!ret)
		ret = status_of_answer(http, request, STATUS_TAKEN, err);
	headers_release(&headers);
	return ret;
}

/*
 * git-lfs detects the type of the content, and after a 422 advises to switch
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
		.read = upload_read,
		.ctx = &sending,
	};
	struct http_request request = {
		.method = part->method ? part->method : "PUT",
		.url = part->href ? part->href : plan->action.href,
		.headers = part->href ? &part->headers : &plan->action.headers,
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

	/* If it was hashed, that is what was sent, whatever touched the file. */
	if (object->io || object->hasher)
		return 0;
	if (file_identify(object->fd, object->path, &now, err))
		return -1;
	if (!file_id_equal(&object->id, &now))
		return err_set(err, ERR_CORRUPT,
			       "'%s' changed while it was sent", object->path);
	return 0;
}
