/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/human.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

enum { KIB = 1024, PRECISE = 10 };

struct human human_size(uint64_t size)
{
	struct human human;
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

		snprintf(human.text, sizeof(human.text),
			 "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
			 units[i]);
	} else {
		snprintf(human.text, sizeof(human.text), "%" PRIu64 " %s", size,
			 units[i]);
	}
	return human;
}

struct human human_age(int64_t seconds)
{
	static const struct {
		int64_t size;	/* twice the unit, which is used from there on */
		const char *name;
	} units[] = {
		{ 2 * 24 * 60 * 60, "days" },
		{ 2 * 60 * 60, "h" },
		{ 2 * 60, "min" },
		{ 2, "s" },
	};
	struct human human;
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < sizeof(units) / sizeof(units[0]) - 1 &&
	       seconds < units[i].size)
		i++;
	snprintf(human.text, sizeof(human.text), "%" PRId64 " %s",
		 seconds / (units[i].size / 2), units[i].name);
	return human;
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
