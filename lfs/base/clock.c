/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void clock_boot(char boot[CLOCK_BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	memset(boot, 0, CLOCK_BOOT_SIZE);
	if (fd < 0)
		return;
	n = read(fd, boot, CLOCK_BOOT_SIZE - 1);
	if (n < CLOCK_BOOT_SIZE - 1)
		boot[0] = '\0';
	close(fd);
}

bool clock_is_boot(const char *boot)
{
	char now[CLOCK_BOOT_SIZE];

	clock_boot(now);
	return now[0] && !strcmp(now, boot);
}

int64_t clock_unix(void)
{
	return (int64_t)time(NULL);
}

/*
 * The nanosecond, the process and the stack's address (one a thread) differ
 * between any two callers; the mixing steps spread that over all bits.
 */
uint32_t clock_random(void)
{
	struct timespec ts;
	uint64_t x;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	x = (uint64_t)ts.tv_nsec ^ (uint64_t)ts.tv_sec << 30 ^
	    (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&ts;
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(x ^ x >> 33);
}

enum {
	DAY = 24 * 60 * 60
};

/* Parse exactly `n` digits at *at and the character `after` them, or return -1. */
static int parse_digits(const char **at, int n, const char *after)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = 10 * value + (**at - '0');
	}
	if (!*after)
		return value;
	return *(*at)++ == *after ? value : -1;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1 January of the year 0, a leap year, to that of the year. */
static int64_t days_before_year(int year)
{
	int last = year - 1;

	return year ? 365 * (int64_t)year + 1 + last / 4 - last / 100 +
			       last / 400 :
		      0;
}

static int parse_date(const char **at, int64_t *seconds)
{
	int year = parse_digits(at, 4, "-");
	int month = year < 0 ? -1 : parse_digits(at, 2, "-");
	int day = month < 0 ? -1 : parse_digits(at, 2, "T");
	int64_t days;

	if (day < 1 || month < 1 || month > 12 || day > days_in(year, month))
		return -1;
	days = days_before_year(year) - days_before_year(1970) + day - 1;
	for (int m = 1; m < month; m++)
		days += days_in(year, m);
	*seconds = days * DAY;
	return 0;
}

static int parse_clock(const char **at, int64_t *seconds)
{
	int hour = parse_digits(at, 2, ":");
	int minute = hour < 0 ? -1 : parse_digits(at, 2, ":");
	int second = minute < 0 ? -1 : parse_digits(at, 2, "");

	if (second < 0 || hour > 23 || minute > 59 || second > 59)
		return -1;
	*seconds += 3600 * hour + 60 * minute + second;
	if (**at != '.')
		return 0;
	if (!strspn(++*at, "0123456789"))
		return -1;
	*at += strspn(*at, "0123456789");
	return 0;
}

static int parse_zone(const char *at, int64_t *seconds)
{
	int sign = *at == '-' ? 1 : -1, hour, minute;

	if (!strcmp(at, "Z"))
		return 0;
	if (*at != '+' && *at != '-')
		return -1;
	at++;
	hour = parse_digits(&at, 2, ":");
	minute = hour < 0 ? -1 : parse_digits(&at, 2, "");
	if (minute < 0 || *at || hour > 23 || minute > 59)
		return -1;
	*seconds += sign * (3600 * hour + 60 * minute);
	return 0;
}

int rfc3339_parse(const char *text, int64_t *seconds)
{
	*seconds = 0;
	if (parse_date(&text, seconds) || parse_clock(&text, seconds))
		return -1;
	return parse_zone(text, seconds);
}
