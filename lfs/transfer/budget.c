/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

/*
 * The locks of the file: SLOTS bytes for agents; LESSONS bytes, one for each
 * lesson while it is written; from REGION on, for each host, SLOTS places and
 * SLOTS bytes for agents that wait for a place.  Its content: LESSONS lessons.
 * A host's number gives its region and its lesson.  Two hosts with the same
 * region use fewer connections than they might; with the same lesson, one
 * forgets.
 */
enum {
	SLOTS = 4096,
	REGION = 2 * SLOTS,
	REGIONS = 1 << 20,
	LESSONS = 64,
	MINUTE = 60,	/* seconds until one more is tried */
	FORGOTTEN = 12,	/* minutes; by then the limit is over SLOTS */
	YIELD_MS = 3 * BUDGET_POLL_MS	/* for those that wait to see a place */
};

/* As it is in the file.  One that is not sound counts as none. */
struct lesson {
	uint64_t host;
	int64_t since;	/* seconds since 1970 */
	uint32_t most;	/* connections; 0: none is known */
	uint32_t crc;	/* of all before it */
};

/*
 * Closing any descriptor of the file would drop the process's record locks:
 * there is one, and it is never reopened.
 */
struct budget {
	int fd;		/* -1: locks do not work here */
	off_t held;	/* the byte, or -1 */
	unsigned total;
	unsigned nagents;
	bool is_upload;
	off_t *places;	/* owned: the bytes that this process holds */
	size_t nplaces;
	off_t waiting;	/* the byte that it holds while it waits, or -1 */
	uint64_t left_ms;	/* when it left its last place */
};

struct budget *budget_open(const char *path, mode_t mode, unsigned total,
			   unsigned nagents)
{
	struct budget *budget = xcalloc(1, sizeof(*budget));
	struct err err = ERR_INIT;

	budget->total = total;
	budget->nagents = nagents ? nagents : 1;
	budget->held = budget->waiting = -1;
	budget->fd = file_open_shared(path, mode, &err);
	if (budget->fd < 0)
		log_warn("%s: connections are not shared", err.msg);
	return budget;
}

void budget_set_upload(struct budget *budget, bool is_upload)
{
	budget->is_upload = is_upload;
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
	off_t begin, end;
	int before, after;

	if (from >= to)
		return 0;
	lock = record(F_WRLCK, from, to);
	if (fcntl(budget->fd, F_GETLK, &lock))
		return -1;
	if (lock.l_type == F_UNLCK)
		return 0;
	/*
	 * The kernel reports any one of them, not the first, and neighbours
	 * that one process has as one.
	 */
	begin = lock.l_start > from ? lock.l_start : from;
	end = lock.l_start + lock.l_len;
	if (!lock.l_len || end > to)
		end = to;
	before = count_held(budget, from, begin);
	after = count_held(budget, end, to);
	return before < 0 || after < 0 ? -1 :
					 before + (int)(end - begin) + after;
}

/* Lock a byte: 0, 1 if another process has it, or -1. */
static int lock_byte(const struct budget *budget, off_t at)
{
	struct flock lock = record(F_WRLCK, at, at + 1);

	if (!fcntl(budget->fd, F_SETLK, &lock))
		return 0;
	return errno == EACCES || errno == EAGAIN ? 1 : -1;
}

static void unlock_byte(const struct budget *budget, off_t *at)
{
	struct flock lock;

	if (*at < 0)
		return;
	lock = record(F_UNLCK, *at, *at + 1);
	fcntl(budget->fd, F_SETLK, &lock);
	*at = -1;
}

/* Lock any of the SLOTS bytes from `base`; -1 if locks do not work. */
static off_t lock_any(const struct budget *budget, off_t base)
{
	off_t first = getpid() % SLOTS;
	int ret = 1;

	for (off_t i = 0; ret > 0 && i < SLOTS; i++) {
		off_t slot = base + (first + i) % SLOTS;

		ret = lock_byte(budget, slot);
		if (!ret)
			return slot;
	}
	return -1;
}

void budget_hold(struct budget *budget)
{
	if (budget->fd < 0)
		return;
	budget->held = lock_any(budget, 0);
	if (budget->held < 0)
		log_warn("locks do not work: connections are not shared");
}

void budget_stop_waiting(struct budget *budget)
{
	unlock_byte(budget, &budget->waiting);
}

