/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/stop.h"

struct stop stop_when(bool (*is_wanted)(void *ctx), void *ctx)
{
	return (struct stop){ is_wanted, ctx, -1 };
}

bool stop_is_wanted(const struct stop *stop)
{
	return stop->is_wanted && stop->is_wanted(stop->ctx);
}

int stop_watched(const struct stop *stop)
{
	return stop->is_wanted ? stop->watch_fd : -1;
}
