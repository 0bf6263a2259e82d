/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/outlook.h"

#include <stdio.h>

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	TEXT_MAX = 32
};

static const char *in_words(double seconds, char text[TEXT_MAX])
{
	if (seconds < 2 * MINUTE)
		snprintf(text, TEXT_MAX, "%.0f s", seconds);
	else if (seconds < 2 * HOUR)
		snprintf(text, TEXT_MAX, "%.0f min", seconds / MINUTE);
	else
		snprintf(text, TEXT_MAX, "%.1f h", seconds / HOUR);
	return text;
}

bool outlook_is_bad(const struct outlook *outlook, char text[OUTLOOK_MAX])
{
	char life[TEXT_MAX], need[TEXT_MAX];
	double rate, seconds;

	if (outlook->ms < OUTLOOK_AFTER_MS || !outlook->sent)
		return false;
	rate = (double)outlook->sent * 1000 / (double)outlook->ms;
	seconds = (double)(outlook->size - outlook->before) / rate;
	if (outlook->life_s < 0 || seconds <= (double)outlook->life_s)
		return false;
	snprintf(text, OUTLOOK_MAX,
		 "the links live %s; at this rate, %.1f MB/s, the object needs "
		 "%s",
		 in_words((double)outlook->life_s, life), rate / 1e6,
		 in_words(seconds, need));
	return true;
}
