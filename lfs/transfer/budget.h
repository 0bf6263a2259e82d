/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_BUDGET_H
#define LFS_TRANSFER_BUDGET_H

#include <sys/types.h>

/*
 * The connection budget that all agents of a repository share.
 *
 * git-lfs runs several agents side by side, each with one object.  One that
 * is moving an object holds one byte of a lock file and counts the other
 * bytes held: each may use total / held connections, those with the lowest
 * bytes one more if there is a rest.  The kernel lets go of a dead process's
 * byte, nobody waits for anybody, and the sum is over the total only for as
 * long as the parts under way take, or if there are more agents than that.
 */

struct budget;

/*
 * Open the lock file, making it with `mode` whatever the umask, as the users
 * of a shared repository share it, too.  `total` connections; where locks
 * do not work, each of `nagents` uses its part of the total.  Never NULL: a
 * file that cannot be opened counts as locks that do not work.
 */
struct budget *budget_open(const char *path, mode_t mode, unsigned total,
			   unsigned nagents);

/* From now on, until budget_release(), this process moves an object. */
void budget_hold(struct budget *budget);
void budget_release(struct budget *budget);

/* How many connections this process may use now: 1 at the least. */
unsigned budget_share(const struct budget *budget);

void budget_free(struct budget *budget);

#endif
