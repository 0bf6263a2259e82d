/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/download.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/storage.h"
#include "lfs/net/http.h"
#include "lfs/net/status.h"
#include "lfs/net/url.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/source.h"

enum {
	WINDOW = 512 << 20,
	/*
	 * libcurl hands bytes out by 16 KiB.  Written one by one, workers wait
	 * for each other at the file's lock; this fits the L2 cache.
	 */
	GATHER = 256 << 10,
	GATHER_MS = 100,	/* the longest wait until gathered bytes are written */
	SYNC_EVERY = 4 << 20	/* bytes of a part */
};

struct receiving {
	struct object *object;
	struct part *part;
	struct source_route *route;
	char *data;		/* owned: bytes to write to the file */
	size_t n;
	uint64_t written_ms;
};

int download_open(struct object *object, struct err *err)
{
	if (object->io) {
		for (size_t i = 0; i < object->plan->nparts; i++)
			object->moved += object->plan->parts[i].done;
		/* One part of a whole needs no range. */
		if (object->plan->nparts == 1)
			source_expect(object->source);
		return 0;
	}
	if (storage_make_dir(object->storage, err))
		return -1;
	if ((!object->verifies || !partial_adopt(object)) &&
	    partial_open(object, err))
		return -1;
	object->was_begun = object->moved;
	object->window = WINDOW;
	/* No answer will tell if there is nothing left to ask for. */
	if (object->plan->nparts == 1 || object->moved == object->plan->size)
		source_expect(object->source);
	return object_start_hasher(object, err);
}

/* The first missing byte of the part, in the object. */
static uint64_t first_missing(const struct part *part)
{
	return part->off + atomic_load(&part->done);
}

/*
 * A server that does not heed ranges sends the whole object for each part.  So
 * the first missing part becomes the last one, up to the object's end; what an
 * earlier run has fetched after it comes again.
 */
static void extend_to_end(struct object *object, struct part *part)
{
	struct plan *plan = object->plan;

	while (&plan->parts[plan->nparts - 1] > part)
		object_move(object, &plan->parts[--plan->nparts], 0);
	part->size = plan->size - part->off;
}

static int download_begin(void *ctx, struct http *http, int status,
			  struct err *err)
{
	struct receiving *receiving = ctx;
	struct object *object = receiving->object;
	const struct source_answer answer = {
		.status = status,
		.range = http_header(http, "Content-Range"),
		.length = http_header(http, "Content-Length"),
		.encoding = http_header(http, "Content-Encoding"),
		.url = http_url(http),
		.etag = http_header(http, "ETag"),
	};
	enum source_verdict verdict;

	verdict = source_head(object->source, receiving->route, &answer, err);
	if (verdict == SOURCE_TAKE_ALL) {
		extend_to_end(object, receiving->part);
		source_took_all(object->source);
	}
	return verdict == SOURCE_REFUSE ? -1 : 0;
}

/* Are these the bytes that are there? */
static bool is_same(struct object *object, const char *data, size_t n,
		    uint64_t off)
{
	struct err ignored = ERR_INIT;
	char *before = xmalloc(n);
	bool is = !object_read(object, before, n, off, &ignored) &&
		  !memcmp(before, data, n);

	free(before);
	return is;
}

/* Bytes that come again are only written where they differ. */
static int write_bytes(struct object *object, struct part *part,
		       const char *data, size_t n, struct err *err)
{
	uint64_t off = first_missing(part);

	if (object->is_again) {
		if (is_same(object, data, n, off))
			return 0;
		part->has_changed = true;
	}
	return object_write(object, data, n, off, err);
}

/* Let the disk work while bytes come, and not only at the end. */
static void begin_sync(const struct object *object, const struct part *part,
		       uint64_t from, uint64_t to)
{
	if (!download_must_sync(object) ||
	    (to < part->size && to / SYNC_EVERY == from / SYNC_EVERY))
		return;
	from -= from % SYNC_EVERY;
	file_begin_sync(object->fd, part->off + from, to - from);
}

/* Write the gathered bytes to the file. */
static int write_gathered(struct receiving *receiving, struct err *err)
{
	struct object *object = receiving->object;
	struct part *part = receiving->part;
	uint64_t done = atomic_load(&part->done);
	uint64_t off = part->off + done;
	size_t n = receiving->n;

	receiving->n = 0;
	receiving->written_ms = clock_ms();
	if (!n)
		return 0;
	if (write_bytes(object, part, receiving->data, n, err))
		return -1;
	object_move(object, part, done + n);
	partial_note(object, part, receiving->data, n);
	object_poke(object, off, off + n, done + n == part->size);
	begin_sync(object, part, done, done + n);
	return 0;
}

