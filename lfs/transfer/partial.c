/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/storage.h"
#include "lfs/transfer/source.h"

#define SUFFIX ".partial"

enum {
	PIECE_SIZE = 2 << 20,	/* what a kill may cost a connection */
	SMALL = 4 << 20,	/* bytes of an object that are kept in memory */
	LETTERS = 6	/* mkstemp's */
};

#define ANY_SIZE UINT64_MAX

bool partial_is_handover(const char *rest)
{
	return *rest == '.' && strlen(rest) == 1 + LETTERS &&
	       !strpbrk(rest + 1, "./");
}

/* Lock the file and return its descriptor if it is free and of that size, or -1. */
static int try_handover(const char *path, uint64_t size)
{
	struct err ignored = ERR_INIT;
	int fd = file_open_own(path, O_RDWR, &ignored);
	struct file_id id;

	if (fd < 0)
		return -1;
	/* Between the look and the lock it may have been taken after all. */
	if (!file_identify(fd, path, &id, &ignored) &&
	    (size == ANY_SIZE || id.size == size) && !file_lock(fd, &ignored) &&
	    file_is_at(fd, path))
		return fd;
	close(fd);
	return -1;
}

/*
 * Open <stem>.XXXXXX of that size in `dir`, if there is one that nobody has
 * locked, and lock it: the process that made it has died.  Returns a descriptor
 * to read and write, with its path, the caller's, or -1.
 */
static int open_handover(const char *dir, const char *stem, uint64_t size,
			 char **path)
{
	DIR *names = opendir(dir);
	size_t len = strlen(stem);
	const struct dirent *entry;
	int fd = -1;

	while (names && (entry = readdir(names))) {
		if (strncmp(entry->d_name, stem, len) ||
		    !partial_is_handover(entry->d_name + len))
			continue;
		*path = xstrfmt("%s/%s", dir, entry->d_name);
		fd = try_handover(*path, size);
		if (fd >= 0)
			break;
		free(*path);
		*path = NULL;
	}
	if (names)
		closedir(names);
	return fd;
}

/* A file of our own, for want of a journal or of a need for one. */
static int open_unique(struct object *object, const struct storage *storage,
		       struct err *err)
{
	struct err ignored = ERR_INIT;

	object->path = xstrfmt("%s/%s" SUFFIX ".XXXXXX",
			       storage_own_dir(storage), object->plan->oid);
	object->fd = mkstemp(object->path);
	if (object->fd < 0)
		return err_sys(err, errno, "cannot make '%s'", object->path);
	fcntl(object->fd, F_SETFD, FD_CLOEXEC);
	file_lock(object->fd, &ignored);
	return 0;
}

/* The file that is gone on with, and its journal: both or neither. */
static int open_resumable(struct object *object, const struct storage *storage,
			  struct err *err)
{
	char *name = xstrfmt("%s/%s.journal", storage_own_dir(storage),
			     object->plan->oid);

	object->journal = journal_open(name, err);
	free(name);
	if (!object->journal)
		return -1;
	object->path = xstrfmt("%s/%s" SUFFIX, storage_own_dir(storage),
			       object->plan->oid);
	object->fd = file_open_own(object->path, O_RDWR | O_CREAT, err);
	if (object->fd >= 0)
		return 0;
	journal_remove(object->journal);
	journal_close(object->journal);
	object->journal = NULL;
	free(object->path);
	object->path = NULL;
	return -1;
}

/* What other processes had for want of a journal, and left when they died. */
static void remove_dead(const struct object *object,
			const struct storage *storage)
{
	char *stem = xstrfmt("%s" SUFFIX, object->plan->oid), *path;
	bool removed = true;
	int fd;

	while (removed && (fd = open_handover(storage_own_dir(storage), stem,
					      ANY_SIZE, &path)) >= 0) {
		removed = !unlink(path);
		close(fd);
		free(path);
	}
	free(stem);
}

static int open_file(struct object *object, const struct storage *storage,
		     struct err *err)
{
	struct err why = ERR_INIT;

	if (!open_resumable(object, storage, &why))
		return 0;
	log_info("%s: this download cannot be resumed", why.msg);
	return open_unique(object, storage, err);
}

