/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/worktree/selection.h"

/*
 * The input: what `git ls-files -z -t --stage` prints, a byte 1, and what `git
 * check-attr -z` prints of files below "/t".
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

/* In memory, or where there is no such place, on the disk. */
static int open_text(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	int fd = file_open_unlinked("/dev/shm", &err);

	if (fd < 0) {
		err_clear(&err);
		fd = file_open_unlinked("/tmp", &err);
	}
	must(fd >= 0 && !file_write_at(fd, data, size, 0, &err));
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = memchr(data, 1, size);
	size_t len = cut ? (size_t)(cut - data) : size;
	struct selection_output output = {
		.entries = open_text(data, len),
		.attributes = open_text(data + len, 0),
		.top = "/t",
	};
	struct selection selection = SELECTION_INIT;
	struct err err = ERR_INIT;
	int ret;

	if (cut) {
		close(output.attributes);
		output.attributes = open_text(cut + 1, size - len - 1);
	}
	ret = selection_read(&selection, &output, &err);
	close(output.entries);
	close(output.attributes);
	must(ret ? err.kind == ERR_LOCAL : err.kind == ERR_NONE);
	for (size_t i = 0; i < selection.n; i++) {
		const struct wanted_file *file = &selection.files[i];
		size_t n = strlen(file->blob);

		must(n == 40 || n == 64);
		must(file->mode == 0100644 || file->mode == 0100755);
	}
	selection_release(&selection);
	return 0;
}
