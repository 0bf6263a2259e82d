/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"

enum { SLOTS = 4096 };	/* the bytes of the file that may be held */

/*
 * Closing any descriptor of the file would drop the process's record locks:
 * there is one, and it is never reopened.
 */
struct budget {
	int fd;		/* -1: locks do not work here */
	off_t held;	/* the byte, or -1 */
	unsigned total;
	unsigned nagents;
};

struct budget *budget_open(const char *path, mode_t mode, unsigned total,
			   unsigned nagents)
{
	struct budget *budget = xcalloc(1, sizeof(*budget));
	struct err err = ERR_INIT;

	budget->total = total;
	budget->nagents = nagents ? nagents : 1;
	budget->held = -1;
	budget->fd = file_open_shared(path, mode, &err);
	if (budget->fd < 0)
		log_warn("%s: connections are not shared", err.msg);
	return budget;
}

static struct flock record(short type, off_t from, off_t to)
{
	return (struct flock){ .l_type = type,
			       .l_whence = SEEK_SET,
			       .l_start = from,
			       .l_len = to - from };
}

/* Bytes from `from` up to `to` that other processes hold; -1 on failure. */
static int count_held(const struct budget *budget, off_t from, off_t to)
{
	struct flock lock;
	off_t end;
	int before, after;

	if (from >= to)
		return 0;
	lock = record(F_WRLCK, from, to);
	if (fcntl(budget->fd, F_GETLK, &lock))
		return -1;
	if (lock.l_type == F_UNLCK)
		return 0;
	/* The kernel reports any one of them, not the first. */
	end = lock.l_len ? lock.l_start + lock.l_len : to;
	before = count_held(budget, from, lock.l_start);
	after = count_held(budget, end, to);
	return before < 0 || after < 0 ? -1 : before + 1 + after;
}

void budget_hold(struct budget *budget)
{
	off_t first = getpid() % SLOTS;

	if (budget->fd < 0)
		return;
	for (off_t i = 0; i < SLOTS; i++) {
		off_t slot = (first + i) % SLOTS;
		struct flock lock = record(F_WRLCK, slot, slot + 1);

		if (!fcntl(budget->fd, F_SETLK, &lock)) {
			budget->held = slot;
			return;
		}
		if (errno != EACCES && errno != EAGAIN)
			break;
	}
	log_warn("locks do not work: connections are not shared");
}

void budget_release(struct budget *budget)
{
	struct flock lock;

	if (budget->held < 0)
		return;
	lock = record(F_UNLCK, budget->held, budget->held + 1);
	fcntl(budget->fd, F_SETLK, &lock);
	budget->held = -1;
}

unsigned budget_share(const struct budget *budget)
{
	int before = -1, after = -1;
	unsigned agents = budget->nagents, rank = agents, share;

	if (budget->held >= 0) {
		before = count_held(budget, 0, budget->held);
		after = count_held(budget, budget->held + 1, SLOTS);
	}
	if (before >= 0 && after >= 0) {
		agents = (unsigned)(before + 1 + after);
		rank = (unsigned)before;
	}
	share = budget->total / agents + (rank < budget->total % agents);
	return share ? share : 1;
}

void budget_free(struct budget *budget)
{
	if (!budget)
		return;
	if (budget->fd >= 0)
		close(budget->fd);
	free(budget);
}
