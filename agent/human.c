/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/human.h"

#include <inttypes.h>
#include <stddef.h>

#include "lfs/base/mem.h"

enum { KIB = 1024, PRECISE = 10 };

char *human_size(uint64_t size)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	uint64_t rest = 0;
	size_t i = 0;

	while (size >= KIB) {
		rest = size % KIB;
		size /= KIB;
		i++;
	}
	if (i && size < PRECISE) {
		uint64_t tenths = (size * KIB + rest) * 10 / KIB;

		return xstrfmt("%" PRIu64 ".%" PRIu64 " %s", tenths / 10,
			       tenths % 10, units[i]);
	}
	return xstrfmt("%" PRIu64 " %s", size, units[i]);
}

char *human_age(int64_t seconds)
{
	static const struct {
		int64_t size;
		const char *name;
	} units[] = {
		{ 2 * 24 * 60 * 60, "days" },
		{ 2 * 60 * 60, "h" },
		{ 2 * 60, "min" },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= units[i].size)
			return xstrfmt("%" PRId64 " %s",
				       seconds / (units[i].size / 2),
				       units[i].name);
	return xstrfmt("%" PRId64 " s", seconds > 0 ? seconds : 0);
}

unsigned human_percent(uint64_t done, uint64_t size)
{
	if (done >= size)
		return 100;
	/* done * 100 could overflow. */
	if (size > UINT64_MAX / 100)
		return (unsigned)(done / (size / 100 + 1));
	return (unsigned)(done * 100 / size);
}
