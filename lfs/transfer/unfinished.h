/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_UNFINISHED_H
#define LFS_TRANSFER_UNFINISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * The files that interrupted transfers of this user have left in a storage, what
 * may be done with each, and how commands show and remove them:
 *
 *	OID.partial	the next download resumes it by OID.journal: it checks
 *			what was hashed, and fetches the rest (partial.h)
 *	OID.partial.XXXXXX
 *			of a second process, without a journal: only removed
 *	OID.XXXXXX	whole, but git-lfs never took it: the next download
 *			hashes it, and hands it over (partial.h)
 *	OID-KEY.upload	the same upload resumes it while its links live, and as
 *			long as runs get on; once complete, it answers git-lfs's
 *			next request for the same object (resume.h)
 *	placed-KEY.journal
 *			files that are in their place and of which git's index
 *			does not know: the next pull in that work tree tells git
 *	credential-UID/	a login that agents share while they run (credshare.h)
 *
 * Files that others could have changed are not resumed: in a folder that they can
 * enter, where an earlier version kept all files, these are only removed.  The
 * agent removes old files by unfinished_tidy(), a person by `prune`.
 *
 * A file that another process has locked is never removed.  To find out, each
 * is opened; so no journal of this process may be open: closing the second
 * descriptor of a file releases the lock of the first.
 */

enum unfinished_kind {
	UNFINISHED_DOWNLOAD,	/* OID.journal and OID.partial */
	UNFINISHED_UPLOAD,	/* OID-KEY.upload */
	UNFINISHED_HANDOVER,	/* a download that is whole: OID.XXXXXX */
	UNFINISHED_ALONE,	/* a download without a journal: OID.partial.XXXXXX */
	/* From here on no transfers; of use for less than a day. */
	UNFINISHED_COMPLETED,	/* the journal of an upload that was */
	UNFINISHED_STRAY,	/* no run resumes it: OID.partial without a journal */
	UNFINISHED_LOGIN,	/* credential-UID/, which credshare.h makes */
	UNFINISHED_PLACED	/* placed-KEY.journal, as worktree/placed.h has it */
};

enum { UNFINISHED_OID = 64 };

struct unfinished {
	enum unfinished_kind kind;
	char oid[UNFINISHED_OID + 1];	/* "" for a login and for placed files */
	bool is_readable;	/* its journal says what follows */
	uint64_t size;	/* of the object */
	uint64_t done;	/* bytes that need not be moved again */
	char *server;	/* owned: where an upload goes to, or NULL */
	char *path;	/* owned: the partial file, the journal, ... */
	char *journal;	/* owned; NULL: it has none, and may be locked itself */
	int64_t touched;	/* seconds since 1970 */
	size_t nplaced;	/* files in the work tree that git was not told of */
	uint64_t disk;	/* bytes that it takes on the disk */
	bool in_use;	/* by another process */
	bool is_there;	/* a download whose object git-lfs has got in another way */
};

struct unfinished_list {
	struct unfinished *items;	/* owned; touched last comes first */
	size_t n;
};

struct storage;

/* Find all that is in the storage, which need not exist. */
int unfinished_load(struct unfinished_list *list, const struct storage *storage,
		    struct err *err);

bool unfinished_is_transfer(const struct unfinished *unfinished);

/*
 * Remove it.  ERR_BUSY if it is in use or was touched after `limit`, in seconds
 * since 1970.
 */
int unfinished_remove(const struct unfinished *unfinished, int64_t limit,
		      struct err *err);

/*
 * The limit for such an item: `limit` for a transfer, a day for others, and
 * no more than a day for one that no other run can resume.
 */
int64_t unfinished_limit(const struct unfinished *item, int64_t limit,
			 int64_t now);

/*
 * Remove what nobody has touched for so many days, 0 meaning never; uploads
 * after a week in any case, as their links have expired by then, and downloads
 * at once if git-lfs has the object by now.  At most once a day, which the file
 * `pruned` notes.  Never fails.
 */
void unfinished_tidy(const struct storage *storage, unsigned days);

void unfinished_release(struct unfinished_list *list);

#endif
