/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/remote/localpath.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/mem.h"

bool localpath_exists(const char *path)
{
	return !access(path, F_OK);
}

/* Append one name of a path, or go back by one. */
static char *append(char *out, const char *start, const char *name, size_t n)
{
	if (!n || (n == 1 && name[0] == '.'))
		return out;
	if (n == 2 && !memcmp(name, "..", 2)) {
		while (out > start && *--out != '/')
			;
		return out;
	}
	*out++ = '/';
	memcpy(out, name, n);
	return out + n;
}

/* By the names alone, as git-lfs does: links are not looked at. */
char *localpath_clean(const char *path)
{
	char *clean = xmalloc(strlen(path) + 2), *out = clean;

	while (*path) {
		size_t n = strcspn(path, "/");

		out = append(out, clean, path, n);
		path += n;
		path += *path == '/';
	}
	if (out == clean)
		*out++ = '/';
	*out = '\0';
	return clean;
}

static char *absolute(const char *path)
{
	char cwd[PATH_MAX], *joined, *clean;

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		return localpath_clean(path);
	joined = xstrfmt("%s/%s", cwd, path);
	clean = localpath_clean(joined);
	free(joined);
	return clean;
}

char *localpath_to_url(const char *path)
{
	char *top = absolute(path), *git, *url;
	size_t len = strlen(top);

	if (len > 5 && !strcmp(top + len - 5, "/.git"))
		top[len - 5] = '\0';
	git = xstrfmt("%s/.git", top);
	if (localpath_exists(git))
		url = xstrfmt("file://%s", git);
	else if (localpath_exists(top))
		url = xstrfmt("file://%s", top);
	else
		url = xstrdup(top);
	free(git);
	free(top);
	return url;
}
