/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/lfsconfig.h"

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
	LINES_MAX = 4 << 10
};

#define NAME ".lfsconfig"

/* git-lfs's list.  It said so of more before 3.8, as an accident. */
static const char *const safe_keys[] = {
	"lfs.allowincompletepush", "lfs.fetchexclude", "lfs.fetchinclude",
	"lfs.gitprotocol",	   "lfs.locksverify",  "lfs.pushurl",
	"lfs.skipdownloaderrors",  "lfs.url",
};

bool lfsconfig_is_safe(const struct gitconfig_entry *entry)
{
	for (size_t i = 0; i < sizeof(safe_keys) / sizeof(safe_keys[0]); i++)
		if (!strcasecmp(entry->key, safe_keys[i]))
			return true;
	return entry->sub && *entry->sub &&
	       (gitconfig_is(entry, "lfs", "access") ||
		gitconfig_is(entry, "remote", "lfsurl"));
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

/* Returns 1 if git could list it, 0 if not. */
static int list(const char *option, const char *name, struct buf *text,
		struct err *err)
{
	const char *const argv[] = { "git",  "config", "-z", "--list",
				     option, name,     NULL };
	struct child child = { .argv = argv };
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

/* Which of these objects are there, a line for each: one child for both. */
static int find_blobs(const char *names, struct buf *lines, struct err *err)
{
	const char *const argv[] = { "git", "cat-file", "--batch-check", NULL };
	struct child child = { .argv = argv, .input = names };
	int status;

	return child_run(&child, lines, &status, err);
}

/* The first of them that is a config. */
static int list_blobs(const char *names, struct buf *text, struct err *err)
{
	struct buf lines = BUF_INIT(LINES_MAX);
	char *line, *rest = NULL;
	int ret = find_blobs(names, &lines, err);

	line = !lines.len ? NULL : strtok_r(lines.data, "\n", &rest);
	for (; line && !ret; line = strtok_r(NULL, "\n", &rest)) {
		char *type = strchr(line, ' ');

		if (!type || strncmp(type, " blob ", 6))
			continue;
		*type = '\0';
		ret = list("--blob", line, text, err);
	}
	buf_release(&lines);
	return ret;
}

static int list_any(const char *top, struct buf *text, struct err *err)
{
	char *path;
	int ret;

	if (!top)
		return list_blobs("HEAD:" NAME "\n", text, err);
	path = xstrfmt("%s/" NAME, top);
	if (access(path, F_OK))
		ret = list_blobs(":" NAME "\nHEAD:" NAME "\n", text, err);
	else
		ret = list_file(path, text, err);
	free(path);
	return ret;
}

struct gitconfig *lfsconfig_load(const struct gitconfig *git,
				 const struct repo *repo, struct err *err)
{
	struct buf text = BUF_INIT(LFSCONFIG_MAX);
	struct gitconfig *file = NULL, *merged = NULL;
	int ret = list_any(repo->top, &text, err);

	if (ret > 0)
		file = gitconfig_parse(buf_str(&text), text.len, err);
	if (ret == 0 || file)
		merged = lfsconfig_merge(git, file, err);
	gitconfig_free(file);
	buf_release(&text);
	return merged;
}
