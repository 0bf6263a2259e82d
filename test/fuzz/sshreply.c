/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "lfs/base/json.h"
#include "lfs/net/url.h"
#include "lfs/server/ssh.h"

/* The input: what git-lfs-authenticate printed. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sshreply *reply, const struct err *err)
{
	struct err ignored = ERR_INIT;

	if (err->kind) {
		if (reply->href || reply->headers.list)
			abort();
		return;
	}
	if (reply->href && url_check(reply->href, &ignored))
		abort();
	if (reply->headers.n > HEADERS_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sshreply_times times = { .asked = 1700000000,
						     .default_ttl = 60 };
	struct sshreply reply;
	struct err err = ERR_INIT;

	json_setup();
	sshreply_parse(&reply, (const char *)data, size, &times, &err);
	check(&reply, &err);
	sshreply_release(&reply);
	return 0;
}