static int gather_bytes(struct receiving *receiving, const char *data, size_t n,
			struct err *err)
{
	while (n) {
		size_t room = GATHER - receiving->n;
		size_t here = n < room ? n : room;

		memcpy(receiving->data + receiving->n, data, here);
		receiving->n += here;
		data += here;
		n -= here;
		if ((receiving->n == GATHER ||
		     clock_ms() - receiving->written_ms >= GATHER_MS) &&
		    write_gathered(receiving, err))
			return -1;
	}
	return 0;
}

static int download_write(void *ctx, const char *data, size_t n,
			  struct err *err)
{
	struct receiving *receiving = ctx;
	struct part *part = receiving->part;
	uint64_t left = part->size - atomic_load(&part->done) - receiving->n;
	uint64_t skip = receiving->route->skip < n ? receiving->route->skip : n;

	receiving->route->skip -= skip;
	data += skip;
	n -= (size_t)skip;
	if (object_check_stop(receiving->object, err))
		return -1;
	if (n <= left)
		return n ? gather_bytes(receiving, data, n, err) : 0;
	if (part->off + part->size == receiving->object->plan->size)
		return err_set(err, ERR_PROTOCOL,
			       "the server sends more than the object's %" PRIu64
			       " bytes",
			       receiving->object->plan->size);
	if (left && gather_bytes(receiving, data, (size_t)left, err))
		return -1;
	return 1;
}

/*
 * If a web page came in place of the object, say so.  The object may be a page
 * itself, but this one has another size.  Returns -1.
 */
static int blame_page(const struct receiving *receiving, struct http *http,
		      struct err *err)
{
	/* An answer to a range or a condition has its own error. */
	if (http_status(http) != 200 ||
	    receiving->route->trouble != SOURCE_FINE ||
	    !status_is_html(http_header(http, "Content-Type")))
		return -1;
	err_clear(err);
	return status_say_page(http_url(http), "", "the object", err);
}

static int check_end(const struct receiving *receiving, struct http *http,
		     struct err *err)
{
	const struct part *part = receiving->part;
	uint64_t done = atomic_load(&part->done);
	/* A body that is short after it was decoded will be so each time. */
	bool is_useless = receiving->route->trouble == SOURCE_USELESS;

	if (done == part->size)
		return 0;
	/* It may be a proxy's error page: let the hash decide. */
	if (!http_header(http, "Content-Length"))
		source_doubt(receiving->object->source);
	err_set(err, is_useless ? ERR_PROTOCOL : ERR_NETWORK,
		"the answer ended after %" PRIu64 " of %" PRIu64
		" bytes of part %u",
		done, part->size, part->number);
	return blame_page(receiving, http, err);
}

/* Make one request, and receive its answer. */
static int receive_answer(struct receiving *receiving, struct http *http,
			  struct err *err)
{
	const struct plan *plan = receiving->object->plan;
	const struct part *part = receiving->part;
	const struct source_route *route = receiving->route;
	const struct http_sink sink = { download_begin, download_write,
					receiving };
	char range[64];
	struct http_request request = {
		.method = "GET",
		.url = plan->action.href,
		.target = route->target,
		.headers = &plan->action.headers,
		.range = route->has_range ? range : NULL,
		.if_range = route->etag,
		.sink = &sink,
		.is_raw = !route->decodes,
		.answer_ms = plan->answer_ms,
		.expires = plan->action.expires,
	};
	int ret;

	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, route->from,
		 part->off + part->size - 1);
	receiving->data = xmalloc(GATHER);
	ret = http_perform(http, &request, err);
	/* Keep what came before a failure. */
	if (write_gathered(receiving, err))
		ret = -1;
	free(receiving->data);
	if (!ret)
		ret = status_of_answer(http, &request, STATUS_ANY, err);
	if (!ret)
		ret = check_end(receiving, http, err);
	else if (err->kind == ERR_PROTOCOL)
		blame_page(receiving, http, err);
	return ret;
}

int download_part(struct object *object, struct part *part,
		  struct source_route *route, struct http *http,
		  struct err *err)
{
	struct receiving receiving = { .object = object,
				       .part = part,
				       .route = route };
	struct source *source = object->source;
	int ret;

