/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/budget.h"

#include <fcntl.h>
#include <pthread.h>
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
	MINUTE = 60,	/* in seconds, until one more is tried */
	FORGOTTEN = 12,	/* minutes after which the limit is over SLOTS */
	YIELD_MS = 3 * BUDGET_POLL_MS	/* within which others see a place */
};

/* A lesson as it is in the file.  A damaged one counts as none. */
struct lesson {
	uint64_t host;
	int64_t since;	/* seconds since 1970 */
	uint32_t most;	/* connections; 0: none is known */
	uint32_t crc;	/* of all before it */
};

/*
 * The locks that a process holds on the file.  Record locks do not keep a
 * process from taking a byte twice, and closing any descriptor of the file
 * drops them all: so there is one descriptor, and it is never reopened.
 */
struct holding {
	pthread_mutex_t mutex;
	int fd;		/* -1: locks do not work here */
	unsigned nbudgets;	/* that use it */
	unsigned nholders;	/* of them, those that move an object */
	off_t held;	/* the byte for that, or -1 */
	off_t *places;	/* owned: the bytes for connections */
	size_t nplaces;
};

struct budget {
	struct holding *file;	/* owned by the last that uses it */
	unsigned total;
	unsigned nagents;
	bool is_upload;
	bool is_holder;
	off_t waiting;	/* the byte that it holds while it waits, or -1 */
	uint64_t left_ms;	/* when it left its last place */
};

static void close_lock_file(struct holding *file)
{
	if (--file->nbudgets)
		return;
	if (file->fd >= 0)
		close(file->fd);
	pthread_mutex_destroy(&file->mutex);
	free(file->places);
	free(file);
}

struct budget *budget_open(const char *path, mode_t mode, unsigned total,
			   unsigned nagents, bool is_upload)
{
	struct budget *budget = xcalloc(1, sizeof(*budget));
	struct holding *file = xcalloc(1, sizeof(*file));
	struct err err = ERR_INIT;

	budget->file = file;
	budget->total = total;
	budget->nagents = nagents ? nagents : 1;
	budget->is_upload = is_upload;
	budget->waiting = -1;
	pthread_mutex_init(&file->mutex, NULL);
	file->nbudgets = 1;
	file->held = -1;
	file->fd = file_open_shared(path, mode, &err);
	if (file->fd < 0)
		log_warn("%s: connections are not shared", err.msg);
	return budget;
}

void budget_join(struct budget *budget, const struct budget *other)
{
	close_lock_file(budget->file);
	budget->file = other->file;
	budget->file->nbudgets++;
}

