/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/mode/mode.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"

enum {
	PATH_SHOWN = 2048,
	KEY_DIGITS = 16,	/* of the hash, in the name of the file */
	KEPT_RECORDS = 2,	/* of a completed upload: its begin and its key */
	ACTION_PIECE = 64 << 10,	/* of JSON in one record */
	LIFE_LEFT_S = 60,	/* a link that lives no longer is dead */
	JUST_NOW_S = 3600	/* later, the server may have lost the object */
};

/* The server for people, and the hash of all that tells one place from others. */
struct key {
	char server[PATH_SHOWN];
	char hash[SHA256_HEX_SIZE];
};

static void add_text(struct sha256 *sha, const char *text)
{
	sha256_update(sha, text, strlen(text) + 1);
}

static void make_key(struct key *key, const char *endpoint,
		     const struct plan *fresh)
{
	const char *href = fresh->action.href;
	const unsigned long uid = (unsigned long)geteuid();
	unsigned char digest[SHA256_SIZE];
	char shown[PATH_SHOWN];
	struct sha256 sha;

	if (*endpoint)
		url_display(endpoint, key->server, sizeof(key->server));
	else
		url_display_host(href, key->server, sizeof(key->server));
	sha256_init(&sha);
	sha256_update(&sha, &uid, sizeof(uid));
	add_text(&sha, url_display(endpoint, shown, sizeof(shown)));
	/* It may be a token, or tell one repository from another. */
	add_text(&sha, endpoint + strcspn(endpoint, "?"));
	add_text(&sha, url_display(href, shown, sizeof(shown)));
	add_text(&sha, url_display(fresh->parts[0].href, shown, sizeof(shown)));
	sha256_final(&sha, digest);
	sha256_hex(digest, key->hash);
}

static struct journal *open_journal(const struct storage *storage,
				    const char *oid, const struct key *key)
{
	struct err why = ERR_INIT;
	char *path = xstrfmt("%s/%s-%.*s.upload", storage_own_dir(storage), oid,
			     KEY_DIGITS, key->hash);
	struct journal *journal = journal_open(path, &why);

	if (!journal)
		log_info("%s: this upload cannot be resumed", why.msg);
	free(path);
	return journal;
}

static int describe(const struct resume_request *request,
		    struct journal_begin *begin)
{
	struct err ignored = ERR_INIT;
	struct file_id id = { .size = request->plan.size };
	int fd;

	if (request->path) {
		fd = file_open(request->path, &id, &ignored);
		if (fd < 0)
			return -1;
		close(fd);
	}
	*begin = (struct journal_begin){
		.magic = JOURNAL_MAGIC,
		.is_upload = 1,
		.size = request->plan.size,
		.part_size = request->fresh->part_size,
		.mtime_ns = (uint64_t)id.mtime_ns,
		.inode = id.inode,
	};
	return id.size == request->plan.size ? 0 : -1;
}

/* Are the first two records those of this upload of this file? */
static bool is_ours(struct journal *journal, const struct journal_begin *now,
		    const char *key_text)
{
	struct journal_record record;
	struct journal_begin begin;

	if (!journal_next(journal, &record) || record.type != JOURNAL_BEGIN ||
	    record.size != sizeof(begin))
		return false;
	memcpy(&begin, record.data, sizeof(begin));
	memset(begin.boot, 0, sizeof(begin.boot));
	if (memcmp(&begin, now, sizeof(begin)))
		return false;
	return journal_next(journal, &record) && record.type == JOURNAL_KEY &&
	       !strcmp(record.data, key_text);
}

struct reader {
	struct journal *journal;
	struct journal_record record;	/* the one being read */
	size_t used;		/* bytes of it */
	bool is_over;		/* `record` is the first behind the action */
};

/* The form that json_parse_stream() wants. */
static size_t read_action(void *data, size_t n, void *ctx)
{
	struct reader *reader = ctx;
	size_t left = reader->record.size - reader->used;

	if (!left && !reader->is_over) {
		reader->used = 0;
		reader->is_over = !journal_next(reader->journal,
						&reader->record) ||
				  reader->record.type != JOURNAL_ACTION;
		left = reader->record.size;
	}
	if (reader->is_over)
		return 0;
	if (n > left)
		n = left;
	memcpy(data, (const char *)reader->record.data + reader->used, n);
	reader->used += n;
	return n;
}

