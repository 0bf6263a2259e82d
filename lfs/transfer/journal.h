/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_JOURNAL_H
#define LFS_TRANSFER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/err.h"
#include "lfs/base/sha256.h"

/*
 * A file that says how far a transfer has come, so that another run can resume
 * it.
 *
 * Records are only appended, each with a CRC of its own and by one write(), so
 * a kill at any instruction leaves whole records, and perhaps a damaged end,
 * which the next reader cuts off.  Nothing is synced: after a power loss the
 * bytes that a record describes may be missing, and its CRC or the hash of the
 * whole tells.  If a journal cannot be written, it is given up, and the
 * transfer is not.
 *
 * A process locks the file while it has it open.  File and folder must be this
 * user's alone (file_open_own()); one that others may have made is not opened.
 * Byte order and sizes are this machine's; a journal of another kind of machine
 * does not begin with our magic number, and counts as empty.
 */

enum journal_type {
	JOURNAL_BEGIN = 1,	/* struct journal_begin: the first record */
	JOURNAL_PIECE,	/* struct journal_piece: bytes received */
	JOURNAL_HASH,	/* struct journal_hash: how far the hash has come */
	JOURNAL_KEY,	/* text: which upload this is, see resume.h */
	JOURNAL_ACTION,	/* its action as JSON text, in one or more records */
	JOURNAL_PART,	/* struct journal_part, then an ETag: a part sent */
	JOURNAL_HASHED,	/* struct journal_hashed: a part was hashed */
	JOURNAL_COMPLETE,	/* struct journal_complete */
	JOURNAL_RUN	/* int64_t: when another run resumed the upload */
};

enum {
	JOURNAL_MAGIC = 0x4d4a3031,
	JOURNAL_RECORD_MAX = 256 << 10
};

struct journal_begin {
	uint32_t magic;
	uint32_t is_upload;
	uint64_t size;	/* of the object */
	uint64_t part_size;
	/* Upload: what the local file was; download: zeros. */
	uint64_t mtime_ns;
	uint64_t inode;
	/*
	 * The boot in which it was begun, "" if unknown.  Bytes written in this
	 * boot are in the file; after a crash they may not be.
	 */
	char boot[CLOCK_BOOT_SIZE + 3];
};

struct journal_piece {
	uint64_t off;	/* in the object */
	uint64_t size;
	uint32_t crc;
	uint32_t zero;
};

struct journal_hash {
	unsigned char sha[SHA256_STATE_SIZE];	/* holds the position */
	uint32_t crc;	/* upload: of the part at the position, so far */
	uint32_t zero;
};

struct journal_part {
	uint32_t number;
	uint32_t crc;	/* of the bytes as sent */
};

struct journal_hashed {
	uint32_t number;
	uint32_t crc;	/* of the bytes as hashed */
};

/* The upload was completed. */
struct journal_complete {
	int64_t at;	/* seconds since 1970 */
	struct parent by;	/* the git-lfs that had it done */
};

/* A record read; `data` is borrowed until the next one. */
struct journal_record {
	enum journal_type type;
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
bool journal_get(const struct journal_record *record, enum journal_type type,
		 void *data, size_t size);

/* Read the first record; false unless it begins an upload, or a download. */
bool journal_read_begin(struct journal *journal, bool is_upload,
			struct journal_begin *begin);

/*
 * Add a record, of `data` and, unless it is NULL, the text `more`.  Any thread;
 * after journal_next() has read to the end.
 */
void journal_add(struct journal *journal, enum journal_type type,
		 const void *data, size_t size, const char *more);

/* Forget all records, and begin with this one (boot is filled in). */
void journal_begin(struct journal *journal, struct journal_begin *begin);

/* Forget all records but the first `n`. */
void journal_keep(struct journal *journal, unsigned n);

/* Was it begun since this machine last booted? */
bool journal_is_of_this_boot(const struct journal_begin *begin);

/* Remove the file; no record is added from then on. */
void journal_remove(struct journal *journal);

/* Close and unlock it; the file stays.  NULL is fine. */
void journal_close(struct journal *journal);

#endif
