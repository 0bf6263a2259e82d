/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/untaken.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/mem.h"

enum { LETTERS = 6 };	/* mkstemp's */

#define ANY_SIZE UINT64_MAX

bool untaken_is_name(const char *rest)
{
	return *rest == '.' && strlen(rest) == 1 + LETTERS &&
	       !strpbrk(rest + 1, "./");
}

/* Its descriptor if it is of that size and ours now, else -1. */
static int try_open(const char *path, uint64_t size)
{
	struct err ignored = ERR_INIT;
	int fd = file_open_own(path, O_RDWR, &ignored);
	struct file_id id;

	if (fd < 0)
		return -1;
	/* Between the look and the lock it may have been taken after all. */
	if (!file_identify(fd, path, &id, &ignored) &&
	    (size == ANY_SIZE || id.size == size) && !file_lock(fd, &ignored) &&
	    file_is_at(fd, path))
		return fd;
	close(fd);
	return -1;
}

int untaken_open(const char *dir, const char *stem, uint64_t size, char **path)
{
	DIR *names = opendir(dir);
	size_t len = strlen(stem);
	const struct dirent *entry;
	int fd = -1;

	while (names && (entry = readdir(names))) {
		if (strncmp(entry->d_name, stem, len) ||
		    !untaken_is_name(entry->d_name + len))
			continue;
		*path = xstrfmt("%s/%s", dir, entry->d_name);
		fd = try_open(*path, size);
		if (fd >= 0)
			break;
		free(*path);
		*path = NULL;
	}
	if (names)
		closedir(names);
	return fd;
}

void untaken_remove(const char *dir, const char *stem)
{
	bool removed = true;
	char *path;
	int fd;

	while (removed &&
	       (fd = untaken_open(dir, stem, ANY_SIZE, &path)) >= 0) {
		removed = !unlink(path);
		close(fd);
		free(path);
	}
}
