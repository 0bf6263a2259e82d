/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/journal.h"
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
	LIFE_LEFT_S = 60,	/* a link that lives no longer is of no use */
	JUST_NOW_S = 3600	/* later, the server may have lost the object */
};

static void hash_text(struct sha256 *sha, const char *text)
{
	sha256_update(sha, text, strlen(text) + 1);
}

/* The hash of all that tells one place from others, in hexadecimal digits. */
static void hash_place(char hex[SHA256_HEX_SIZE], const char *endpoint,
		       const struct plan *fresh)
{
	const unsigned long uid = (unsigned long)geteuid();
	unsigned char digest[SHA256_SIZE];
	char shown[PATH_SHOWN];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, &uid, sizeof(uid));
	hash_text(&sha, url_display(endpoint, shown, sizeof(shown)));
	/* The query may be a token, or tell one repository from another. */
	hash_text(&sha, endpoint + strcspn(endpoint, "?"));
	hash_text(&sha, url_display(fresh->action.href, shown, sizeof(shown)));
	hash_text(&sha,
		  url_display(fresh->parts[0].href, shown, sizeof(shown)));
	sha256_final(&sha, digest);
	sha256_hex(digest, hex);
}

/* The text of the key record: the server for people, and the hash. */
static char *make_key(const char *endpoint, const struct plan *fresh,
		      const char *hash)
{
	char server[PATH_SHOWN];

	if (*endpoint)
		url_display(endpoint, server, sizeof(server));
	else
		url_display_host(fresh->action.href, server, sizeof(server));
	return xstrfmt("%s\n%s", server, hash);
}

static struct journal *open_journal(const struct storage *storage,
				    const char *oid, const char *hash)
{
	struct err why = ERR_INIT;
	char *path = xstrfmt("%s/%s-%.*s" RESUME_SUFFIX,
			     storage_own_dir(storage), oid, KEY_DIGITS, hash);
	struct journal *journal = journal_open(path, &why);

	if (!journal)
		log_info("%s: this upload cannot be resumed", why.msg);
	free(path);
	return journal;
}

/* How the journal of this upload begins; -1 if there is no such file. */
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
		    const char *key)
{
	struct journal_record record;
	struct journal_begin begin;

	if (!record_read_begin(journal, true, &begin))
		return false;
	memset(begin.boot, 0, sizeof(begin.boot));
	return !memcmp(&begin, now, sizeof(begin)) &&
	       journal_next(journal, &record) && record.type == JOURNAL_KEY &&
	       !strcmp(record.data, key);
}

struct reader {
	struct journal *journal;
	struct journal_record record;	/* the one being read */
	size_t used;		/* bytes of it */
	bool is_over;		/* `record` is the first after the action */
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

	if (record->size <= sizeof(head) ||
	    record->size > sizeof(head) + PLAN_ETAG_MAX)
		return;
	memcpy(&head, record->data, sizeof(head));
	if (!head.number || head.number > plan->nparts)
		return;
	part = &plan->parts[head.number - 1];
	free(part->etag);
	part->etag = xstrdup((const char *)record->data + sizeof(head));
	part->crc_moved = head.crc;
	part->done = part->size;
	part->finished = true;
}

/* The runs since the last part that was sent. */
struct tries {
	int n;
	int64_t first;	/* seconds since 1970 */
};

static void take_record(struct resume *resume, struct plan *plan,
			struct tries *tries,
			const struct journal_record *record)
{
	struct journal_hashed hashed;
	int64_t at;

	if (record->type == JOURNAL_PART) {
		take_part(plan, record);
		tries->n = 0;
	} else if (record->type == JOURNAL_HASH) {
		resume->has_hash = journal_get(record, JOURNAL_HASH,
					       &resume->hash,
					       sizeof(resume->hash));
	} else if (journal_get(record, JOURNAL_HASHED, &hashed,
			       sizeof(hashed))) {
		if (hashed.number && hashed.number <= plan->nparts)
			plan->parts[hashed.number - 1].crc_hashed = hashed.crc;
	} else if (journal_get(record, JOURNAL_RUN, &at, sizeof(at)) &&
		   !tries->n++) {
		tries->first = at;
	}
}

/* Note this run, which is one more of them. */
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

	if (!journal_get(record, JOURNAL_COMPLETE, &completed,
			 sizeof(completed)))
		return false;
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
	struct plan *plan;

	again.action = json_parse_stream(read_action, reader, &ignored);
	again.href = NULL;
	plan = again.action ? mode_plan(&again, &ignored) : NULL;
	json_decref(again.action);
	if (plan && plan->nparts == request->fresh->nparts) {
		do
			take_record(resume, plan, &tries, &reader->record);
		while (journal_next(resume->journal, &reader->record));
		resume->is_resumed = is_alive(plan);
	}
	if (!resume->is_resumed) {
		plan_free(plan);
		return NULL;
	}
	resume->is_last_try = is_last_try(resume->journal, &tries);
	return plan;
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

/*
 * With the link to the completion that belongs to it: a new action has another.
 */
static void save_action(struct journal *journal,
			const struct plan_request *plan)
{
	struct writer writer = { journal, BUF_INIT(ACTION_PIECE) };
	json_t *action = json_copy(plan->action);

	if (plan->href)
		json_object_set_new(action, "href", json_string(plan->href));
	json_format_stream(action, write_action, &writer);
	if (writer.text.len)
		write_out(&writer);
	buf_release(&writer.text);
	json_decref(action);
}

static void begin_journal(struct resume *resume,
			  const struct resume_request *request,
			  struct journal_begin *begin, const char *key)
{
	resume->has_hash = false;
	record_begin(resume->journal, begin);
	journal_add(resume->journal, JOURNAL_KEY, key, strlen(key), NULL);
	save_action(resume->journal, &request->plan);
}

/* Only several parts that outlive a process are worth a journal. */
static bool can_be_resumed(const struct plan *plan)
{
	return plan->direction == UPLOAD && plan->mode->is_resumable &&
	       plan->nparts > 1;
}

/* With the journal open: the plan, or NULL, as resume_choose() returns it. */
static struct plan *choose_plan(struct resume *resume,
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
	begin_journal(resume, request, begin, key);
	return request->fresh;
}

struct plan *resume_choose(struct resume *resume, struct context *context,
			   const struct resume_request *request)
{
	struct plan *plan = request->fresh;
	const struct endpoint *endpoint;
	struct err ignored = ERR_INIT;
	struct journal_begin begin;
	char hash[SHA256_HEX_SIZE], *key;

	memset(resume, 0, sizeof(*resume));
	if (!can_be_resumed(plan) || describe(request, &begin))
		return plan;
	endpoint = context_endpoint(context, &ignored);
	hash_place(hash, endpoint ? endpoint->url : "", plan);
	resume->journal = open_journal(&context->storage, plan->oid, hash);
	if (!resume->journal)
		return plan;
	key = make_key(endpoint ? endpoint->url : "", plan, hash);
	plan = choose_plan(resume, request, &begin, key);
	free(key);
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
	memset(resume, 0, sizeof(*resume));
}

bool resume_is_futile(const struct err *err)
{
	if (err->kind == ERR_REFUSED)
		return err->code != 401 && err->code != 403 &&
		       err->code != 404 && err->code != 409 && err->code != 410;
	return err->kind == ERR_CORRUPT;
}