void budget_release(struct budget *budget)
{
	unlock_byte(budget, &budget->held);
	budget_stop_waiting(budget);
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

/* The host's number, and the direction. */
static uint64_t host_of(const struct budget *budget, const char *url)
{
	return (url_host_id(url) ^ budget->is_upload) * 0x100000001b3;
}

static off_t region_of(uint64_t host)
{
	return (off_t)(1 + host % REGIONS) * REGION;
}

static off_t lesson_at(uint64_t host)
{
	return (off_t)(host % LESSONS);
}

static uint32_t check_of(const struct lesson *lesson)
{
	return crc_update(0, lesson, offsetof(struct lesson, crc));
}

static struct lesson load_lesson(const struct budget *budget, uint64_t host)
{
	struct lesson lesson = { .host = 0 };
	off_t at = lesson_at(host) * (off_t)sizeof(lesson);
	ssize_t got = pread(budget->fd, &lesson, sizeof(lesson), at);

	if (got == sizeof(lesson) && lesson.host == host &&
	    lesson.crc == check_of(&lesson) && lesson.since >= 0 &&
	    lesson.since <= clock_unix())
		return lesson;
	return (struct lesson){ .host = host };
}

/* What another process is writing at this moment is as good. */
static void save_lesson(const struct budget *budget, struct lesson lesson)
{
	off_t number = lesson_at(lesson.host), lock = SLOTS + number;
	struct err err = ERR_INIT;

	if (lock_byte(budget, lock))
		return;
	lesson.crc = check_of(&lesson);
	if (file_write_at(budget->fd, &lesson, sizeof(lesson),
			  (uint64_t)number * sizeof(lesson), &err))
		log_info("%s: the number of connections is not kept", err.msg);
	unlock_byte(budget, &lock);
}

/* How many places there are now. */
static unsigned most_of(const struct lesson *lesson)
{
	int64_t minutes = (clock_unix() - lesson->since) / MINUTE;
	unsigned most;

	if (!lesson->most || lesson->most > SLOTS || minutes < 0 ||
	    minutes >= FORGOTTEN)
		return SLOTS;
	most = lesson->most + (1U << minutes) - 1;
	return most < SLOTS ? most : SLOTS;
}

static bool is_ours(const struct budget *budget, off_t place)
{
	for (size_t i = 0; i < budget->nplaces; i++)
		if (budget->places[i] == place)
			return true;
	return false;
}

/* The other places at that host that are taken, by this process or another. */
static unsigned count_others(const struct budget *budget, off_t place)
{
	off_t region = place - place % REGION;
	int elsewhere = count_held(budget, region, region + SLOTS);
	unsigned n = elsewhere > 0 ? (unsigned)elsewhere : 0;

	for (size_t i = 0; i < budget->nplaces; i++) {
		off_t each = budget->places[i];

		n += each != place && each - each % REGION == region;
	}
	return n;
}

/*
 * Take the first free byte, and count only then: of processes that come at the
 * same time, each sees the others' bytes.
 */
static int take_place(struct budget *budget, off_t region, unsigned most,
		      off_t *place)
{
	int ret = 1;

	for (*place = region; *place < region + SLOTS; ++*place) {
		ret = is_ours(budget, *place) ? 1 : lock_byte(budget, *place);
		if (ret <= 0)
			break;
	}
	if (!ret && count_others(budget, *place) >= most) {
		unlock_byte(budget, place);
		return 1;
	}
	if (ret) {
		*place = -1;
		return ret;
	}
	budget->places = xreallocarray(budget->places, budget->nplaces + 1,
				       sizeof(*place));
	budget->places[budget->nplaces++] = *place;
	return 0;
}

/*
 * We have just had a place, others wait for one, and we have not yet seen them
 * have it.
 */
static bool is_others_turn(struct budget *budget, off_t region, unsigned most)
{
	if (count_others(budget, region + SLOTS - 1) >= most)
		budget->left_ms = 0;
	return budget->left_ms && clock_ms() - budget->left_ms < YIELD_MS &&
	       count_held(budget, region + SLOTS, region + REGION) > 0;
}

bool budget_enter(struct budget *budget, const char *url, off_t *place)
{
	uint64_t host = host_of(budget, url);
	off_t region = region_of(host);
	struct lesson lesson;
	unsigned most;
	int ret = 1;

	*place = -1;
	if (budget->fd < 0)
		return true;
	lesson = load_lesson(budget, host);
	most = most_of(&lesson);
	if (most == SLOTS || !is_others_turn(budget, region, most))
		ret = take_place(budget, region, most, place);
	if (ret <= 0)
		unlock_byte(budget, &budget->waiting);
	else if (budget->waiting < 0)
		budget->waiting = lock_any(budget, region + SLOTS);
	return ret <= 0;
}

unsigned budget_leave(struct budget *budget, off_t place)
{
	unsigned others;
	size_t left = 0;

	if (place < 0)
		return 0;
	others = count_others(budget, place);
	for (size_t i = 0; i < budget->nplaces; i++)
		if (budget->places[i] != place)
			budget->places[left++] = budget->places[i];
	budget->nplaces = left;
	budget->left_ms = clock_ms();
	unlock_byte(budget, &place);
	return others;
}

void budget_fewer(struct budget *budget, const char *url, unsigned others)
{
	struct lesson lesson;
	unsigned most;

	/* It was refused, so it has had no turn. */
	budget->left_ms = 0;
	if (budget->fd < 0 || !others)
		return;
	lesson = load_lesson(budget, host_of(budget, url));
	most = most_of(&lesson);
	lesson.most = others < most ? others : most;
	lesson.since = clock_unix();
	save_lesson(budget, lesson);
}

void budget_renewed(struct budget *budget, const char *url)
{
	struct lesson lesson;

	if (budget->fd < 0)
		return;
	lesson = load_lesson(budget, host_of(budget, url));
	lesson.since -= MINUTE;
	if (lesson.most)
		save_lesson(budget, lesson);
}

void budget_forget(struct budget *budget, const char *url)
{
	struct lesson lesson;

	if (budget->fd < 0)
		return;
	lesson = load_lesson(budget, host_of(budget, url));
	if (!lesson.most)
		return;
	lesson.most = 0;
	save_lesson(budget, lesson);
}

void budget_free(struct budget *budget)
{
	if (!budget)
		return;
	free(budget->places);
	if (budget->fd >= 0)
		close(budget->fd);
	free(budget);
}
