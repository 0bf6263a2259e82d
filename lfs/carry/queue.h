/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_QUEUE_H
#define LFS_CARRY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/git/pointer.h"
#include "lfs/mode/plan.h"
#include "lfs/server/batch.h"
#include "lfs/transfer/attempts.h"

/*
 * The objects that a command moves: an entry is one of them, and says what has
 * become of it.
 *
 * All that there is twice, for the source server and for the target server, is
 * an array by direction: [DOWNLOAD] is of the source, [UPLOAD] of the target.
 */

struct relay;
struct verification;

enum entry_state {
	ENTRY_WAITING,	/* the servers are to be asked */
	ENTRY_READY,	/* they were, and it is to be moved */
	ENTRY_MOVING,
	ENTRY_MOVED,	/* this and all below: nothing is left to do */
	ENTRY_THERE,	/* the target had it */
	ENTRY_MISSING,	/* neither the source nor the local storage has it */
	ENTRY_FAILED
};

struct entry {
	struct pointer pointer;
	enum entry_state state;
	bool is_local;	/* its bytes are read from the local storage */
	bool is_bad_here;	/* the local storage has other bytes */
	bool wants_login;	/* the target sent a 401 to its upload */
	/*
	 * The answer to its upload, `why`, did not tell whether the target has
	 * it: the target is asked first.
	 */
	bool may_be_there;
	size_t needed;	/* the relay's: blocks of the spool; 0: not known */
	uint64_t asked_ms;	/* when the servers answered */
	uint64_t begun_ms;	/* when it began to move, the last time */
	uint64_t resumed;	/* bytes that an earlier run had moved */
	struct batch_object *answers[2];	/* owned, as all below; or NULL */
	struct attempts *attempts;	/* two; NULL: it has not failed */
	struct verification *verification;
	char *why;	/* it is missing, or failed, perhaps not for good */
	struct relay *relay;	/* borrowed, as the next: while it is moving */
	struct entry *next;	/* in the queue that it stands in */
};

struct entry_count {
	size_t n;
	uint64_t size;	/* bytes */
};

struct entry_sum {
	struct entry_count all;
	struct entry_count left;	/* of those that are not over */
	struct entry_count of[ENTRY_FAILED + 1];	/* by state */
	uint64_t size_moving;	/* bytes moved of those that are moving */
	uint64_t resumed;	/* bytes of those moved that an earlier run had moved */
};

/* Entries that wait for something, in order; none if it is all zero. */
struct queue {
	struct entry *first;
	struct entry *last;	/* valid if there is a first */
	size_t n;
};

/* A new one.  It has failed if no server can store so many bytes. */
void entry_init(struct entry *entry, const struct pointer *pointer);

bool entry_is_over(const struct entry *entry);

/* Add one object or file to a count. */
void entry_count_add(struct entry_count *count, uint64_t size);

/* Sum them up, but for `size_moving`. */
void entry_sum(const struct entry *entries, size_t n, struct entry_sum *sum);

/* Was each moved, or there? */
bool entry_sum_is_whole(const struct entry_sum *sum);

/* The history of its upload or its download; borrowed. */
struct attempts *entry_attempts(struct entry *entry, enum direction direction);

/* Keep a server's answer, in place of an earlier one; `object` is empty then. */
void entry_keep(struct entry *entry, enum direction direction,
		struct batch_object *object);

/* Keep a copy of `why`, in place of an earlier one. */
void entry_explain(struct entry *entry, const char *why);

/* It is missing, or failed for good. */
void entry_fail(struct entry *entry, enum entry_state state, const char *why);

/* It is over: free what was needed to move it. */
void entry_forget(struct entry *entry);

/* Free all that it owns; it must not be moving. */
void entry_release(struct entry *entry);

void queue_put_first(struct queue *queue, struct entry *entry);
void queue_put_last(struct queue *queue, struct entry *entry);

/* The first one, or NULL if there is none. */
struct entry *queue_take(struct queue *queue);

#endif
