/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/unfinished.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/journal.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/storage.h"
#include "lfs/net/url.h"
#include "lfs/server/credshare.h"
#include "lfs/transfer/record.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/resume.h"
#include "lfs/worktree/placed.h"

enum {
	DAY_S = 24 * 60 * 60,
	UPLOAD_DAYS = 7,	/* what a link lives at most, by SigV4 */
	DISK_UNIT = 512,	/* of st_blocks */
	SERVER_SHOWN = 2048
};

bool unfinished_is_transfer(const struct unfinished *unfinished)
{
	return unfinished->kind < UNFINISHED_COMPLETED;
}

/* Count a file in, if it is there; returns its size, or -1. */
static int64_t count_file(struct unfinished *unfinished, const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return -1;
	unfinished->disk += (uint64_t)st.st_blocks * DISK_UNIT;
	if (st.st_mtim.tv_sec > unfinished->touched)
		unfinished->touched = st.st_mtim.tv_sec;
	return st.st_size;
}

/* Bytes of a part that was sent, without trust in the numbers. */
static uint64_t sent_size(const struct journal_begin *begin,
			  const struct journal_record *record)
{
	struct journal_part part;
	uint64_t left;

	if (record->size <= sizeof(part))
		return 0;
	memcpy(&part, record->data, sizeof(part));
	if (!part.number || part.number - 1 > begin->size / begin->part_size)
		return 0;
	left = begin->size - (part.number - 1) * begin->part_size;
	return left < begin->part_size ? left : begin->part_size;
}

/* The first line of the key; the file may say anything. */
static char *server_of(const char *key)
{
	char shown[SERVER_SHOWN], *line;

	line = xstrndup(key, strcspn(key, "\n"));
	url_display_any(line, shown, sizeof(shown));
	free(line);
	return xstrdup(shown);
}

static void read_record(struct unfinished *unfinished,
			const struct journal_begin *begin,
			const struct journal_record *record)
{
	struct journal_piece piece;
	uint64_t n = 0;

	if (journal_get(record, JOURNAL_PIECE, &piece, sizeof(piece)))
		n = piece.size;
	else if (record->type == JOURNAL_PART)
		n = sent_size(begin, record);
	else if (record->type == JOURNAL_KEY && !unfinished->server)
		unfinished->server = server_of(record->data);
	else if (record->type == JOURNAL_COMPLETE)
		unfinished->kind = UNFINISHED_COMPLETED;
	if (n > unfinished->size - unfinished->done)
		n = unfinished->size - unfinished->done;
	unfinished->done += n;
}

static void read_journal(struct unfinished *unfinished)
{
	bool is_upload = unfinished->kind == UNFINISHED_UPLOAD;
	struct journal_record record;
	struct journal_begin begin;
	struct err ignored = ERR_INIT;
	struct journal *journal;

	journal = journal_peek(unfinished->journal, &unfinished->in_use,
			       &ignored);
	if (journal && record_read_begin(journal, is_upload, &begin)) {
		unfinished->is_readable = true;
		unfinished->size = begin.size;
		while (journal_next(journal, &record))
			read_record(unfinished, &begin, &record);
	}
	journal_close(journal);
}

static void describe_download(struct unfinished *unfinished, const char *dir)
{
	int64_t size;

	free(unfinished->path);
	unfinished->path = xstrfmt("%s/%s" PARTIAL_SUFFIX, dir,
				   unfinished->oid);
	size = count_file(unfinished, unfinished->path);
	/* Only a file of that size is the journal's, and is resumed. */
	if (size < 0 || (uint64_t)size != unfinished->size)
		unfinished->done = 0;
}

/* On file systems without locks, a file in use looks like any other. */
static bool may_be_in_use(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool may = fd < 0 || !file_can_be_locked(fd);

	if (fd >= 0)
		close(fd);
	return may;
}

static void describe_file(struct unfinished *unfinished)
{
	int64_t size = count_file(unfinished, unfinished->path);

	unfinished->in_use = file_is_locked_at(unfinished->path);
	if (unfinished->kind == UNFINISHED_ALONE &&
	    may_be_in_use(unfinished->path))
		unfinished->kind = UNFINISHED_STRAY;
	if (unfinished->kind == UNFINISHED_STRAY || size < 0)
		return;
	unfinished->is_readable = true;
	unfinished->size = (uint64_t)size;
	if (unfinished->kind == UNFINISHED_HANDOVER)
		unfinished->done = unfinished->size;
}

static void count_login(void *ctx, const char *path)
{
	count_file(ctx, path);
}

static void describe_login(struct unfinished *unfinished)
{
	char *lock = xstrfmt("%s/" CREDSHARE_LOCK, unfinished->path);

	count_file(unfinished, unfinished->path);
	credshare_look(unfinished->path, count_login, unfinished);
	unfinished->in_use = file_is_locked_at(lock);
	free(lock);
}

