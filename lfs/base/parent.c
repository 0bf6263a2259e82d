/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/parent.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of /proc/PID/stat; the second field is a name in parentheses. */
enum { STAT_SIZE = 1024, PARENT_FIELD = 4, BEGAN_FIELD = 22 };

static bool load(char stat[STAT_SIZE], int64_t pid)
{
	char path[40];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, stat, STAT_SIZE - 1);
		close(fd);
	}
	stat[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The name may hold anything, so it is counted from behind it. */
static uint64_t field(const char *stat, int number)
{
	const char *p = strrchr(stat, ')');

	for (int i = 2; p && i < number; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

void parent_find(struct parent *parent)
{
	char stat[STAT_SIZE];

	*parent = (struct parent){ .pid = getppid() };
	if (!load(stat, parent->pid))
		return;
	if (strstr(stat, " (sh) ")) {
		parent->pid = (int64_t)field(stat, PARENT_FIELD);
		if (!load(stat, parent->pid))
			return;
	}
	parent->began = field(stat, BEGAN_FIELD);
}
