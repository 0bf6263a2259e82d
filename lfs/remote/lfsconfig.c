/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/remote/lfsconfig.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"

enum {
	LFSCONFIG_MAX = 1 << 20,
	MERGED_MAX = 32 << 20,
	PATH_ROOM = 64 << 10
};

/* git-lfs's list, and the two that choose between the user's own remotes. */
static const char *const safe_keys[] = {
	"lfs.allowincompletepush", "lfs.fetchexclude", "lfs.fetchinclude",
	"lfs.gitprotocol",	   "lfs.locksverify",  "lfs.pushurl",
	"lfs.skipdownloaderrors",  "lfs.url",	       "remote.lfsdefault",
	"remote.lfspushdefault",
};

/*
 * git-lfs lets more of remote.* through where the name of the remote has a
 * dot, by accident.
 */
bool lfsconfig_is_safe(const struct gitconfig_entry *entry)
{
	const char *sub;

	for (size_t i = 0; i < sizeof(safe_keys) / sizeof(safe_keys[0]); i++)
		if (!strcasecmp(entry->key, safe_keys[i]))
			return true;
	return gitconfig_subsection(entry, "lfs", "access", &sub) > 0 ||
	       gitconfig_subsection(entry, "remote", "lfsurl", &sub) > 0;
}

static int add(struct buf *text, const struct gitconfig_entry *entry)
{
	return buf_puts(text, entry->key) || buf_puts(text, "\n") ||
	       buf_add(text, entry->value, strlen(entry->value) + 1);
}

/* The last value counts, so git's own come last. */
struct gitconfig *lfsconfig_merge(const struct gitconfig *git,
				  const struct gitconfig *file, struct err *err)
{
	const struct gitconfig_entry *entry;
	struct buf text = BUF_INIT(MERGED_MAX);
	struct gitconfig *merged = NULL;
	size_t pos = 0;
	int ret = 0;

	while (file && (entry = gitconfig_each(file, &pos)))
		if (lfsconfig_is_safe(entry))
			ret |= add(&text, entry);
	for (pos = 0; (entry = gitconfig_each(git, &pos));)
		ret |= add(&text, entry);
	if (ret)
		err_set(err, ERR_USAGE, "the git config is too long");
	else
		merged = gitconfig_parse(buf_str(&text), text.len, err);
	buf_release(&text);
	return merged;
}

/* The top of the work tree; NULL without an error in a bare repository. */
static char *find_top(struct err *err)
{
	const char *const argv[] = { "git", "rev-parse", "--show-toplevel",
				     NULL };
	struct child child = { .argv = argv, .watch_fd = -1 };
	struct buf text = BUF_INIT(PATH_ROOM);
	char *top = NULL;
	int status;

	if (!child_run(&child, &text, &status, err) && !status && text.len > 1)
		top = xstrndup(text.data, text.len - 1);
	buf_release(&text);
	return top;
}

/* Returns 1 if git could list it, 0 if not. */
static int list(const char *option, const char *name, struct buf *text,
		struct err *err)
{
	const char *const argv[] = { "git",  "config", "-z", "--list",
				     option, name,     NULL };
	struct child child = { .argv = argv, .watch_fd = -1 };
	int status;

	if (child_run(&child, text, &status, err))
		return -1;
	if (status)
		buf_reset(text);
	return !status;
}

static int list_file(const char *path, struct buf *text, struct err *err)
{
	int ret = list("--file", path, text, err);

	if (ret)
		return ret;
	return err_set(err, ERR_USAGE,
		       "cannot read .lfsconfig; 'git config --file .lfsconfig "
		       "--list' says why");
}

static int list_any(struct buf *text, struct err *err)
{
	char *top = find_top(err), *path;
	int ret = 0;

	if (err->kind)
		return -1;
	if (top) {
		path = xstrfmt("%s/.lfsconfig", top);
		if (!access(path, F_OK))
			ret = list_file(path, text, err);
		else
			ret = list("--blob", ":.lfsconfig", text, err);
		free(path);
		free(top);
	}
	return ret ? ret : list("--blob", "HEAD:.lfsconfig", text, err);
}

struct gitconfig *lfsconfig_load(const struct gitconfig *git, struct err *err)
{
	struct buf text = BUF_INIT(LFSCONFIG_MAX);
	struct gitconfig *file = NULL, *merged = NULL;
	int ret = list_any(&text, err);

	if (ret > 0)
		file = gitconfig_parse(buf_str(&text), text.len, err);
	if (ret == 0 || file)
		merged = lfsconfig_merge(git, file, err);
	gitconfig_free(file);
	buf_release(&text);
	return merged;
}
