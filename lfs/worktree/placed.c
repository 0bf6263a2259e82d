/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/worktree/placed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/journal.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"

#define PREFIX "placed-"
#define SUFFIX ".journal"
#define TEMP_SUFFIX ".temp"

enum {
	MAGIC = 0x4d504c31,
	KEY_LENGTH = 16,	/* hex digits of the hash of the work tree's path */
	FILES_MAX = 16 << 20	/* of one journal, so that it ends */
};

/* Each record but the first is followed by a path. */
enum record_type {
	RECORD_BEGIN = 1,	/* struct begin, then the path of the work tree */
	RECORD_FILE,	/* struct file_record */
	RECORD_TEMP,	/* struct placed_id of zeros */
	RECORD_LOCK	/* struct placed_id: git's index is locked by this file */
};

struct begin {
	uint32_t magic;
	char boot[CLOCK_BOOT_SIZE + 3];
};

struct file_record {
	struct placed_id id;
	struct pointer pointer;
	char blob[65];
	char zeros[7];
};

char *placed_journal_path(const struct storage *storage, const char *top)
{
	unsigned char digest[SHA256_SIZE];
	char key[SHA256_HEX_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	sha256_update(&hash, top, strlen(top));
	sha256_final(&hash, digest);
	sha256_hex(digest, key);
	return xstrfmt("%s/" PREFIX "%.*s" SUFFIX, storage_own_dir(storage),
		       KEY_LENGTH, key);
}

char *placed_temp_path(const char *journal)
{
	return xstrfmt("%.*s" TEMP_SUFFIX,
		       (int)(strlen(journal) - strlen(SUFFIX)), journal);
}

bool placed_is_journal(const char *name)
{
	return text_has_prefix(name, PREFIX) &&
	       strspn(name + strlen(PREFIX), "0123456789abcdef") ==
		       KEY_LENGTH &&
	       !strcmp(name + strlen(PREFIX) + KEY_LENGTH, SUFFIX);
}

static int64_t ns_of(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

struct placed_id placed_identify(const struct stat *st)
{
	return (struct placed_id){
		.dev = (uint64_t)st->st_dev,
		.inode = (uint64_t)st->st_ino,
		.size = (uint64_t)st->st_size,
#ifdef __APPLE__
		.mtime_ns = ns_of(&st->st_mtimespec),
		.ctime_ns = ns_of(&st->st_ctimespec),
#else
		.mtime_ns = ns_of(&st->st_mtim),
		.ctime_ns = ns_of(&st->st_ctim),
#endif
	};
}

bool placed_is_same(const struct placed_id *noted, const struct stat *st)
{
	struct placed_id now = placed_identify(st);

	return S_ISREG(st->st_mode) && now.dev == noted->dev &&
	       now.inode == noted->inode && now.size == noted->size &&
	       now.mtime_ns == noted->mtime_ns &&
	       (!noted->ctime_ns || now.ctime_ns == noted->ctime_ns);
}

/* The path after the first `size` bytes of a record; NULL if there is none. */
static const char *path_after(const struct journal_record *record, size_t size)
{
	const char *path;

	if (record->size <= size)
		return NULL;
	path = (const char *)record->data + size;
	/* The journal ends each record with a NUL that does not count. */
	return strlen(path) == record->size - size ? path : NULL;
}

static void read_begin(struct placed *placed,
		       const struct journal_record *record)
{
	const char *top = path_after(record, sizeof(struct begin));
	struct begin begin;

	if (record->type != RECORD_BEGIN || !top || *top != '/')
		return;
	memcpy(&begin, record->data, sizeof(begin));
	if (begin.magic != MAGIC)
		return;
	begin.boot[sizeof(begin.boot) - 1] = '\0';
	placed->is_of_this_boot = clock_is_boot(begin.boot);
	placed->top = xstrdup(top);
}

static bool is_hex(const char *text, size_t size, size_t len)
{
	return strnlen(text, size) == len &&
	       strspn(text, "0123456789abcdef") == len;
}

void placed_add(struct placed *placed, const struct placed_file *file)
{
	placed->files = xreallocarray(placed->files, placed->n + 1,
				      sizeof(*placed->files));
	placed->files[placed->n++] = *file;
}

static void read_file(struct placed *placed,
		      const struct journal_record *record)
{
	const char *path = path_after(record, sizeof(struct file_record));
	struct placed_file file;
	struct file_record said;

	if (!path || placed->n >= FILES_MAX)
		return;
	memcpy(&said, record->data, sizeof(said));
	if (!is_hex(said.pointer.oid, sizeof(said.pointer.oid), POINTER_OID) ||
	    !(is_hex(said.blob, sizeof(said.blob), 40) ||
	      is_hex(said.blob, sizeof(said.blob), 64)))
		return;
	file.path = xstrdup(path);
	file.pointer = said.pointer;
	file.id = said.id;
	memcpy(file.blob, said.blob, sizeof(file.blob));
	placed_add(placed, &file);
}

static void read_temp(struct placed *placed,
		      const struct journal_record *record)
{
	const char *path = path_after(record, sizeof(struct placed_id));

	if (!path || placed->ntemps >= FILES_MAX)
		return;
	placed->temps = xreallocarray(placed->temps, placed->ntemps + 1,
				      sizeof(*placed->temps));
	placed->temps[placed->ntemps++] = xstrdup(path);
}

static void read_lock(struct placed *placed,
		      const struct journal_record *record)
{
	const char *path = path_after(record, sizeof(struct placed_id));

	if (!path)
		return;
	free(placed->lock);
	placed->lock = xstrdup(path);
	memcpy(&placed->lock_id, record->data, sizeof(placed->lock_id));
}

static int by_path(const void *a, const void *b)
{
	const struct placed_file *one = a, *other = b;

	return strcmp(one->path, other->path);
}

/* Of a path that was noted more than once, the last note counts. */
static void drop_old_notes(struct placed *placed)
{
	struct placed_file *files = placed->files;
	size_t nkept = 0;

	for (size_t i = 0; i < placed->n; i++) {
		if (nkept && !by_path(&files[nkept - 1], &files[i]))
			free(files[--nkept].path);
		files[nkept++] = files[i];
	}
	placed->n = nkept;
}

/*
 * An order that keeps notes of the same path in theirs: insertion from the front
 * would be quadratic, and qsort() may swap equals, so the index decides.
 */
struct ranked {
	struct placed_file file;
	size_t rank;
};

static int by_path_and_rank(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;
	int order = by_path(&one->file, &other->file);

	if (order)
		return order;
	return one->rank < other->rank ? -1 : 1;
}

void placed_sort(struct placed *placed)
{
	struct ranked *ranked = xcalloc(placed->n + 1, sizeof(*ranked));

	for (size_t i = 0; i < placed->n; i++)
		ranked[i] = (struct ranked){ placed->files[i], i };
	qsort(ranked, placed->n, sizeof(*ranked), by_path_and_rank);
	for (size_t i = 0; i < placed->n; i++)
		placed->files[i] = ranked[i].file;
	free(ranked);
	drop_old_notes(placed);
}

static void read_all(struct placed *placed, struct journal *journal)
{
	struct journal_record record;

	*placed = (struct placed)PLACED_INIT;
	if (journal_next(journal, &record))
		read_begin(placed, &record);
	while (placed->top && journal_next(journal, &record))
		switch (record.type) {
		case RECORD_FILE:
			read_file(placed, &record);
			break;
		case RECORD_TEMP:
			read_temp(placed, &record);
			break;
		case RECORD_LOCK:
			read_lock(placed, &record);
			break;
		}
	placed_sort(placed);
}

int placed_load(struct placed *placed, const char *journal, bool *in_use,
		struct err *err)
{
	struct journal *records = journal_peek(journal, in_use, err);

	*placed = (struct placed)PLACED_INIT;
	if (!records)
		return -1;
	read_all(placed, records);
	journal_close(records);
	return 0;
}

const struct placed_file *placed_find(const struct placed *placed,
				      const char *path)
{
	const struct placed_file key = { .path = (char *)path };

	return placed->n ? bsearch(&key, placed->files, placed->n, sizeof(key),
				   by_path) :
			   NULL;
}

void placed_release(struct placed *placed)
{
	for (size_t i = 0; i < placed->n; i++)
		free(placed->files[i].path);
	for (size_t i = 0; i < placed->ntemps; i++)
		free(placed->temps[i]);
	free(placed->files);
	free(placed->temps);
	free(placed->top);
	free(placed->lock);
	*placed = (struct placed)PLACED_INIT;
}

/* A file that a person has put there under such a name is not plain, or not ours. */
static void remove_temp(int top, const char *path)
{
	struct err ignored = ERR_INIT;
	const char *name;
	struct stat st;
	int dir = file_open_below(top, path, false, &name, &ignored);

	if (dir < 0)
		return;
	if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISREG(st.st_mode) && st.st_uid == geteuid())
		unlinkat(dir, name, 0);
	close(dir);
}

static void remove_temps(const struct placed *placed, const char *journal)
{
	char *beside = placed_temp_path(journal);
	int top = placed->ntemps ? open(placed->top,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC) :
				   -1;

	unlink(beside);
	free(beside);
	for (size_t i = 0; top >= 0 && i < placed->ntemps; i++)
		remove_temp(top, placed->temps[i]);
	if (top >= 0)
		close(top);
}

/* The process that took it is gone, for its journal is not locked. */
static void remove_lock(const struct placed *placed)
{
	struct stat st;

	if (placed->lock && !lstat(placed->lock, &st) &&
	    (uint64_t)st.st_dev == placed->lock_id.dev &&
	    (uint64_t)st.st_ino == placed->lock_id.inode &&
	    st.st_uid == geteuid())
		unlink(placed->lock);
}

int placed_remove(const char *journal, struct err *err)
{
	struct journal *records = journal_open(journal, err);
	struct placed left;

	if (!records)
		return -1;
	read_all(&left, records);
	remove_temps(&left, journal);
	remove_lock(&left);
	placed_release(&left);
	journal_remove(records);
	journal_close(records);
	return 0;
}

void placed_clear(struct journal *journal, const char *top)
{
	struct begin begin = { .magic = MAGIC };

	clock_boot(begin.boot);
	journal_keep(journal, 0);
	journal_add(journal, RECORD_BEGIN, &begin, sizeof(begin), top);
}

struct journal *placed_open(const char *path, const char *top,
			    struct placed *left, struct err *err)
{
	struct journal *journal = journal_open(path, err);

	*left = (struct placed)PLACED_INIT;
	if (!journal)
		return NULL;
	read_all(left, journal);
	/* Of another work tree: only if the hashes of their paths begin alike. */
	if (left->top && strcmp(left->top, top))
		placed_release(left);
	remove_temps(left, path);
	remove_lock(left);
	if (!left->n)
		placed_clear(journal, top);
	return journal;
}

int placed_note_temp(struct journal *journal, const char *path, struct err *err)
{
	const struct placed_id none = { .dev = 0 };

	journal_add(journal, RECORD_TEMP, &none, sizeof(none), path);
	return journal_sync(journal, err);
}

void placed_note(struct journal *journal, const struct placed_file *file)
{
	struct file_record record = { .id = file->id,
				      .pointer = file->pointer };

	memcpy(record.blob, file->blob, sizeof(record.blob));
	journal_add(journal, RECORD_FILE, &record, sizeof(record), file->path);
}

void placed_note_lock(struct journal *journal, const char *path,
		      const struct placed_id *id)
{
	journal_add(journal, RECORD_LOCK, id, sizeof(*id), path);
}
