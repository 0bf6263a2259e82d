/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_JOURNAL_H
#define LFS_BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"

/*
 * A file of records that says how far something has come, so that another run
 * can resume it.
 *
 * Records are only appended, each with a CRC of its own and by one write(), so
 * a kill at any instruction leaves whole records, and perhaps a damaged end,
 * which the next reader cuts off.  Nothing is synced unless it is asked for:
 * after a power loss what a record describes may be missing, and the module
 * whose record it is has to find out.  If a journal cannot be written, it is
 * given up, and the work that it describes goes on.
 *
 * A process locks the file while it has it open.  File and folder must be this
 * user's alone (file_open_own()); one that others may have made is not opened.
 * Byte order and sizes are this machine's; the first record of each kind of
 * journal has a magic number, so that a journal of another kind of machine
 * counts as empty.
 */

enum {
	JOURNAL_RECORD_MAX = 256 << 10
};

/* A record read; `data` is borrowed until the next one. */
struct journal_record {
	unsigned type;
	const void *data;
	size_t size;
};

struct journal;

/*
 * Open the journal at `path`, make it (mode 0600) if it is not there, and lock
 * it.  NULL with ERR_BUSY if another process has it locked for half a second: a
 * run that was stopped just now needs some time to end.
 */
struct journal *journal_open(const char *path, struct err *err);

/*
 * Open a journal only to read it.  It is neither made nor locked; `*in_use`
 * says whether another process has it locked.
 */
struct journal *journal_peek(const char *path, bool *in_use, struct err *err);

/* Read the next record; false at the end, or where damage begins. */
bool journal_next(struct journal *journal, struct journal_record *record);

/*
 * Copy a record of this type and of `size` bytes to `data`; false if it is
 * another.
 */
bool journal_get(const struct journal_record *record, unsigned type, void *data,
		 size_t size);

/*
 * Add a record, of `data` and, unless it is NULL, the text `more`.  Any thread;
 * after journal_next() has read to the end.
 */
void journal_add(struct journal *journal, unsigned type, const void *data,
		 size_t size, const char *more);

/* Forget all records but the first `n`. */
void journal_keep(struct journal *journal, unsigned n);

/*
 * Wait until all records are on the disk.  ERR_LOCAL if they are not, or if one
 * could not be written.
 */
int journal_sync(struct journal *journal, struct err *err);

/* Remove the file; no record is added from then on. */
void journal_remove(struct journal *journal);

/* Close and unlock it; the file stays.  NULL is fine. */
void journal_close(struct journal *journal);

#endif
