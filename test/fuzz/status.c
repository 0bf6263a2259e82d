/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lfs/base/json.h"
#include "lfs/base/mem.h"
#include "lfs/net/status.h"

/* The input: one byte of a status, and the body of the answer. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The query of a URL is a secret, and so is its user; where they were are dots,
 * or as many as fit.
 */
static void check_secrets(const char *msg)
{
	while ((msg = strstr(msg, "://"))) {
		size_t len, query, host;

		msg += strlen("://");
		len = strcspn(msg, " '\"<>()");
		query = strcspn(msg, "?");
		host = strcspn(msg, " '\"<>()/?#");
		if (query < len && strncmp(msg + query, "?...", len - query))
			abort();
		while (host && msg[host - 1] != '@')
			host--;
		if (host > 1 && strncmp(msg, "...@", host))
			abort();
	}
}

static void check_message(const char *msg)
{
	if (!*msg || strlen(msg) >= sizeof(((struct err *)0)->msg))
		abort();
	check_secrets(msg);
	for (; *msg; msg++)
		if ((unsigned char)*msg < ' ' || *msg == 0x7f)
			abort();
}

/* A 2xx may be an error, too; else it is as for other answers. */
static void check_finish(const struct status *status, int ret)
{
	struct err err = ERR_INIT;
	int end = status_check(status, STATUS_DONE, &err);

	if ((ret && !end) || !end != !err.kind)
		abort();
	if (!end)
		return;
	check_message(err.msg);
	if (err.code != status->status)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 302, 400, 401, 403, 404, 408,
					422, 429, 500, 501, 503, 505 };
	struct status status = { .now = 784111777 };
	struct err err = ERR_INIT;
	char *body;
	int ret;

	if (!size)
		return 0;
	json_setup();
	status.status = statuses[*data % (sizeof(statuses) / sizeof(int))];
	/* Up to the first NUL, as all that is looked at. */
	body = xstrndup((const char *)data + 1, size - 1);
	status.body = body;
	ret = status_check(&status, STATUS_ANY, &err);
	if (!ret != (status.status == 200) || !ret != !err.kind)
		abort();
	if (ret) {
		check_message(err.msg);
		if (err.code != status.status)
			abort();
	}
	check_finish(&status, ret);
	free(body);
	return 0;
}