static bool is_alive(const struct plan *plan)
{
	return plan_expires_at(plan) > clock_unix() + LIFE_LEFT_S;
}

static void take_part(struct plan *plan, const struct journal_record *record)
{
	struct journal_part head;
	struct part *part;

	memcpy(&head, record->data, sizeof(head));
	if (!head.number || head.number > plan->nparts ||
	    record->size > sizeof(head) + PLAN_ETAG_MAX)
		return;
	part = &plan->parts[head.number - 1];
	free(part->etag);
	part->etag = xstrdup((const char *)record->data + sizeof(head));
	part->crc_moved = head.crc;
	part->done = part->size;
	part->finished = true;
}

static void take_hashed(struct plan *plan, const struct journal_record *record)
{
	struct journal_hashed hashed;

	memcpy(&hashed, record->data, sizeof(hashed));
	if (hashed.number && hashed.number <= plan->nparts)
		plan->parts[hashed.number - 1].crc_hashed = hashed.crc;
}

/* The runs since the last part that was sent. */
struct tries {
	int n;
	int64_t first;	/* seconds since 1970 */
};

static void take_try(struct tries *tries, const struct journal_record *record)
{
	if (!tries->n++)
		memcpy(&tries->first, record->data, record->size);
}

static void take_record(struct resume *resume, struct plan *plan,
			struct tries *tries,
			const struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_PART:
		if (record->size > sizeof(struct journal_part))
			take_part(plan, record);
		tries->n = 0;
		break;
	case JOURNAL_HASHED:
		if (record->size == sizeof(struct journal_hashed))
			take_hashed(plan, record);
		break;
	case JOURNAL_HASH:
		resume->has_hash = record->size == sizeof(resume->hash);
		if (resume->has_hash)
			memcpy(&resume->hash, record->data, record->size);
		break;
	case JOURNAL_RUN:
		if (record->size == sizeof(tries->first))
			take_try(tries, record);
		break;
	default:
		break;
	}
}

/* This run is one more of them. */
static bool is_last_try(struct journal *journal, struct tries *tries)
{
	int64_t now = clock_unix();

	journal_add(journal, JOURNAL_RUN, &now, sizeof(now), NULL);
	return tries->n + 1 >= RESUME_TRIES &&
	       tries->first <= now - RESUME_TRIES_S;
}

/* Does the record say that this git-lfs had the upload completed just now? */
static bool is_repeated(const struct journal_record *record)
{
	struct journal_complete completed;
	struct parent parent;

	if (record->size != sizeof(completed))
		return false;
	memcpy(&completed, record->data, sizeof(completed));
	parent_find(&parent);
	return completed.at > clock_unix() - JUST_NOW_S && parent.began &&
	       completed.by.pid == parent.pid &&
	       completed.by.began == parent.began;
}

/*
 * Read the rest of the journal, of which `reader` holds a record: the plan that
 * it describes, or NULL if that will not do.
 */
static struct plan *resume_plan(struct resume *resume, struct reader *reader,
				const struct resume_request *request)
{
	struct plan_request again = request->plan;
	struct err ignored = ERR_INIT;
	struct tries tries = { .n = 0 };
	struct plan *plan = NULL;

	resume->action = json_parse_stream(read_action, reader, &ignored);
	again.action = resume->action;
	again.href = NULL;
	if (resume->action)
		plan = mode_plan(&again, &ignored);
	if (!plan || plan->nparts != request->fresh->nparts)
		goto out;
	do
		take_record(resume, plan, &tries, &reader->record);
	while (journal_next(resume->journal, &reader->record));
	resume->is_resumed = is_alive(plan);
	if (resume->is_resumed)
		resume->is_last_try = is_last_try(resume->journal, &tries);
out:
	if (resume->is_resumed)
		return plan;
	plan_free(plan);
	return NULL;
}

struct writer {
	struct journal *journal;
	struct buf text;
};

static void write_out(struct writer *writer)
{
	journal_add(writer->journal, JOURNAL_ACTION, writer->text.data,
		    writer->text.len, NULL);
	buf_reset(&writer->text);
}