/* Bytes from `from` up to `to` that other processes hold; -1 on failure. */
static int count_held(const struct budget *budget, off_t from, off_t to)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = from,
			      .l_len = to - from };
	off_t begin, end;
	int before, after;

	if (from >= to)
		return 0;
	if (fcntl(budget->file->fd, F_GETLK, &lock))
		return -1;
	if (lock.l_type == F_UNLCK)
		return 0;
	/*
	 * The kernel reports any of the locks, not the first, and neighbours of
	 * one process as one.
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
	struct err why = ERR_INIT;

	if (!file_lock_byte(budget->file->fd, (uint64_t)at, &why))
		return 0;
	return why.kind == ERR_BUSY ? 1 : -1;
}

static void unlock_byte(const struct budget *budget, off_t *at)
{
	if (*at >= 0)
		file_unlock_byte(budget->file->fd, (uint64_t)*at);
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
	struct holding *file = budget->file;

	if (file->fd < 0 || budget->is_holder)
		return;
	pthread_mutex_lock(&budget->file->mutex);
	budget->is_holder = true;
	if (!file->nholders++)
		file->held = lock_any(budget, 0);
	if (file->held < 0)
		log_warn("locks do not work: connections are not shared");
	pthread_mutex_unlock(&budget->file->mutex);
}

void budget_stop_waiting(struct budget *budget)
{
	pthread_mutex_lock(&budget->file->mutex);
	unlock_byte(budget, &budget->waiting);
	pthread_mutex_unlock(&budget->file->mutex);
}

void budget_release(struct budget *budget)
{
	struct holding *file = budget->file;

	budget_stop_waiting(budget);
	if (!budget->is_holder)
		return;
	pthread_mutex_lock(&budget->file->mutex);
	budget->is_holder = false;
	if (!--file->nholders)
		unlock_byte(budget, &file->held);
	pthread_mutex_unlock(&budget->file->mutex);
}

unsigned budget_share(const struct budget *budget)
{
	const struct holding *file = budget->file;
	int before = -1, after = -1;
	unsigned agents = budget->nagents, rank = agents, share;

	pthread_mutex_lock(&budget->file->mutex);
	if (file->held >= 0) {
		before = count_held(budget, 0, file->held);
		after = count_held(budget, file->held + 1, SLOTS);
	}
	pthread_mutex_unlock(&budget->file->mutex);
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

static uint32_t check_of(const struct lesson *lesson)
{
	return crc_update(0, lesson, offsetof(struct lesson, crc));
}

static struct lesson load_lesson(const struct budget *budget, uint64_t host)
{
	struct lesson lesson = { .host = 0 };
	off_t at = (off_t)(host % LESSONS * sizeof(lesson));
	ssize_t got = pread(budget->file->fd, &lesson, sizeof(lesson), at);

	if (got == sizeof(lesson) && lesson.host == host &&
	    lesson.crc == check_of(&lesson) && lesson.since >= 0 &&
	    lesson.since <= clock_unix())
		return lesson;
	return (struct lesson){ .host = host };
}

/* If another process writes a lesson at this moment, that is as good. */
static void save_lesson(const struct budget *budget, struct lesson lesson)
{
	uint64_t number = lesson.host % LESSONS;
	off_t lock = SLOTS + (off_t)number;
	struct err err = ERR_INIT;

	if (lock_byte(budget, lock))
		return;
	lesson.crc = check_of(&lesson);
	if (file_write_at(budget->file->fd, &lesson, sizeof(lesson),
			  number * sizeof(lesson), &err))
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

static bool is_own_place(const struct budget *budget, off_t place)
{
	for (size_t i = 0; i < budget->file->nplaces; i++)
		if (budget->file->places[i] == place)
			return true;
	return false;
}

/* How many other places at that host are taken, by any process. */
static unsigned count_others(const struct budget *budget, off_t place)
{
	off_t region = place - place % REGION;
	int elsewhere = count_held(budget, region, region + SLOTS);
	unsigned n = elsewhere > 0 ? (unsigned)elsewhere : 0;

	for (size_t i = 0; i < budget->file->nplaces; i++) {
		off_t each = budget->file->places[i];

		n += each != place && each - each % REGION == region;
	}
	return n;
}

/*
 * Lock the first free byte, and count only then, so that processes that do this
 * at the same time see each other's bytes.
 */
static int lock_place(struct budget *budget, off_t region, unsigned most,
		      off_t *place)
{
	int ret = 1;

	for (*place = region; *place < region + SLOTS; ++*place) {
		ret = is_own_place(budget, *place) ? 1 :
						     lock_byte(budget, *place);
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
	budget->file->places = xgrow(budget->file->places,
				     budget->file->nplaces, sizeof(*place));
	budget->file->places[budget->file->nplaces++] = *place;
	return 0;
}

/*
 * Is it the turn of others that wait?  It is if we have just left a place and
 * have not seen it taken since.
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
	off_t region = (off_t)(1 + host % REGIONS) * REGION;
	struct lesson lesson;
	unsigned most;
	int ret = 1;

	*place = -1;
	if (budget->file->fd < 0)
		return true;
	pthread_mutex_lock(&budget->file->mutex);
	lesson = load_lesson(budget, host);
	most = most_of(&lesson);
	if (most == SLOTS || !is_others_turn(budget, region, most))
		ret = lock_place(budget, region, most, place);
	if (ret <= 0)
		unlock_byte(budget, &budget->waiting);
	else if (budget->waiting < 0)
		budget->waiting = lock_any(budget, region + SLOTS);
	pthread_mutex_unlock(&budget->file->mutex);
	return ret <= 0;
}

unsigned budget_leave(struct budget *budget, off_t place)
{
	struct holding *file = budget->file;
	unsigned others;
	size_t left = 0;

	if (place < 0)
		return 0;
	pthread_mutex_lock(&budget->file->mutex);
	others = count_others(budget, place);
	for (size_t i = 0; i < file->nplaces; i++)
		if (file->places[i] != place)
			file->places[left++] = file->places[i];
	file->nplaces = left;
	budget->left_ms = clock_ms();
	unlock_byte(budget, &place);
	pthread_mutex_unlock(&budget->file->mutex);
	return others;
}

void budget_fewer(struct budget *budget, const char *url, unsigned others)
{
	struct lesson lesson;
	unsigned most;

	/* A refused connection has had no turn. */
	budget->left_ms = 0;
	if (budget->file->fd < 0 || !others)
		return;
	pthread_mutex_lock(&budget->file->mutex);
	lesson = load_lesson(budget, host_of(budget, url));
	most = most_of(&lesson);
	lesson.most = others < most ? others : most;
	lesson.since = clock_unix();
	save_lesson(budget, lesson);
	pthread_mutex_unlock(&budget->file->mutex);
}

/* Make the lesson about the host of `url` older, if there is one. */
static void age_lesson(struct budget *budget, const char *url, int minutes)
{
	struct lesson lesson;

	if (budget->file->fd < 0)
		return;
	pthread_mutex_lock(&budget->file->mutex);
	lesson = load_lesson(budget, host_of(budget, url));
	lesson.since -= minutes * MINUTE;
	if (lesson.most)
		save_lesson(budget, lesson);
	pthread_mutex_unlock(&budget->file->mutex);
}

void budget_renewed(struct budget *budget, const char *url)
{
	age_lesson(budget, url, 1);
}

void budget_forget(struct budget *budget, const char *url)
{
	age_lesson(budget, url, FORGOTTEN);
}

void budget_free(struct budget *budget)
{
	if (!budget)
		return;
	budget_release(budget);
	close_lock_file(budget->file);
	free(budget);
}
