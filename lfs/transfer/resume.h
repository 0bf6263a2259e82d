/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_RESUME_H
#define LFS_TRANSFER_RESUME_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/mode/plan.h"
#include "lfs/transfer/record.h"

/*
 * Uploads in parts that an earlier run began, and how another resumes them:
 *
 *	<storage>/multipart/OID-KEY.upload	a journal, mode 0600
 *
 * A server opens a new upload each time that it is asked, and ETags are good
 * only for the upload that they were given for.  So the action, with all links,
 * is kept, and preferred to a new one while its links live (lfs/wire.md,
 * Resume).
 *
 * An upload that makes no progress is not kept for ever: the server may have
 * lost it, though it says only that something is wrong with itself.  A server
 * that is down for a while must not cost all bytes again, however often it is
 * tried meanwhile.
 *
 * One object may go to several places: KEY, a hash, stands for the user, the
 * LFS endpoint, and origin and path of the action's links.  The local file must
 * be unchanged, too, by size, mtime and inode.
 *
 * Once the upload is complete, only that is kept, and no link.
 */

struct context;

/* The name above, after OID-KEY. */
#define RESUME_SUFFIX ".upload"

enum {
	RESUME_TRIES = 5,
	RESUME_TRIES_S = 3600
};

struct resume_request {
	struct plan_request plan;
	struct plan *fresh;	/* taken: what mode_plan() makes of it */
	const char *path;	/* the file to send; NULL: it is in none */
	/*
	 * git-lfs may have got the action before the last completion; then
	 * that completion counts.
	 */
	bool may_be_repeated;
};

struct resume {
	struct journal *journal;	/* owned; NULL: nothing is kept */
	struct journal_hash hash;	/* where an earlier run's hash ended */
	bool has_hash;
	bool is_resumed;	/* the plan is an earlier run's */
	/*
	 * RESUME_TRIES runs, this one included, over RESUME_TRIES_S seconds or
	 * more, have resumed it since the last part was sent.
	 */
	bool is_last_try;
};

/*
 * Choose the plan to carry out, the caller's: that of an earlier upload to the
 * server of `context`, or the fresh one, with which a journal then begins if
 * its parts can be resumed.  NULL: the object was completed just now, there is
 * nothing to send.
 *
 * Never fails: an earlier upload that cannot be read or does not fit is
 * forgotten.  Main thread.
 */
struct plan *resume_choose(struct resume *resume, struct context *context,
			   const struct resume_request *request);

/* A part was sent, its ETag is known; any thread. */
void resume_note_part(struct journal *journal, const struct part *part);

/*
 * The upload is completed.  That answers once if the same git-lfs sends the
 * same object again (lfs/wire.md, The lines).  Another git-lfs has asked the
 * server since, which lacks the object.
 */
void resume_note_completion(struct journal *journal);

/* Free what is still owned. */
void resume_release(struct resume *resume);

/*
 * After this failure, are the parts at the server of no use to another run?  It
 * must not find parts with wrong bytes there.  A server that says that links or
 * parts have gone, or that it misses some, may be asked again.
 */
bool resume_is_futile(const struct err *err);

#endif
