/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/remote/netrc.h"

/* The input: a .netrc file, read for the host `h`. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value is a word of the file. */
static void check(const char *value, size_t size)
{
	if (strlen(value) > size || strpbrk(value, " \t\r\n"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netrc_login login = { NULL, NULL };

	if (netrc_find((const char *)data, size, "h", &login)) {
		check(login.login, size);
		check(login.password, size);
	}
	netrc_login_release(&login);
	return 0;
}
