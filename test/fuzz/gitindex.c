/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/worktree/gitindex.h"

/*
 * The input: a byte of flags, and git's index.  Its hash at the end is replaced by
 * zeros, which git takes for none, so that damage gets to the parser.
 */

enum { IS_SHA256 = 1, KEEPS_HASH = 2, MARKS_4GIB = 4 };

#define BLOB "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int patch(struct gitindex *index)
{
	struct gitindex_file files[] = {
		{ .path = "a", .blob = BLOB },
		{ .path = "d/b.bin", .blob = BLOB },
		{ .path = "d/c.bin", .blob = BLOB BLOB },
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < 3; i++) {
		memset(&files[i].st, 0x55, sizeof(files[i].st));
		files[i].st.st_size = (off_t)1 << 32;
		files[i].st.st_mtim.tv_sec = 1000;
		files[i].st.st_mtim.tv_nsec = 0;
		files[i].st.st_ctim = files[i].st.st_mtim;
	}
	return gitindex_patch(index, files, 3, &err);
}

/* What was patched once stays as it is. */
static void check(struct gitindex *index)
{
	unsigned char *once = malloc(index->size);

	if (!once)
		abort();
	memcpy(once, index->data, index->size);
	if (patch(index) || memcmp(once, index->data, index->size))
		abort();
	free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gitindex index = { .mtime = 2000 };

	if (!size)
		return 0;
	index.hash_size = *data & IS_SHA256 ? 32 : 20;
	index.marks_4gib = *data & MARKS_4GIB;
	index.size = size - 1;
	index.data = malloc(size);
	if (!index.data)
		return 0;
	memcpy(index.data, data + 1, index.size);
	if (!(*data & KEEPS_HASH) && index.size >= index.hash_size)
		memset(index.data + index.size - index.hash_size, 0,
		       index.hash_size);
	if (!patch(&index))
		check(&index);
	gitindex_release(&index);
	return 0;
}
