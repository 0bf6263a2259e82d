/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_CARRY_ITEM_H
#define LFS_CARRY_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/git/pointer.h"
#include "lfs/mode/plan.h"
#include "lfs/server/batch.h"
#include "lfs/transfer/attempts.h"

/* One object of a fork, and what has become of it. */

struct relay;
struct verification;

enum item_state {
	ITEM_WAITING,	/* the servers are to be asked */
	ITEM_READY,	/* they were, and it is to be moved */
	ITEM_MOVING,
	ITEM_MOVED,	/* this and all below: nothing is left to do */
	ITEM_THERE,	/* the target had it */
	ITEM_MISSING,	/* neither the source nor the local storage has it */
	ITEM_FAILED
};

struct item {
	struct pointer pointer;
	enum item_state state;
	bool is_local;	/* its bytes are read from the local storage */
	bool is_bad_here;	/* the local storage has other bytes */
	bool wants_login;	/* the target sent a 401 to its upload */
	/*
	 * The answer to its upload, `why`, did not tell whether the target has
	 * it: that is asked before anything else.
	 */
	bool may_be_there;
	size_t needed;	/* blocks of the spool, at the least; 0: not known */
	uint64_t asked_ms;	/* when the servers answered */
	uint64_t begun_ms;	/* when it began to move, the last time */
	uint64_t resumed;	/* bytes that an earlier run had sent */
	struct batch_object *target;	/* owned, as all below: what it answered */
	struct batch_object *source;	/* likewise; NULL: it is local */
	struct attempts *attempts;	/* NULL: it has not failed */
	struct verification *verification;
	struct relay *relay;	/* while it is moving */
	char *why;	/* of those that are missing or failed */
	struct item *next;	/* borrowed: in the line that it stands in */
};

/* Items that wait for something, in order. */
struct line {
	struct item *first;
	struct item **end;
	size_t n;
};

bool item_is_over(const struct item *item);

/* The history of its upload or its download; borrowed. */
struct attempts *item_attempts(struct item *item, enum direction direction);

/* Keep a server's answer, in place of an earlier one; `object` is empty then. */
void item_keep(struct batch_object **answer, struct batch_object *object);

/* It is over: free what was needed to move it. */
void item_forget(struct item *item);

/* Free all that it owns. */
void item_release(struct item *item);

void line_init(struct line *line);
void line_put_first(struct line *line, struct item *item);
void line_put_last(struct line *line, struct item *item);

/* The first one, or NULL if there is none. */
struct item *line_take(struct line *line);

#endif
