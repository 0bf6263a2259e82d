/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_BUDGET_H
#define LFS_NET_BUDGET_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * How many connections there may be, for all agents of a repository together.
 *
 * git-lfs runs several agents side by side, each with one object.  An agent
 * that is moving an object holds one byte of a lock file and counts the other
 * bytes held: each may use total / held connections, those with the lowest
 * bytes one more if there is a rest.  The kernel frees the byte of a dead
 * process, and no agent waits for another.  The sum exceeds the total only until
 * the parts under way have ended, or if there are more agents than connections.
 *
 * A server may take fewer connections than that.  It does not say how many: it
 * refuses those that are too many.  So each connection that moves a part holds
 * another byte of the file, its place at the server's host.  When the server
 * refuses one while others have places, their number becomes the limit for all
 * agents and commands of the repository.  A connection beyond the limit waits
 * until a place is free, and agents that wait take turns.  After a minute one
 * more is tried; if that goes well, two more after the next minute, then four:
 * a wrong lesson is forgotten.
 *
 * If locks do not work, every place is free and nothing is learned.
 *
 * Each decision has one owner:
 *  - lfsmultipart.connections is the total;
 *  - budget_share() is this process's part of it, which the engine gives to
 *    pool_limit() a few times a second;
 *  - budget_enter() says whether the host takes one more; the pool asks before a
 *    job with a URL runs, and reports a refusal by budget_fewer() when
 *    retry_wants_fewer() says that it is one of this kind;
 *  - the ceiling of retry.h is the pool's own guess for all other refusals, such
 *    as of requests to the LFS server, and dies with the process.
 */

struct budget;

/*
 * Open the lock file, making it with `mode` whatever the umask, as the users
 * of a shared repository share it, too.  `total` connections; where locks
 * do not work, each of `nagents` uses its part of the total.  Uploads to a host
 * and downloads from it are counted apart: a process that does both has two
 * budgets.  Never NULL: a file that cannot be opened counts as locks that do not
 * work.
 */
struct budget *budget_open(const char *path, mode_t mode, unsigned total,
			   unsigned nagents, bool is_upload);

/*
 * Both budgets are this process's and have the same file, whose locks know
 * processes only: keep one account of them.  The process counts as one agent
 * then, which may use its share in each direction.  Before either is used.
 */
void budget_join(struct budget *budget, const struct budget *other);

/* From now on, until budget_release(), this process moves an object. */
void budget_hold(struct budget *budget);
void budget_release(struct budget *budget);

/* How many connections this process may use now, at least 1. */
unsigned budget_share(const struct budget *budget);

/*
 * Is there a place for a connection to the host of `url`?  If not, ask again in
 * BUDGET_POLL_MS: another process may leave one without a word.  `place` is -1
 * where locks do not work.  For one thread of a budget at a time, as are all
 * functions about places.
 */
enum {
	BUDGET_POLL_MS = 100
};
bool budget_enter(struct budget *budget, const char *url, off_t *place);

/* This process no longer waits for a place, until budget_enter() is asked. */
void budget_stop_waiting(struct budget *budget);

/* Leave a place.  Returns how many others have one at that host now. */
unsigned budget_leave(struct budget *budget, off_t place);

/* A connection to the host of `url` was one too many beside `others`. */
void budget_fewer(struct budget *budget, const char *url, unsigned others);

/* The links were renewed: one more may be tried.  From any thread. */
void budget_renewed(struct budget *budget, const char *url);

/* The refusals meant something else: forget what was learned. */
void budget_forget(struct budget *budget, const char *url);

void budget_free(struct budget *budget);

#endif
