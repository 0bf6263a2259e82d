/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_UNFINISHED_H
#define LFS_TRANSFER_UNFINISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * What interrupted transfers of this user have left in a storage, to be looked
 * at and to be removed.  In a folder that others can enter, as it is where an
 * earlier version had it all, nothing is resumed: there it is litter.
 *
 * What another process has locked is never removed.  For the sake of that lock
 * no journal of this process may be open: closing a second descriptor of a
 * file lets go of the first one's.
 */

enum unfinished_kind {
	UNFINISHED_DOWNLOAD,	/* OID.journal and OID.partial */
	UNFINISHED_UPLOAD,	/* OID-KEY.upload */
	UNFINISHED_HANDOVER,	/* a download that is whole: OID.XXXXXX */
	UNFINISHED_ALONE,	/* a download without a journal: OID.partial.XXXXXX */
	/* No transfers; of use for less than a day. */
	UNFINISHED_COMPLETED,	/* the journal of an upload that was */
	UNFINISHED_STRAY,	/* no run resumes it: OID.partial without a journal */
	UNFINISHED_LOGIN	/* credential-UID/, which credshare.h makes */
};

enum { UNFINISHED_OID = 64 };

struct unfinished {
	enum unfinished_kind kind;
	char oid[UNFINISHED_OID + 1];	/* "" for a login */
	bool is_readable;	/* its journal says what follows */
	uint64_t size;	/* of the object */
	uint64_t done;	/* bytes that need not be moved again */
	char *server;	/* owned: where an upload goes to, or NULL */
	char *path;	/* owned: the partial file, the journal, ... */
	char *journal;	/* owned; NULL: it has none, and may be locked itself */
	int64_t touched;	/* seconds since 1970 */
	uint64_t disk;	/* bytes that it takes on the disk */
	bool in_use;	/* another process is at work on it */
	bool is_there;	/* a download whose object git-lfs has got in another way */
};

struct unfinished_list {
	struct unfinished *items;	/* owned; touched last comes first */
	size_t n;
};

struct storage;

/* All that is in the storage, which need not be there. */
int unfinished_load(struct unfinished_list *list, const struct storage *storage,
		    struct err *err);

bool unfinished_is_transfer(const struct unfinished *unfinished);

/*
 * Remove it, if nobody has touched it since `limit` (seconds since 1970) nor
 * is at work on it: ERR_BUSY.
 */
int unfinished_remove(const struct unfinished *unfinished, int64_t limit,
		      struct err *err);

/*
 * The limit for one of this kind: `limit` for a transfer, a day for others, and
 * no more than a day for one that no other run can resume.
 */
int64_t unfinished_limit(enum unfinished_kind kind, int64_t limit, int64_t now);

/*
 * At most once a day, noted in the file `pruned`: remove what nobody has touched
 * for so many days, 0 meaning never; uploads after a week in any case, as
 * their links are dead by then, and downloads at once if git-lfs has the object
 * by now.  Never fails.
 */
void unfinished_tidy(const struct storage *storage, unsigned days);

void unfinished_release(struct unfinished_list *list);

#endif
