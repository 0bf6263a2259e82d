/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/scope.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

enum {
	OUTPUT_MAX = 1 << 20,
	NOTHING_TO_UNSET = 5	/* git config's exit status */
};

struct gitconfig *scope_load(const struct scope *scope, struct err *err)
{
	const char *const argv[] = { "git",	    "-C", scope->dir, "config",
				     scope->option, "-z", "--list",   NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	struct gitconfig *config = NULL;
	int status;

	/* git fails if there is no such file, which is as good as empty. */
	if (!child_run(&child, &text, &status, err))
		config = gitconfig_parse(buf_str(&text), status ? 0 : text.len,
					 err);
	buf_release(&text);
	return config;
}

/* How people call the file. */
static char *name_of(const struct scope *scope)
{
	static const char file[] = "--file=";

	if (!strncmp(scope->option, file, strlen(file)))
		return xstrdup(scope->option + strlen(file));
	return xstrfmt("the git config (%s)", scope->option);
}

/* Run git and return its exit status, or -1. */
static int change(const char *const *argv, struct err *err)
{
	struct child child = { .argv = argv, .keep_stderr = true };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	int status = -1;

	if (child_run(&child, &text, &status, err))
		status = -1;
	buf_release(&text);
	return status;
}

int scope_set(const struct scope *scope, const char *key, const char *value,
	      struct err *err)
{
	const char *const argv[] = { "git",    "-C",	      scope->dir,
				     "config", scope->option, "--replace-all",
				     key,      value,	      NULL };
	char shown[URL_DISPLAY_MAX], *name;

	if (!change(argv, err))
		return 0;
	name = name_of(scope);
	err_set(err, ERR_LOCAL, "cannot write '%s' to %s",
		url_display_any(key, shown, sizeof(shown)), name);
	free(name);
	return -1;
}

int scope_unset(const struct scope *scope, const char *key, struct err *err)
{
	const char *const argv[] = { "git",    "-C",	      scope->dir,
				     "config", scope->option, "--unset-all",
				     key,      NULL };
	int status = change(argv, err);
	char shown[URL_DISPLAY_MAX], *name;

	if (!status || status == NOTHING_TO_UNSET)
		return 0;
	name = name_of(scope);
	err_set(err, ERR_LOCAL, "cannot remove '%s' from %s",
		url_display_any(key, shown, sizeof(shown)), name);
	free(name);
	return -1;
}

char *scope_origin(const struct scope *scope, const char *key)
{
	const char *const argv[] = {
		"git",		 "-C",	  scope->dir, "config",
		"--show-origin", "--get", key,	      NULL
	};
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	struct err ignored = ERR_INIT;
	char *origin;

	if (child_run(&child, &text, NULL, &ignored))
		origin = xstrdup("another file");
	else
		origin = xstrndup(buf_str(&text),
				  strcspn(buf_str(&text), "\t\n"));
	buf_release(&text);
	return origin;
}
