/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/journal.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"

enum {
	LEAVING_MS = 500,	/* for a run that was stopped to end */
	LEAVING_TICK_MS = 5
};

/*
 * A record in the file: this head, then `size` bytes.  `crc` is that of the
 * head's other members and the bytes.
 */
struct head {
	uint32_t crc;
	uint32_t type;
	uint64_t size;
};

struct journal {
	char *path;	/* owned */
	int fd;
	uint64_t off;	/* where the next record is read */
	bool at_end;	/* all were read, and a damaged end was cut off */
	char *data;	/* owned: of the record read last */
	atomic_bool broken;	/* no record is added */
};

static struct journal *journal_new(const char *path, int fd)
{
	struct journal *journal = xcalloc(1, sizeof(*journal));

	journal->path = xstrdup(path);
	journal->fd = fd;
	return journal;
}

static int lock_journal(int fd, const char *path, struct err *err)
{
	if (file_lock(fd, err))
		return -1;
	/*
	 * A process that is done removes its journal: the file that we locked
	 * may be gone from the folder, and another be there.
	 */
	if (!file_is_at(fd, path))
		return err_set(err, ERR_BUSY, "it was removed meanwhile");
	return 0;
}

static int open_locked(const char *path, struct err *err)
{
	int fd = file_open_own(path, O_RDWR | O_CREAT | O_APPEND, err);

	if (fd < 0 || !lock_journal(fd, path, err))
		return fd;
	/* If locks do not work, a journal that we just made is litter. */
	if (err->kind == ERR_LOCAL && !lseek(fd, 0, SEEK_END))
		unlink(path);
	close(fd);
	return err_wrap(err, "'%s'", path);
}

struct journal *journal_open(const char *path, struct err *err)
{
	const struct timespec pause = { .tv_nsec = LEAVING_TICK_MS * 1000000 };
	uint64_t until = clock_ms() + LEAVING_MS;
	int fd = open_locked(path, err);

	while (fd < 0 && err->kind == ERR_BUSY && clock_ms() < until) {
		err_clear(err);
		nanosleep(&pause, NULL);
		fd = open_locked(path, err);
	}
	return fd < 0 ? NULL : journal_new(path, fd);
}

struct journal *journal_peek(const char *path, bool *in_use, struct err *err)
{
	int fd = file_open_own(path, O_RDONLY, err);
	struct journal *journal;

	*in_use = false;
	if (fd < 0)
		return NULL;
	*in_use = file_is_locked(fd);
	journal = journal_new(path, fd);
	journal->broken = true;
	return journal;
}

static uint32_t crc_of_head(const struct head *head)
{
	uint32_t crc = crc_update(0, &head->type, sizeof(head->type));

	return crc_update(crc, &head->size, sizeof(head->size));
}

static bool read_record(struct journal *journal, struct head *head)
{
	struct err ignored = ERR_INIT;
	uint64_t off = journal->off;

	if (file_read_at(journal->fd, head, sizeof(*head), off, &ignored) ||
	    head->size > JOURNAL_RECORD_MAX)
		return false;
	journal->data = xreallocarray(journal->data, (size_t)head->size + 1, 1);
	if (file_read_at(journal->fd, journal->data, (size_t)head->size,
			 off + sizeof(*head), &ignored))
		return false;
	journal->data[head->size] = '\0';
	return crc_update(crc_of_head(head), journal->data,
			  (size_t)head->size) == head->crc;
}

/* Cut off what is damaged: no reader would get to a record after it. */
static void cut_end(struct journal *journal)
{
	journal->at_end = true;
	if (journal->broken)
		return;
	if (ftruncate(journal->fd, (off_t)journal->off))
		journal->broken = true;
}

bool journal_next(struct journal *journal, struct journal_record *record)
{
	struct head head;

	if (journal->at_end)
		return false;
	if (!read_record(journal, &head)) {
		cut_end(journal);
		return false;
	}
	journal->off += sizeof(head) + head.size;
	record->type = head.type;
	record->data = journal->data;
	record->size = (size_t)head.size;
	return true;
}

bool journal_get(const struct journal_record *record, unsigned type, void *data,
		 size_t size)
{
	if (record->type != type || record->size != size)
		return false;
	memcpy(data, record->data, size);
	return true;
}

void journal_add(struct journal *journal, unsigned type, const void *data,
		 size_t size, const char *more)
{
	struct head head = { .type = type };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)data, size },
		{ (void *)more, more ? strlen(more) : 0 },
	};
	size_t n = parts[1].iov_len + parts[2].iov_len;

	if (atomic_load(&journal->broken))
		return;
	head.size = n;
	head.crc = crc_update(crc_of_head(&head), data, size);
	head.crc = crc_update(head.crc, more, parts[2].iov_len);
	if (writev(journal->fd, parts, 3) == (ssize_t)(sizeof(head) + n))
		return;
	if (!atomic_exchange(&journal->broken, true))
		log_warn("cannot write '%s': what is interrupted now will not "
			 "be resumed",
			 journal->path);
}

void journal_keep(struct journal *journal, unsigned n)
{
	struct journal_record record;

	journal->off = 0;
	journal->at_end = false;
	while (n && journal_next(journal, &record))
		n--;
	cut_end(journal);
}

int journal_sync(struct journal *journal, struct err *err)
{
	if (atomic_load(&journal->broken))
		return err_set(err, ERR_LOCAL, "cannot write '%s'",
			       journal->path);
	return file_sync(journal->fd, journal->path, err);
}

void journal_remove(struct journal *journal)
{
	journal->broken = true;
	unlink(journal->path);
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	close(journal->fd);
	free(journal->path);
	free(journal->data);
	free(journal);
}
