/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/remote/sshreply.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/json.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

enum {
	DAY = 24 * 60 * 60
};

/* Longer lives are cut to this, so that no sum can overflow. */
static const int64_t ttl_max = (int64_t)1000 * 366 * DAY;

/* Exactly `n` digits from *at on, and what follows them; -1 if not. */
static int number(const char **at, int n, const char *after)
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

/* Days from 1 January 1970 to 1 January of the year. */
static int64_t days_before_year(int year)
{
	int64_t y = year - 1;

	return 365 * (int64_t)(year - 1970) + (y / 4 - 1969 / 4) -
	       (y / 100 - 1969 / 100) + (y / 400 - 1969 / 400);
}

static int parse_date(const char **at, int64_t *seconds)
{
	int year = number(at, 4, "-");
	int month = year < 0 ? -1 : number(at, 2, "-");
	int day = month < 0 ? -1 : number(at, 2, "T");
	int64_t days;

	if (day < 1 || month < 1 || month > 12 || day > days_in(year, month))
		return -1;
	days = days_before_year(year) + day - 1;
	for (int m = 1; m < month; m++)
		days += days_in(year, m);
	*seconds = days * DAY;
	return 0;
}

static int parse_clock(const char **at, int64_t *seconds)
{
	int hour = number(at, 2, ":");
	int minute = hour < 0 ? -1 : number(at, 2, ":");
	int second = minute < 0 ? -1 : number(at, 2, "");

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
	hour = number(&at, 2, ":");
	minute = hour < 0 ? -1 : number(&at, 2, "");
	if (minute < 0 || *at || hour > 23 || minute > 59)
		return -1;
	*seconds += sign * (3600 * hour + 60 * minute);
	return 0;
}

int sshreply_parse_time(const char *text, int64_t *seconds)
{
	*seconds = 0;
	if (parse_date(&text, seconds) || parse_clock(&text, seconds))
		return -1;
	return parse_zone(text, seconds);
}

/* The year 1 is Go's way to say nothing. */
static int take_expires_at(const json_t *root, int64_t *expires,
			   struct err *err)
{
	static const char nothing[] = "0001-01-01T00:00:00Z";
	const char *text;

	if (json_get_optional_string(root, "expires_at", &text, err))
		return -1;
	if (!text || !strcmp(text, nothing))
		return 0;
	if (sshreply_parse_time(text, expires))
		return err_set(err, ERR_PROTOCOL, "'expires_at' is no time");
	return 0;
}

static int64_t after(const struct sshreply_times *times, int64_t ttl)
{
	if (ttl > ttl_max)
		ttl = ttl_max;
	if (ttl < -ttl_max)
		ttl = -ttl_max;
	return times->asked + ttl;
}

/* What is said in seconds wins, as with git-lfs: clocks may differ. */
static int take_expiry(struct sshreply *reply, const json_t *root,
		       const struct sshreply_times *times, struct err *err)
{
	const json_t *in = json_object_get(root, "expires_in");

	reply->expires = INT64_MAX;
	if (take_expires_at(root, &reply->expires, err))
		return -1;
	if (in && !json_is_integer(in) && !json_is_null(in))
		return err_set(err, ERR_PROTOCOL,
			       "'expires_in' is not an integer");
	if (json_integer_value(in))
		reply->expires = after(times, json_integer_value(in));
	else if (reply->expires == INT64_MAX && times->default_ttl > 0)
		reply->expires = after(times, times->default_ttl);
	return 0;
}

static int take_href(struct sshreply *reply, const json_t *root,
		     struct err *err)
{
	const char *href;

	if (json_get_optional_string(root, "href", &href, err))
		return -1;
	if (!href || !*href)
		return 0;
	if (url_check(href, err))
		return err_wrap(err, "'href'");
	reply->href = xstrdup(href);
	return 0;
}

static int take_headers(struct sshreply *reply, json_t *root, struct err *err)
{
	json_t *header = json_object_get(root, "header"), *value;
	const char *name;

	if (!header || json_is_null(header))
		return 0;
	if (!json_is_object(header))
		return err_set(err, ERR_PROTOCOL, "'header' is not an object");
	json_object_foreach (header, name, value) {
		const char *text = json_string_value(value);

		if (!text && !json_is_null(value))
			return err_set(err, ERR_PROTOCOL,
				       "the header '%.40s' is not a string",
				       name);
		if (headers_add(&reply->headers, name, text ? text : "", err))
			return -1;
	}
	return 0;
}

int sshreply_parse(struct sshreply *reply, const char *text, size_t len,
		   const struct sshreply_times *times, struct err *err)
{
	json_t *root = NULL;
	int ret = -1;

	*reply = (struct sshreply)SSHREPLY_INIT;
	if (len > SSHREPLY_MAX)
		err_set(err, ERR_PROTOCOL, "it is longer than %d bytes",
			SSHREPLY_MAX);
	else
		root = json_parse(text, len, err);
	if (root && !json_is_object(root))
		err_set(err, ERR_PROTOCOL, "it is not an object");
	else if (root && !take_href(reply, root, err) &&
		 !take_headers(reply, root, err))
		ret = take_expiry(reply, root, times, err);
	json_decref(root);
	if (!ret)
		return 0;
	sshreply_release(reply);
	return err_wrap(err, "the answer of git-lfs-authenticate");
}

void sshreply_release(struct sshreply *reply)
{
	free(reply->href);
	headers_release(&reply->headers);
	*reply = (struct sshreply)SSHREPLY_INIT;
}
