/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/sshreply.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/clock.h"
#include "lfs/base/json.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

enum {
	DAY = 24 * 60 * 60
};

/* Longer lives are cut to this, so that no sum can overflow. */
static const int64_t ttl_max = (int64_t)1000 * 366 * DAY;

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
	if (rfc3339_parse(text, expires))
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
