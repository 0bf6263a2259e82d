/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/parent.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_MAX_SIZE = 1024,
	BEGAN_FIELD = 22	/* of /proc/PID/stat */
};

/* The second field is a name in parentheses, which may hold anything. */
static uint64_t began(const char *line)
{
	const char *field = strrchr(line, ')');

	for (int i = 2; field && i < BEGAN_FIELD; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field + 1, NULL, 10) : 0;
}

void parent_find(struct parent *parent)
{
	char path[40], line[LINE_MAX_SIZE];
	ssize_t n = -1;
	int fd;

	parent->pid = getppid();
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", parent->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, sizeof(line) - 1);
		close(fd);
	}
	line[n > 0 ? n : 0] = '\0';
	parent->began = began(line);
}
