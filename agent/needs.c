/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* realpath() */
#include "agent/needs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"

#define PROGRAM "git-lfs-multipart"

enum {
	GIT_MAJOR = 2,	/* the first with `config --show-origin` */
	GIT_MINOR = 8,
	OUTPUT_MAX = 64 << 10
};

/*
 * The first line that a git command prints; NULL if it fails.  `aloud`: the
 * user gets to see what it says of that.
 */
static char *ask_git(const char *const *argv, bool aloud, struct err *err)
{
	struct child child = { .argv = argv, .keep_stderr = aloud };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	char *line = NULL;
	int status;

	if (!child_run(&child, &text, &status, err) && !status)
		line = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
	buf_release(&text);
	return line;
}

int needs_git(struct err *err)
{
	const char *const argv[] = { "git", "version", NULL };
	char *line = ask_git(argv, false, err), *end;
	const char *number;
	unsigned long major = 0, minor = 0;

	if (!line)
		return err_set(err, ERR_LOCAL, "'git version' fails");
	number = line + strcspn(line, "0123456789");
	major = strtoul(number, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	if (major < GIT_MAJOR || (major == GIT_MAJOR && minor < GIT_MINOR))
		err_set(err, ERR_LOCAL,
			"'%s' is too old; version %d.%d or later is needed",
			line, GIT_MAJOR, GIT_MINOR);
	free(line);
	return err->kind ? -1 : 0;
}

int needs_git_lfs(struct err *err)
{
	const char *const argv[] = { "git", "lfs", "version", NULL };
	char *line = ask_git(argv, true, err);

	if (!line)
		return err_set(err, ERR_LOCAL,
			       "'git lfs version' fails: is git-lfs "
			       "installed?");
	free(line);
	return 0;
}

int needs_scope(const struct scope *scope, const char *place, struct err *err)
{
	const char *const argv[] = { "git",	  "-C",	       scope->dir,
				     "rev-parse", "--git-dir", NULL };
	char *line;

	if (strcmp(scope->option, "--local"))
		return 0;
	line = ask_git(argv, true, err);
	if (!line)
		return err_set(err, ERR_USAGE,
			       "'%s' is not inside a git repository; name one, "
			       "or use --global",
			       place);
	free(line);
	return 0;
}

char *needs_program_path(struct err *err)
{
	const char *path = getenv("PATH");
	struct stat self, st;
	bool has_self = !stat("/proc/self/exe", &self);
	char *name;

	while (path && *path) {
		size_t len = strcspn(path, ":");

		name = xstrfmt("%.*s/" PROGRAM, (int)len, path);
		if (*name == '/' && !stat(name, &st) && S_ISREG(st.st_mode) &&
		    (!has_self ||
		     (st.st_dev == self.st_dev && st.st_ino == self.st_ino)))
			return name;
		free(name);
		path += len + (path[len] == ':');
	}
	name = realpath("/proc/self/exe", NULL);
	if (!name)
		err_set(err, ERR_LOCAL,
			"cannot tell the path of this program; put it in a "
			"directory on PATH");
	return name;
}
