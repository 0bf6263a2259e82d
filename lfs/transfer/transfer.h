/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_TRANSFER_H
#define LFS_TRANSFER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/mode/plan.h"
#include "lfs/transfer/attempts.h"

/*
 * One object from its plan to its end.
 *
 *	transfer = transfer_new(...);
 *	while (transfer_step(transfer, 100))
 *		report transfer_moved(transfer);
 *	ret = transfer_result(transfer, &err);
 *	transfer_free(transfer);
 *
 * The parts are handed to the pool in file order, and only as far ahead of the
 * hash as the object's window allows.  When all have moved and the SHA-256 is
 * the oid, the plan's finish runs as a job of the pool.
 *
 * If several transfers use an engine, the caller waits for the pool's jobs,
 * heeds the budget and cancels:
 *
 *	while (transfer_advance(transfer), for each, is not over)
 *		transfer_returned(pool_wait(engine_pool(engine), 100));
 */

struct engine;
struct job;
struct object;
struct object_io;
struct resume;
struct transfer;

struct transfer_options {
	struct plan *plan;	/* owned from now on, even on failure */
	const char *path;	/* the file to upload; NULL for a download */
	/* From resume_choose(), which gave `plan`; its journal is taken.  Or NULL. */
	struct resume *resume;
	struct object_io *io;	/* in place of a file; borrowed; or NULL */
	bool is_one_of_many;	/* others use the engine at the same time */
	bool syncs_large_only;	/* the caller syncs small downloads, many at once */
	/*
	 * A part that is all of the object is tried once: the caller asks the
	 * server before another try.
	 */
	bool asks_again;
};

/*
 * Prepare to move the object of `options->plan`.  NULL if that cannot be.  No
 * request is made before transfer_advance().
 */
struct transfer *transfer_new(struct engine *engine,
			      const struct transfer_options *options,
			      struct err *err);

/* Advance for at most `timeout_ms`; false once it is over. */
bool transfer_step(struct transfer *transfer, int timeout_ms);

/* Hand out the parts that can go now; false once it is over. */
bool transfer_advance(struct transfer *transfer);

/* A job of one of the engine's transfers came back from the pool. */
void transfer_returned(struct job *job);

/* Stop it with this error; it is over some steps later. */
void transfer_fail(struct transfer *transfer, const struct err *err);

/* Stop it with ERR_CANCELED. */
void transfer_cancel(struct transfer *transfer);

/* Bytes moved so far; less than before if a part begins again. */
uint64_t transfer_moved(const struct transfer *transfer);

/* Requests that are in progress, or still to be made for its parts. */
size_t transfer_left(const struct transfer *transfer);

/* The object that it moves, borrowed. */
struct object *transfer_object(struct transfer *transfer);

/* When it is over: 0, or -1 and why. */
int transfer_result(const struct transfer *transfer, struct err *err);

/*
 * The path of the finished download, borrowed; from now on the file belongs to
 * the process that is told the path.  NULL if the file cannot be renamed.
 */
const char *transfer_hand_over(struct transfer *transfer, struct err *err);

/* A download that is whole and right. */
struct finished {
	char *path;
	int fd;	/* locks it against other processes, until it is closed */
	bool is_synced;	/* its bytes are on the disk, if they are wanted there */
};

/*
 * For others than git-lfs: the file of the finished download, all of it the
 * caller's from now on.
 */
int transfer_take(struct transfer *transfer, struct finished *finished,
		  struct err *err);

/* git-lfs could not be told: keep it for another run. */
void transfer_take_back(struct transfer *transfer);

/* Why it will not end before its links expire, with numbers; or "". */
const char *transfer_outlook(const struct transfer *transfer);

/* When it is over and has failed: how? */
struct fate transfer_fate(const struct transfer *transfer);

/* Let no other run resume this upload, which has failed. */
void transfer_forget(struct transfer *transfer);

/*
 * Resume a download that is over and has failed, with the action of `fresh`,
 * which is owned from now on.  All bytes that have come are kept.
 */
void transfer_renew(struct transfer *transfer, struct plan *fresh);

/* Free it; it must be over, or never have been advanced.  NULL is fine. */
void transfer_free(struct transfer *transfer);

#endif
