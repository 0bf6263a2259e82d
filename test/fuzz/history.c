/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/git/history.h"

/* The input: what `git cat-file --batch` prints. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

/* In memory, or where there is no such place, on the disk. */
static int open_file(void)
{
	struct err err = ERR_INIT;
	int fd = file_open_unlinked("/dev/shm", &err);

	if (fd >= 0)
		return fd;
	err_clear(&err);
	return file_open_unlinked("/tmp", &err);
}

static void check_texts(const uint8_t *data, size_t size)
{
	struct history history = { .n = 0 };
	struct err err = ERR_INIT;
	int fd = open_file(), ret;

	must(fd >= 0 && !file_write_at(fd, data, size, 0, &err));
	ret = history_read(&history, fd, &err);
	close(fd);
	must(ret ? err.kind == ERR_LOCAL : err.kind == ERR_NONE);
	/* Each takes at least so many bytes of the text. */
	must(history.n <= size / POINTER_MIN);
	for (size_t i = 0; i < history.n; i++)
		must(strlen(history.pointers[i].oid) == POINTER_OID);
	history_release(&history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_texts(data, size);
	return 0;
}
