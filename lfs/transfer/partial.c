/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/storage.h"
#include "lfs/transfer/source.h"

enum {
	PIECE_SIZE = 2 << 20,	/* what a kill may cost a connection */
	SMALL = 4 << 20,	/* bytes of an object that are kept in memory */
	LETTERS = 6	/* of a name that nobody else has, as mkstemp() makes it */
};

#define ANY_SIZE UINT64_MAX

bool partial_is_handover(const char *rest)
{
	return *rest == '.' && strlen(rest) == 1 + LETTERS &&
	       !strpbrk(rest + 1, "./");
}

/* The path of the object's file with this suffix; the caller's. */
static char *make_path(const struct object *object, const char *suffix)
{
	return xstrfmt("%s/%s%s", storage_own_dir(object->storage),
		       object->plan->oid, suffix);
}

/*
 * If it is of that size and not in use, its descriptor, locked; otherwise -1.
 */
static int lock_left_file(const char *path, uint64_t size)
{
	struct err ignored = ERR_INIT;
	int fd = file_open_own(path, O_RDWR, &ignored);
	struct file_id id;

	if (fd < 0)
		return -1;
	/* git-lfs may have taken it before it was locked. */
	if (!file_identify(fd, path, &id, &ignored) &&
	    (size == ANY_SIZE || id.size == size) && !file_lock(fd, &ignored) &&
	    file_is_at(fd, path))
		return fd;
	close(fd);
	return -1;
}

/*
 * Find <stem>.XXXXXX of that size that the process which made it has left, and
 * lock it.  Returns a descriptor to read and write, with its path, the
 * caller's, or -1.
 */
static int find_left_file(const struct object *object, const char *stem,
			  uint64_t size, char **path)
{
	const char *dir = storage_own_dir(object->storage);
	DIR *names = opendir(dir);
	size_t len = strlen(stem);
	const struct dirent *entry;
	int fd = -1;

	while (names && fd < 0 && (entry = readdir(names))) {
		if (strncmp(entry->d_name, stem, len) ||
		    !partial_is_handover(entry->d_name + len))
			continue;
		*path = xstrfmt("%s/%s", dir, entry->d_name);
		fd = lock_left_file(*path, size);
		if (fd < 0)
			free(*path);
	}
	if (names)
		closedir(names);
	return fd;
}

/* Remove what processes without a journal have left. */
static void remove_left_files(const struct object *object)
{
	char *stem = xstrfmt("%s" PARTIAL_SUFFIX, object->plan->oid), *path;
	bool removed = true;
	int fd;

	while (removed &&
	       (fd = find_left_file(object, stem, ANY_SIZE, &path)) >= 0) {
		removed = !unlink(path);
		close(fd);
		free(path);
	}
	free(stem);
}

/* A file without a journal, which cannot be had or is not needed. */
static int open_unique(struct object *object, struct err *err)
{
	struct err ignored = ERR_INIT;

	object->path = make_path(object, PARTIAL_SUFFIX ".XXXXXX");
	object->fd = mkstemp(object->path);
	if (object->fd < 0)
		return err_sys(err, errno, "cannot make '%s'", object->path);
	fcntl(object->fd, F_SETFD, FD_CLOEXEC);
	file_lock(object->fd, &ignored);
	return 0;
}