/* Does the journal begin as one of this object and its file do? */
static bool read_begin(struct object *object, struct journal_begin *begin)
{
	struct err ignored = ERR_INIT;
	struct journal_record record;
	struct file_id id;

	if (!journal_next(object->journal, &record) ||
	    record.type != JOURNAL_BEGIN || record.size != sizeof(*begin))
		return false;
	memcpy(begin, record.data, sizeof(*begin));
	return begin->magic == JOURNAL_MAGIC && !begin->is_upload &&
	       begin->size == object->plan->size && begin->part_size &&
	       !file_identify(object->fd, object->path, &id, &ignored) &&
	       id.size == begin->size;
}

/* Pieces of a part come in order; anything else is not ours. */
static void take_piece(struct plan *plan, const struct journal_piece *piece)
{
	struct part *part = &plan->parts[piece->off / plan->part_size];

	if (piece->off != part->off + part->done ||
	    piece->size > part->size - part->done)
		return;
	part->done += piece->size;
	part->recorded = part->done;
	part->crc_moved = crc_combine(part->crc_moved, piece->crc, piece->size);
}

static void read_records(struct object *object, struct journal_hash *start,
			 bool *has_start)
{
	struct journal_record record;
	struct journal_piece piece;

	while (journal_next(object->journal, &record)) {
		if (record.type == JOURNAL_PIECE &&
		    record.size == sizeof(piece)) {
			memcpy(&piece, record.data, sizeof(piece));
			if (piece.off < object->plan->size)
				take_piece(object->plan, &piece);
		} else if (record.type == JOURNAL_HASH && start &&
			   record.size == sizeof(*start)) {
			memcpy(start, record.data, sizeof(*start));
			*has_start = true;
		}
	}
}

/*
 * A saved hash says that all before it was in the file then.  That holds as
 * long as the machine has not crashed since, and as the pieces say it, too.
 */
static bool can_start_at(const struct object *object,
			 const struct journal_begin *begin,
			 const struct journal_hash *start)
{
	const struct plan *plan = object->plan;
	struct sha256 sha;
	size_t i = 0;

	sha256_init(&sha);
	if (!journal_is_of_this_boot(begin) || !sha256_load(&sha, start->sha))
		return false;
	while (i < plan->nparts && plan->parts[i].done == plan->parts[i].size)
		i++;
	return i < plan->nparts ?
		       sha.size <= plan->parts[i].off + plan->parts[i].done :
		       sha.size < plan->size;
}

static void count_done(struct object *object)
{
	uint64_t moved = 0;

	for (size_t i = 0; i < object->plan->nparts; i++)
		moved += object->plan->parts[i].done;
	object->moved = moved;
	if (moved)
		log_info("going on with %.12s: %" PRIu64 " of %" PRIu64
			 " bytes are there",
			 object->plan->oid, moved, object->plan->size);
}

void partial_restart(struct object *object)
{
	struct journal_begin begin = { .size = object->plan->size,
				       .part_size = object->plan->part_size };

	if (object->journal)
		journal_begin(object->journal, &begin);
}

static int resume(struct object *object, struct journal_hash *start,
		  bool *has_start, struct err *err)
{
	struct plan *plan = object->plan;
	struct journal_begin begin;

	if (!read_begin(object, &begin) ||
	    (!start && !journal_is_of_this_boot(&begin))) {
		/* Nor is what may be in the file, or behind our size. */
		if (ftruncate(object->fd, 0))
			return err_sys(err, errno, "cannot empty '%s'",
				       object->path);
		partial_restart(object);
		return 0;
	}
	if (begin.part_size != plan->part_size &&
	    plan_cut(plan, begin.part_size, err))
		return -1;
	read_records(object, start, has_start);
	*has_start = *has_start && can_start_at(object, &begin, start);
	count_done(object);
	return 0;
}

int partial_open(struct object *object, const struct storage *storage,
		 struct journal_hash *start, bool *has_start, struct err *err)
{
	*has_start = false;
	remove_dead(object, storage);
	if (object->plan->size <= SMALL) {
		object->memory = xmalloc((size_t)object->plan->size);
		return 0;
	}
	if (open_file(object, storage, err) ||
	    (object->journal && resume(object, start, has_start, err)))
		return -1;
	return file_reserve(object->fd, object->path, object->plan->size, err);
}

int partial_write(struct object *object, const struct storage *storage,
		  struct err *err)
{
	size_t size = (size_t)object->plan->size;

	if (open_unique(object, storage, err) ||
	    file_write_at(object->fd, object->memory, size, 0, err))
		return -1;
	return 0;
}

