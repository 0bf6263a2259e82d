/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_RECORD_H
#define LFS_TRANSFER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/journal.h"
#include "lfs/base/sha256.h"

/*
 * The records of a transfer's journal (journal.h): which transfer it is, and
 * what is done of it.
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
	JOURNAL_MAGIC = 0x4d4a3031
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

/* Read the first record; false unless it begins an upload, or a download. */
bool record_read_begin(struct journal *journal, bool is_upload,
		       struct journal_begin *begin);

/* Forget all records, and begin with this one (boot is filled in). */
void record_begin(struct journal *journal, struct journal_begin *begin);

#endif
