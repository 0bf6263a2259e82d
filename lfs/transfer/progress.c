/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/progress.h"

enum { INTERVAL_MS = 100 };

bool progress_next(struct progress *progress, uint64_t moved, uint64_t now_ms,
		   bool at_once, struct progress_event *event)
{
	uint64_t reported = progress->reported;
	bool forward = moved >= reported;
	uint64_t step = forward ? moved - reported : reported - moved;
	bool is_last = step <= INT32_MAX;

	if (!step || (!at_once && now_ms - progress->last_ms < INTERVAL_MS))
		return false;
	if (!is_last)
		step = INT32_MAX;
	else
		progress->last_ms = now_ms;
	progress->reported = forward ? reported + step : reported - step;
	event->so_far = progress->reported;
	event->since = forward ? (int64_t)step : -(int64_t)step;
	return true;
}
