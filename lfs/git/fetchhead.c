/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/fetchhead.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"

enum {
	PATH_ROOM = 4096,
	LINE_ROOM = 8192	/* one that is longer has no URL for us */
};

/*
 * OID <tab> [not-for-merge] <tab> [KIND 'NAME' of ]URL.  No name of a ref has
 * a blank.
 */
char *fetchhead_parse(const char *text, size_t len)
{
	static const char of[] = "' of ";
	const char *end = memchr(text, '\n', len);
	char *line, *note, *url = NULL;

	if (!end)
		return NULL;
	line = xstrndup(text, (size_t)(end - text));
	note = strchr(line, '\t');
	if (note)
		note = strchr(note + 1, '\t');
	if (note) {
		char *name = strstr(++note, of);

		url = name ? name + strlen(of) : note;
	}
	url = url && *url && !strchr(url, '\t') ? xstrdup(url) : NULL;
	free(line);
	return url;
}

static char *path_of_it(void)
{
	const char *const argv[] = { "git", "rev-parse", "--git-path",
				     "FETCH_HEAD", NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(PATH_ROOM);
	struct err ignored = ERR_INIT;
	char *path = NULL;

	if (!child_run(&child, &text, NULL, &ignored) && text.len > 1)
		path = xstrndup(text.data, text.len - 1);
	buf_release(&text);
	return path;
}

char *fetchhead_url(void)
{
	char *path = path_of_it(), *url = NULL;
	char text[LINE_ROOM];
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (got > 0)
		url = fetchhead_parse(text, (size_t)got);
	if (fd >= 0)
		close(fd);
	free(path);
	return url;
}