static void describe_placed(struct unfinished *unfinished)
{
	char *temp = placed_temp_path(unfinished->path);
	struct err ignored = ERR_INIT;
	struct placed placed;

	count_file(unfinished, unfinished->path);
	count_file(unfinished, temp);
	free(temp);
	if (placed_load(&placed, unfinished->path, &unfinished->in_use,
			&ignored))
		return;
	unfinished->is_readable = placed.top != NULL;
	unfinished->nplaced = placed.n;
	placed_release(&placed);
}

/* The rest of a name that begins with an oid; NULL if it does not. */
static const char *after_oid(const char *name)
{
	return strspn(name, "0123456789abcdef") == UNFINISHED_OID ?
		       name + UNFINISHED_OID :
		       NULL;
}

static bool has_journal(const char *dir, const char *name)
{
	char *path = xstrfmt("%s/%.*s" PARTIAL_JOURNAL, dir, UNFINISHED_OID,
			     name);
	bool is_there = !access(path, F_OK);

	free(path);
	return is_there;
}

/* Only the user who left a file may resume or remove it. */
static bool is_ours(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && st.st_uid == geteuid();
}

/*
 * Set the kind that a name stands for which begins with an oid; false if it stands
 * for nothing.
 */
static bool recognise_rest(struct unfinished *unfinished, const char *dir,
			   bool is_own, const char *name)
{
	const char *rest = after_oid(name);

	if (!rest)
		return false;
	if (!strcmp(rest, PARTIAL_JOURNAL))
		unfinished->kind = UNFINISHED_DOWNLOAD;
	else if (*rest == '-' && text_has_suffix(rest, RESUME_SUFFIX))
		unfinished->kind = UNFINISHED_UPLOAD;
	else if (partial_is_handover(rest))
		unfinished->kind = UNFINISHED_HANDOVER;
	else if (text_has_prefix(rest, PARTIAL_SUFFIX "."))
		unfinished->kind = UNFINISHED_ALONE;
	else if (!strcmp(rest, PARTIAL_SUFFIX) &&
		 (!is_own || !has_journal(dir, name)))
		unfinished->kind = UNFINISHED_STRAY;
	else
		return false;
	if (!is_own)
		unfinished->kind = UNFINISHED_STRAY;
	memcpy(unfinished->oid, name, UNFINISHED_OID);
	return true;
}

/*
 * Set the kind and oid that a name in the folder stands for; false if it stands
 * for nothing.  `is_own`: only this user can make names there.
 */
static bool recognise(struct unfinished *unfinished, const char *dir,
		      bool is_own, const char *name)
{
	if (credshare_is_name(name))
		unfinished->kind = UNFINISHED_LOGIN;
	else if (is_own && placed_is_journal(name))
		unfinished->kind = UNFINISHED_PLACED;
	else
		return recognise_rest(unfinished, dir, is_own, name);
	return true;
}

/* Fill in what follows from its files; `path` is the one that was found. */
static void describe(struct unfinished *unfinished, const char *dir, char *path)
{
	unfinished->path = path;
	switch (unfinished->kind) {
	case UNFINISHED_DOWNLOAD:
	case UNFINISHED_UPLOAD:
		unfinished->journal = xstrdup(path);
		count_file(unfinished, path);
		read_journal(unfinished);
		if (unfinished->kind == UNFINISHED_DOWNLOAD)
			describe_download(unfinished, dir);
		break;
	case UNFINISHED_LOGIN:
		describe_login(unfinished);
		break;
	case UNFINISHED_PLACED:
		describe_placed(unfinished);
		break;
	default:
		describe_file(unfinished);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct unfinished *one = a, *other = b;

	if (one->touched != other->touched)
		return one->touched < other->touched ? 1 : -1;
	return strcmp(one->path, other->path);
}

static int load_folder(struct unfinished_list *list, const char *dir,
		       struct err *err)
{
	bool is_own = file_is_own_dir(dir);
	DIR *names = opendir(dir);
	const struct dirent *entry;

	if (!names && errno == ENOENT)
		return 0;
	if (!names)
		return err_sys(err, errno, "cannot read '%s'", dir);
	while ((entry = readdir(names))) {
		struct unfinished unfinished = { .path = NULL };
		char *path = xstrfmt("%s/%s", dir, entry->d_name);

		if (!recognise(&unfinished, dir, is_own, entry->d_name) ||
		    !is_ours(path)) {
			free(path);
			continue;
		}
		describe(&unfinished, dir, path);
		list->items = xgrow(list->items, list->n, sizeof(*list->items));
		list->items[list->n++] = unfinished;
	}
	closedir(names);
	return 0;
}

/* Has git-lfs got the object of this download in another way? */
static bool has_object(const struct storage *storage,
		       const struct unfinished *item)
{
	struct pointer pointer = { .size = item->size };

	memcpy(pointer.oid, item->oid, sizeof(item->oid));
	return unfinished_is_transfer(item) && item->is_readable &&
	       item->kind != UNFINISHED_UPLOAD &&
	       storage_has(storage, &pointer);
}

int unfinished_load(struct unfinished_list *list, const struct storage *storage,
		    struct err *err)
{
	const char *dir = storage->multipart_dir;
	const char *own = storage_own_dir(storage);

	*list = (struct unfinished_list){ .n = 0 };
	if (load_folder(list, dir, err) ||
	    (strcmp(own, dir) && load_folder(list, own, err)))
		return -1;
	for (size_t i = 0; i < list->n; i++)
		list->items[i].is_there = has_object(storage, &list->items[i]);
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), by_time);
	return 0;
}

