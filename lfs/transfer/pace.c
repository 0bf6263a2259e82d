/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/pace.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"

enum {
	LINES = 256,	/* the most connections: lfsmultipart.connections */
	SAMPLES = 24,
	STEP_MS = 250,	/* between two samples: six seconds of them */
	LONG_MS = 5000,
	LONG_PART = 10,
	SHORT_MS = 3000,
	SHORT_PART = 4,
	RECENT_MS = 10000,	/* so long a sibling counts that is idle */
	CLOSED_MAX = 2,
	LEAST = 1024	/* bytes a second */
};

/* Bytes after so much time in which they moved. */
struct sample {
	uint64_t ms;
	uint64_t bytes;
};

struct line {
	const void *id;
	uint64_t last_ms;	/* when it last had news */
	uint64_t moved, busy_ms;	/* of the request */
	struct sample samples[SAMPLES];	/* the last one is now */
	unsigned nsamples;
	struct sample since;	/* when its rate by itself was last judged */
};

struct pace {
	pthread_mutex_t mutex;
	unsigned stall_ms;
	struct line *lines[LINES];	/* owned */
	unsigned nlines;
};

struct pace *pace_new(unsigned stall_ms)
{
	struct pace *pace = xcalloc(1, sizeof(*pace));

	pthread_mutex_init(&pace->mutex, NULL);
	pace->stall_ms = stall_ms;
	return pace;
}

static void begin_anew(struct line *line)
{
	line->nsamples = 1;
	line->samples[0] = line->since = (struct sample){ .ms = 0 };
}

static struct line *find(struct pace *pace, const void *id)
{
	for (unsigned i = 0; i < pace->nlines; i++)
		if (pace->lines[i]->id == id)
			return pace->lines[i];
	if (pace->nlines == LINES)
		return NULL;
	pace->lines[pace->nlines] = xcalloc(1, sizeof(struct line));
	pace->lines[pace->nlines]->id = id;
	begin_anew(pace->lines[pace->nlines]);
	return pace->lines[pace->nlines++];
}

static struct sample latest(const struct line *line)
{
	return line->samples[line->nsamples - 1];
}

static void add(struct line *line, const struct pace_news *news)
{
	struct sample now = latest(line);
	bool is_new = news->moved < line->moved ||
		      news->busy_ms < line->busy_ms;

	now.bytes += news->moved - (is_new ? 0 : line->moved);
	now.ms += news->busy_ms - (is_new ? 0 : line->busy_ms);
	line->moved = news->moved;
	line->busy_ms = news->busy_ms;
	line->last_ms = news->now_ms;
	if (line->nsamples > 1 &&
	    now.ms - line->samples[line->nsamples - 2].ms < STEP_MS)
		line->nsamples--;
	if (line->nsamples == SAMPLES)
		memmove(line->samples, line->samples + 1,
			--line->nsamples * sizeof(now));
	line->samples[line->nsamples++] = now;
}

/* Bytes a second over the last `ms`, or over all there is if that is less. */
static uint64_t rate_of(const struct line *line, uint64_t ms, bool *is_whole)
{
	struct sample now = latest(line), then = line->samples[0];

	for (unsigned i = 0; i < line->nsamples; i++)
		if (now.ms - line->samples[i].ms >= ms)
			then = line->samples[i];
	*is_whole = now.ms - then.ms >= ms;
	if (now.ms == then.ms)
		return (now.bytes - then.bytes) * 1000;
	return (now.bytes - then.bytes) * 1000 / (now.ms - then.ms);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of two in the middle, the faster one. */
static uint64_t median_of(const struct pace *pace, uint64_t now_ms, uint64_t ms)
{
	uint64_t rates[LINES];
	unsigned n = 0;
	bool ignored;

	for (unsigned i = 0; i < pace->nlines; i++)
		if (now_ms - pace->lines[i]->last_ms <= RECENT_MS)
			rates[n++] = rate_of(pace->lines[i], ms, &ignored);
	qsort(rates, n, sizeof(rates[0]), compare);
	return rates[n / 2];
}

static bool is_slower(const struct pace *pace, const struct line *line,
		      uint64_t ms, unsigned part)
{
	bool is_whole;
	uint64_t rate = rate_of(line, ms, &is_whole);

	return is_whole && rate < median_of(pace, line->last_ms, ms) / part;
}

/* Bytes a second, of all that move just now. */
static uint64_t rate_of_all(const struct pace *pace, uint64_t now_ms)
{
	uint64_t rate = 0;
	bool ignored;

	for (unsigned i = 0; i < pace->nlines; i++)
		if (now_ms - pace->lines[i]->last_ms <= RECENT_MS)
			rate += rate_of(pace->lines[i], LONG_MS, &ignored);
	return rate;
}

/* Judged once in a stall time.  One that others outrun is not judged here. */
static bool is_slow(const struct pace *pace, struct line *line)
{
	struct sample now = latest(line);
	uint64_t ms = now.ms - line->since.ms;
	uint64_t bytes = now.bytes - line->since.bytes;

	if (ms < pace->stall_ms)
		return false;
	line->since = now;
	return bytes < ms * LEAST / 1000 &&
	       rate_of_all(pace, line->last_ms) < LEAST;
}

static enum pace_verdict judge(const struct pace *pace, struct line *line,
			       const struct pace_news *news)
{
	if (is_slow(pace, line))
		return PACE_SLOW;
	if (news->is_spared || news->closed >= CLOSED_MAX)
		return PACE_GOOD;
	if (is_slower(pace, line, LONG_MS, LONG_PART) ||
	    (news->is_last && is_slower(pace, line, SHORT_MS, SHORT_PART)))
		return PACE_SLOWER;
	return PACE_GOOD;
}

enum pace_verdict pace_note(struct pace *pace, const struct pace_news *news)
{
	enum pace_verdict verdict = PACE_GOOD;
	struct line *line;

	pthread_mutex_lock(&pace->mutex);
	line = find(pace, news->id);
	if (line) {
		add(line, news);
		if (!news->is_over)
			verdict = judge(pace, line, news);
		if (verdict != PACE_GOOD)
			begin_anew(line);
	}
	pthread_mutex_unlock(&pace->mutex);
	return verdict;
}

void pace_free(struct pace *pace)
{
	if (!pace)
		return;
	for (unsigned i = 0; i < pace->nlines; i++)
		free(pace->lines[i]);
	pthread_mutex_destroy(&pace->mutex);
	free(pace);
}
