/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lfs/base/json.h"
#include "lfs/base/mem.h"
#include "lfs/net/status.h"

/* The input: one byte of a status, and the body of the answer. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const char *msg)
{
	if (!*msg || strlen(msg) >= sizeof(((struct err *)0)->msg))
		abort();
	for (; *msg; msg++)
		if ((unsigned char)*msg < ' ' || *msg == 0x7f)
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
	ret = status_check(&status, &err);
	if (!ret != (status.status == 200) || !ret != !err.kind)
		abort();
	if (ret) {
		check_message(err.msg);
		if (err.code != status.status)
			abort();
	}
	free(body);
	return 0;
}