static int busy(const struct unfinished *unfinished, struct err *err)
{
	return err_set(err, ERR_BUSY, "'%s' is in use", unfinished->path);
}

/* An empty folder will do, too. */
static int remove_file(const char *path, struct err *err)
{
	if (!remove(path) || errno == ENOENT)
		return 0;
	return err_sys(err, errno, "cannot remove '%s'", path);
}

static void remove_login(void *err, const char *path)
{
	remove_file(path, err);
}

/*
 * With its journal locked.  If the transfer ended before we had the lock, its
 * file may be git-lfs's, and the journal that we have is a new, empty one.
 */
static int remove_locked(const struct unfinished *unfinished, int64_t limit,
			 struct err *err)
{
	struct unfinished now = { .kind = unfinished->kind };
	int64_t size = count_file(&now, unfinished->journal);

	count_file(&now, unfinished->path);
	if (size > 0 && now.touched > limit)
		return busy(unfinished, err);
	if (size > 0 && remove_file(unfinished->path, err))
		return -1;
	return remove_file(unfinished->journal, err);
}

int unfinished_remove(const struct unfinished *unfinished, int64_t limit,
		      struct err *err)
{
	struct journal *journal;
	int ret;

	if (unfinished->in_use || unfinished->touched > limit)
		return busy(unfinished, err);
	if (unfinished->kind == UNFINISHED_PLACED)
		return placed_remove(unfinished->path, err);
	if (unfinished->kind == UNFINISHED_LOGIN)
		credshare_look(unfinished->path, remove_login, err);
	if (err->kind)
		return -1;
	if (!unfinished->journal)
		return file_is_locked_at(unfinished->path) ?
			       busy(unfinished, err) :
			       remove_file(unfinished->path, err);
	journal = journal_open(unfinished->journal, err);
	if (!journal)
		return -1;
	ret = remove_locked(unfinished, limit, err);
	journal_close(journal);
	return ret;
}

int64_t unfinished_limit(const struct unfinished *item, int64_t limit,
			 int64_t now)
{
	/* A temporary file may be in the work tree, where git would add it. */
	if (item->kind == UNFINISHED_PLACED)
		return limit;
	/* No other run can use what has no journal: a day is enough. */
	if (unfinished_is_transfer(item) &&
	    (item->kind != UNFINISHED_ALONE || limit > now - DAY_S))
		return limit;
	return now - DAY_S;
}

/*
 * Has nobody done it for a day?  The process that makes the new note does it.
 */
static bool is_due(const char *dir, int64_t now)
{
	char *path = xstrfmt("%s/pruned", dir);
	struct stat st;
	bool is = lstat(path, &st) || st.st_mtime > now ||
		  st.st_mtime <= now - DAY_S;
	int fd = -1;

	if (is) {
		unlink(path);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return fd >= 0;
}

/* It is of no use any more if nobody has touched it since then. */
static int64_t limit_of(const struct unfinished *item, unsigned days,
			int64_t now)
{
	if (item->is_there)
		return now;
	if (item->kind == UNFINISHED_UPLOAD && days > UPLOAD_DAYS)
		days = UPLOAD_DAYS;
	return unfinished_limit(item, now - (int64_t)days * DAY_S, now);
}

void unfinished_tidy(const struct storage *storage, unsigned days)
{
	int64_t now = clock_unix();
	struct unfinished_list list;
	struct err err = ERR_INIT;

	if (!days || !is_due(storage_own_dir(storage), now))
		return;
	unfinished_load(&list, storage, &err);
	for (size_t i = 0; i < list.n; i++) {
		const struct unfinished *item = &list.items[i];
		int64_t limit = limit_of(item, days, now);

		if (item->touched > limit)
			continue;
		err_clear(&err);
		if (!unfinished_remove(item, limit, &err))
			log_info("removed '%s', which is no longer of use",
				 item->path);
		else
			log_info("%s", err.msg);
	}
	unfinished_release(&list);
}

void unfinished_release(struct unfinished_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].server);
		free(list->items[i].path);
		free(list->items[i].journal);
	}
	free(list->items);
	*list = (struct unfinished_list){ .n = 0 };
}