static int write_action(const char *text, size_t len, void *ctx)
{
	struct writer *writer = ctx;

	while (len) {
		size_t room = ACTION_PIECE - writer->text.len;
		size_t n = len < room ? len : room;

		buf_add(&writer->text, text, n);
		text += n;
		len -= n;
		if (writer->text.len == ACTION_PIECE)
			write_out(writer);
	}
	return 0;
}

/* With its own link to the completion, rewritten or not: a new one differs. */
static void save_action(struct journal *journal,
			const struct plan_request *plan)
{
	struct writer writer = { journal, BUF_INIT(ACTION_PIECE) };
	json_t *action = json_copy((json_t *)plan->action);

	if (plan->href)
		json_object_set_new(action, "href", json_string(plan->href));
	json_format_stream(action, write_action, &writer);
	if (writer.text.len)
		write_out(&writer);
	buf_release(&writer.text);
	json_decref(action);
}

static void begin_anew(struct resume *resume,
		       const struct resume_request *request,
		       struct journal_begin *begin, const char *key)
{
	json_decref(resume->action);
	resume->action = NULL;
	resume->has_hash = false;
	journal_begin(resume->journal, begin);
	journal_add(resume->journal, JOURNAL_KEY, key, strlen(key), NULL);
	save_action(resume->journal, &request->plan);
}

/* Only several parts that outlive a process are worth a journal. */
static bool can_be_saved(const struct plan *plan)
{
	return plan->direction == UPLOAD && plan->mode->is_resumable &&
	       plan->nparts > 1;
}

/* With the journal open: the plan, or NULL, as resume_choose() returns it. */
static struct plan *choose(struct resume *resume,
			   const struct resume_request *request,
			   struct journal_begin *begin, const char *key)
{
	struct reader reader = { .journal = resume->journal };
	struct plan *plan = NULL;

	if (is_ours(resume->journal, begin, key) &&
	    journal_next(resume->journal, &reader.record)) {
		if (reader.record.type != JOURNAL_COMPLETE) {
			plan = resume_plan(resume, &reader, request);
		} else if (request->may_be_repeated &&
			   is_repeated(&reader.record)) {
			/* A later request really wants it sent. */
			journal_remove(resume->journal);
			plan_free(request->fresh);
			return NULL;
		}
	}
	if (plan) {
		plan_free(request->fresh);
		return plan;
	}
	begin_anew(resume, request, begin, key);
	return request->fresh;
}

struct plan *resume_choose(struct resume *resume, struct context *context,
			   const struct resume_request *request)
{
	struct plan *plan = request->fresh;
	const struct endpoint *endpoint;
	struct err ignored = ERR_INIT;
	struct journal_begin begin;
	struct key key;
	char *text;

	memset(resume, 0, sizeof(*resume));
	if (!can_be_saved(plan) || describe(request, &begin))
		return plan;
	endpoint = context_endpoint(context, &ignored);
	make_key(&key, endpoint ? endpoint->url : "", plan);
	text = xstrfmt("%s\n%s", key.server, key.hash);
	resume->journal = open_journal(&context->storage, plan->oid, &key);
	if (resume->journal)
		plan = choose(resume, request, &begin, text);
	free(text);
	return plan;
}

void resume_note_part(struct journal *journal, const struct part *part)
{
	struct journal_part head = { part->number, part->crc_moved };

	journal_add(journal, JOURNAL_PART, &head, sizeof(head), part->etag);
}

void resume_note_completion(struct journal *journal)
{
	struct journal_complete complete = { .at = clock_unix() };

	parent_find(&complete.by);
	journal_keep(journal, KEPT_RECORDS);
	journal_add(journal, JOURNAL_COMPLETE, &complete, sizeof(complete),
		    NULL);
}

void resume_release(struct resume *resume)
{
	journal_close(resume->journal);
	json_decref(resume->action);
	memset(resume, 0, sizeof(*resume));
}

bool resume_is_futile(const struct err *err)
{
	if (err->kind == ERR_REFUSED)
		return err->code != 401 && err->code != 403 &&
		       err->code != 404 && err->code != 409 && err->code != 410;
	return err->kind == ERR_CORRUPT;
}