	source_ask(source, route, first_missing(part),
		   part->size < object->plan->size);
	ret = receive_answer(&receiving, http, err);
	if (ret)
		source_failed(source, route, http_status(http), err);
	source_done(source, route);
	return ret;
}

bool download_ask_whole(struct object *object, struct err *err)
{
	struct plan *plan = object->plan;
	struct part *part = plan->parts, *last = &part[plan->nparts - 1];

	/* Bytes that were sent on to another server cannot be taken back. */
	if (object->io || !source_ask_whole(object->source, err))
		return false;
	err_clear(err);
	while (part < last && part->done == part->size)
		part++;
	object_stop_hasher(object);
	extend_to_end(object, part);
	return !object_start_hasher(object, err);
}

static bool is_damaged(const struct part *part)
{
	return part->is_stored || part->crc_moved != part->crc_hashed;
}

static bool has_changed(const struct part *part)
{
	return part->has_changed;
}

/* Make these parts missing again, or all if that is NULL; returns how many. */
static size_t drop_parts(struct object *object,
			 bool (*is_bad)(const struct part *part))
{
	const struct plan *plan = object->plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->nparts; i++) {
		struct part *part = &plan->parts[i];

		if (is_bad && !is_bad(part))
			continue;
		object_move(object, part, 0);
		part->crc_moved = part->crc_piece = 0;
		part->recorded = 0;
		part->is_stored = part->has_changed = false;
		n++;
	}
	return n;
}

static bool came_in_versions(const struct object *object)
{
	return object->was_begun || source_has_changed(object->source);
}

/* Nobody knows which bytes are wrong: drop all of them if that may help. */
static size_t drop_all(struct object *object)
{
	bool is_plain = !url_is_https(object->plan->action.href);

	if (!is_plain && !came_in_versions(object))
		return 0;
	log_warn("%.12s came %s: all of it is fetched again", object->plan->oid,
		 came_in_versions(object) ?
			 "in more than one version" :
			 "with wrong bytes by http, which does not check them");
	object->is_again = true;
	partial_restart(object);
	return drop_parts(object, NULL);
}

static size_t drop_bad(struct object *object)
{
	const struct plan *plan = object->plan;
	size_t n = drop_parts(object, is_damaged);

	if (n) {
		log_warn("%zu of %zu parts of %.12s were damaged on disk", n,
			 plan->nparts, plan->oid);
		return n;
	}
	if (!object->is_again)
		return drop_all(object);
	n = drop_parts(object, has_changed);
	if (n)
		log_warn("%zu of %zu parts of %.12s came with other bytes than "
			 "before",
			 n, plan->nparts, plan->oid);
	return n;
}

size_t download_mend(struct object *object, struct err *err)
{
	const struct plan *plan = object->plan;
	size_t n = drop_bad(object);

	if (!n)
		return 0;
	if (!object->moved && source_sends_whole(object->source))
		extend_to_end(object, plan->parts);
	else if (!object->moved && plan->nparts > 1)
		source_restart(object->source);
	return object_start_hasher(object, err) ? 0 : n;
}

void download_blame(const struct object *object, struct err *err)
{
	const struct plan *plan = object->plan;
	char host[URL_DISPLAY_MAX];
	size_t n = 0;

	for (size_t i = 0; i < plan->nparts; i++)
		n += plan->parts[i].has_changed;
	url_display_host(plan->action.href, host, sizeof(host));
	if (!object->is_again)
		err_wrap(err, "from %s", host);
	else if (n)
		err_wrap(err,
			 "%zu of %zu parts from %s come with other bytes each "
			 "time, something on the way spoils them",
			 n, plan->nparts, host);
	else
		err_wrap(err,
			 "%s has other bytes than the object's: the same bytes "
			 "came twice",
			 host);
}

int download_close(struct object *object, struct err *err)
{
	if (object->io)
		return 0;
	if (object->memory && partial_write(object, err))
		return -1;
	return file_set_mode(object->fd, object->path,
			     object->storage->object_mode, err);
}

bool download_must_sync(const struct object *object)
{
	return object->is_durable && object->fd >= 0;
}

int download_sync(struct object *object, struct err *err)
{
	if (object->memory ? !file_write_back(object->fd, object->path, err) :
			     !file_sync(object->fd, object->path, err))
		return 0;
	partial_discard(object);
	return -1;
}