/* The file that can be resumed, and its journal: both or neither. */
static int open_resumable(struct object *object, struct err *err)
{
	char *name = make_path(object, PARTIAL_JOURNAL);

	object->journal = journal_open(name, err);
	free(name);
	if (!object->journal)
		return -1;
	object->path = make_path(object, PARTIAL_SUFFIX);
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

static int open_file(struct object *object, struct err *err)
{
	struct err why = ERR_INIT;

	if (!open_resumable(object, &why))
		return 0;
	log_info("%s: this download cannot be resumed", why.msg);
	return open_unique(object, err);
}

/* Does the journal begin as one of this object and its file do? */
static bool read_begin(struct object *object, struct journal_begin *begin)
{
	struct err ignored = ERR_INIT;
	struct file_id id;

	return record_read_begin(object->journal, false, begin) &&
	       begin->size == object->plan->size &&
	       !file_identify(object->fd, object->path, &id, &ignored) &&
	       id.size == begin->size;
}

/* Pieces of a part come in order; any other is not ours. */
static void take_piece(struct plan *plan, const struct journal_piece *piece)
{
	struct part *part;

	if (piece->off >= plan->size)
		return;
	part = &plan->parts[piece->off / plan->part_size];
	if (piece->off != part->off + part->done ||
	    piece->size > part->size - part->done)
		return;
	part->done += piece->size;
	part->recorded = part->done;
	part->crc_moved = crc_combine(part->crc_moved, piece->crc, piece->size);
}

static void read_records(struct object *object)
{
	struct journal_record record;
	struct journal_piece piece;

	while (journal_next(object->journal, &record)) {
		if (journal_get(&record, JOURNAL_PIECE, &piece, sizeof(piece)))
			take_piece(object->plan, &piece);
		else if (object->verifies &&
			 journal_get(&record, JOURNAL_HASH, &object->start,
				     sizeof(object->start)))
			object->has_start = true;
	}
}

/*
 * A saved hash says that all bytes before it were in the file then.  That holds
 * if the machine has not crashed since, and if the pieces say the same.
 */
static bool can_start_hash(const struct object *object,
			   const struct journal_begin *begin)
{
	const struct plan *plan = object->plan;
	struct sha256 sha;
	size_t i = 0;

	sha256_init(&sha);
	if (!clock_is_boot(begin->boot) ||
	    !sha256_load(&sha, object->start.sha))
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
		log_info("resuming %.12s: %" PRIu64 " of %" PRIu64
			 " bytes are there",
			 object->plan->oid, moved, object->plan->size);
}

void partial_restart(struct object *object)
{
	struct journal_begin begin = { .size = object->plan->size,
				       .part_size = object->plan->part_size };

	if (object->journal)
		record_begin(object->journal, &begin);
}

static int resume_download(struct object *object, struct err *err)
{
	struct plan *plan = object->plan;
	struct journal_begin begin;

	if (!read_begin(object, &begin) ||
	    (!object->verifies && !clock_is_boot(begin.boot))) {
		/* The bytes in the file may be anything. */
		if (ftruncate(object->fd, 0))
			return err_sys(err, errno, "cannot empty '%s'",
				       object->path);
		partial_restart(object);
		return 0;
	}
	if (begin.part_size != plan->part_size &&
	    plan_cut(plan, begin.part_size, err))
		return -1;
	read_records(object);
	object->has_start = object->has_start && can_start_hash(object, &begin);
	count_done(object);
	return 0;
}

int partial_open(struct object *object, struct err *err)
{
	remove_left_files(object);
	if (object->plan->size <= SMALL) {
		object->memory = xmalloc((size_t)object->plan->size);
		return 0;
	}
	if (open_file(object, err) ||
	    (object->journal && resume_download(object, err)))
		return -1;
	return file_reserve(object->fd, object->path, object->plan->size, err);
}

int partial_write(struct object *object, struct err *err)
{
	if (open_unique(object, err))
		return -1;
	return file_write_at(object->fd, object->memory,
			     (size_t)object->plan->size, 0, err);
}

bool partial_adopt(struct object *object)
{
	struct plan *plan = object->plan;

	if (!plan->nparts)
		return false;
	object->fd = find_left_file(object, plan->oid, plan->size,
				    &object->path);
	if (object->fd < 0) {
		object->path = NULL;
		return false;
	}
	log_info("'%s' was fetched before, and git-lfs has not taken it",
		 object->path);
	for (size_t i = 0; i < plan->nparts; i++) {
		plan->parts[i].is_stored = true;
		plan->parts[i].done = plan->parts[i].size;
	}
	object->moved = plan->size;
	return true;
}

/* Is its file one that was found, and was nothing of it fetched again? */
static bool is_adopted(const struct object *object)
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
	/* Without ranges, nothing can be resumed. */
	if (!object->journal || source_sends_whole(object->source))
		return;
	part->crc_piece = crc_combine(part->crc_piece, crc, n);
	if (part->done - part->recorded >= PIECE_SIZE ||
	    part->done == part->size)
		record_piece(object, part);
}

void partial_keep(struct object *object)
{
	if (!object->journal && !is_adopted(object))
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

/* git-lfs has the object: another run's part of it is of no use. */
static void remove_other_run(const struct object *object)
{
	char *name = make_path(object, PARTIAL_JOURNAL);
	char *partial = make_path(object, PARTIAL_SUFFIX);
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
		remove_other_run(object);
}

static void set_path(struct object *object, char *path)
{
	free(object->path);
	object->path = path;
}

int partial_hand_over(struct object *object, struct err *err)
{
	char *path = storage_unused_path(object->storage, object->plan->oid);
	struct err ignored = ERR_INIT;

	file_lock(object->fd, &ignored);
	if (!rename(object->path, path)) {
		set_path(object, path);
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
	path = make_path(object, PARTIAL_SUFFIX);
	if (rename(object->path, path))
		log_warn("cannot rename '%s'", object->path);
	set_path(object, path);
}
