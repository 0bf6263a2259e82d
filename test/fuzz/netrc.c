/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/server/netrc.h"

/* The input: a .netrc file, read for the host `h`, and for its user `u`. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value is a word of the file. */
static void check(const char *value, size_t size)
{
	if (strlen(value) > size || strpbrk(value, " \t\r\n"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const users[] = { "", "u" };
	char *text = xstrndup((const char *)data, size);

	for (size_t i = 0; i < 2; i++) {
		const struct netrc_query query = { "h", users[i] };
		struct netrc_login login = { NULL, NULL };

		if (netrc_find(text, &query, &login)) {
			check(login.login, size);
			check(login.password, size);
			if (i && strcmp(login.login, "u") != 0)
				abort();
		}
		netrc_login_release(&login);
	}
	free(text);
	return 0;
}