bool partial_adopt(struct object *object, const struct storage *storage)
{
	struct plan *plan = object->plan;

	if (!plan->nparts)
		return false;
	object->fd = open_handover(storage_own_dir(storage), plan->oid,
				   plan->size, &object->path);
	if (object->fd < 0)
		return false;
	log_info("'%s' was fetched and never taken", object->path);
	for (size_t i = 0; i < plan->nparts; i++) {
		plan->parts[i].is_stored = true;
		plan->parts[i].done = plan->parts[i].size;
	}
	object->moved = plan->size;
	return true;
}

/* And it is still what was found. */
static bool was_adopted(const struct object *object)
{
	return object->plan->nparts && object->plan->parts[0].is_stored;
}

static void record_piece(struct object *object, struct part *part)
{
	struct journal_piece piece = {
		.off = part->off + part->recorded,
		.size = part->done - part->recorded,
		.crc = part->crc_piece,
	};

	if (!piece.size)
		return;
	journal_add(object->journal, JOURNAL_PIECE, &piece, sizeof(piece),
		    NULL);
	part->recorded = part->done;
	part->crc_piece = 0;
}

void partial_note(struct object *object, struct part *part, const void *data,
		  size_t n)
{
	uint32_t crc;

	if (!object->hasher && !object->journal)
		return;
	crc = crc_update(0, data, n);
	part->crc_moved = crc_combine(part->crc_moved, crc, n);
	/* Without ranges, nothing can be gone on with. */
	if (!object->journal || source_sends_whole(object->source))
		return;
	part->crc_piece = crc_combine(part->crc_piece, crc, n);
	if (part->done - part->recorded >= PIECE_SIZE ||
	    part->done == part->size)
		record_piece(object, part);
}

void partial_keep(struct object *object)
{
	if (!object->journal && !was_adopted(object))
		partial_discard(object);
	else if (object->journal && !source_sends_whole(object->source))
		for (size_t i = 0; i < object->plan->nparts; i++)
			record_piece(object, &object->plan->parts[i]);
}

void partial_discard(struct object *object)
{
	if (object->path)
		unlink(object->path);
	if (object->journal)
		journal_remove(object->journal);
}

/* The path of the object's file as far as the end of its oid. */
static int stem_length(const struct object *object)
{
	const char *name = strrchr(object->path, '/') + 1;

	return (int)(name - object->path + (long)strlen(object->plan->oid));
}

/* The object is there: what another run has of it is of no use. */
static void remove_leftovers(const struct object *object)
{
	int stem = stem_length(object);
	char *name = xstrfmt("%.*s.journal", stem, object->path);
	char *partial = xstrfmt("%.*s" SUFFIX, stem, object->path);
	struct err ignored = ERR_INIT;
	struct journal *journal = NULL;

	if (!access(name, F_OK))
		journal = journal_open(name, &ignored);
	if (journal) {
		unlink(partial);
		journal_remove(journal);
		journal_close(journal);
	}
	free(name);
	free(partial);
}

void partial_finish(struct object *object)
{
	if (object->journal)
		journal_remove(object->journal);
	else if (object->plan->nparts > 1)
		remove_leftovers(object);
}

static void take_path(struct object *object, char *path)
{
	free(object->path);
	object->path = path;
}

/*
 * A name that nobody has.  Not mkstemp()'s: its file would be replaced, and
 * ext4 sends what replaces another file to the disk at once.
 */
static char *free_path(const struct object *object)
{
	char *path = NULL;

	do {
		free(path);
		path = xstrfmt("%.*s.%06" PRIx32, stem_length(object),
			       object->path, clock_random() & 0xffffff);
	} while (!access(path, F_OK));
	return path;
}

int partial_hand_over(struct object *object, struct err *err)
{
	char *path = free_path(object);
	struct err ignored = ERR_INIT;

	file_lock(object->fd, &ignored);
	if (!rename(object->path, path)) {
		take_path(object, path);
		return 0;
	}
	err_sys(err, errno, "cannot rename '%s'", object->path);
	free(path);
	return -1;
}

void partial_take_back(struct object *object)
{
	char *path;

	if (!object->journal)
		return;
	path = xstrfmt("%.*s" SUFFIX, stem_length(object), object->path);
	if (rename(object->path, path))
		log_warn("cannot rename '%s'", object->path);
	take_path(object, path);
}
