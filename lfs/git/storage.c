/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

enum { ALTERNATES_MAX = 1 << 20 };

/* The mode of files, as git reads it; 0: as the umask says. */
static mode_t shared_mode(const struct gitconfig_entry *shared)
{
	static const char *const all[] = { "all", "world", "everybody", "2",
					   NULL };
	unsigned long number;
	char *end;

	if (!shared || !strcasecmp(shared->value, "umask"))
		return 0;
	if (!strcasecmp(shared->value, "group") || !strcmp(shared->value, "1"))
		return 0660;
	if (text_is_any(shared->value, all))
		return 0664;
	number = strtoul(shared->value, &end, 8);
	if (*end)
		return gitconfig_bool(shared, false) ? 0660 : 0;
	/* git dies of these, git-lfs falls back on the umask. */
	if (number > 0777 || (number & 0600) != 0600)
		return 0;
	return (mode_t)number & 0666;
}

static void set_modes(struct storage *storage,
		      const struct gitconfig_entry *shared)
{
	mode_t mode = shared_mode(shared);

	storage->umask = umask(0);
	umask(storage->umask);
	if (!mode) {
		storage->object_mode = 0666 & ~storage->umask;
		storage->dir_mode = 0700;
		return;
	}
	storage->object_mode = mode;
	/* As with git, users who may read a file may enter its directory. */
	storage->dir_mode = 0700 | mode | (mode & 0444) >> 2;
	if (mode & 060)
		storage->dir_mode |= S_ISGID;
}

int storage_load(struct storage *storage, const struct repo *repo,
		 const struct gitconfig *config, struct err *err)
{
	const char *name = gitconfig_get(config, "lfs.storage");

	*storage = (struct storage)STORAGE_INIT;
	if (!name || !*name)
		name = "lfs";
	if (*name == '/')
		storage->dir = xstrdup(name);
	else if (repo->common)
		storage->dir = xstrfmt("%s/%s", repo->common, name);
	else
		return err_set(err, ERR_USAGE,
			       "this is not a git repository "
			       "(git status says why)");
	storage->multipart_dir = xstrfmt("%s/multipart", storage->dir);
	storage->user_dir = xstrfmt("%s/unfinished-%lu", storage->multipart_dir,
				    (unsigned long)geteuid());
	set_modes(storage, gitconfig_find(config, "core.sharedRepository"));
	return 0;
}

/* The git directory of all worktrees of the repository in `dir`; the caller's. */
static char *find_common(const char *dir, struct err *err)
{
	const char *const argv[] = {
		"git", "-C", dir, "rev-parse", "--git-common-dir", NULL
	};
	struct child child = { .argv = argv, .keep_stderr = true };
	char *line = child_line(&child, NULL, err), *common = NULL;

	if (line && *line == '/')
		common = xstrdup(line);
	else if (line)
		common = xstrfmt("%s%s%s", dir, strcmp(line, ".") ? "/" : "",
				 strcmp(line, ".") ? line : "");
	free(line);
	return common;
}

int storage_load_other(struct storage *storage, const char *dir,
		       struct err *err)
{
	struct repo repo = { .common = find_common(dir, err) };
	struct gitconfig *config = NULL;
	int ret = -1;

	*storage = (struct storage)STORAGE_INIT;
	if (repo.common)
		config = gitconfig_load(dir, err);
	if (config)
		ret = storage_load(storage, &repo, config, err);
	gitconfig_free(config);
	repo_release(&repo);
	return ret;
}

int storage_make_dir(const struct storage *storage, struct err *err)
{
	const char *dir = storage->multipart_dir;
	struct stat st;

	if (stat(dir, &st) && file_make_dir(dir, storage->dir_mode, err))
		return -1;
	/* user_dir first: the check of a shared folder makes a file in it. */
	if (!file_is_own_dir(storage->user_dir) && !file_is_own_dir(dir) &&
	    mkdir(storage->user_dir, 0700) && errno != EEXIST)
		log_info("cannot make '%s'", storage->user_dir);
	return 0;
}

const char *storage_own_dir(const struct storage *storage)
{
	return file_is_own_dir(storage->user_dir) ? storage->user_dir :
						    storage->multipart_dir;
}

static char *object_path(const char *dir, const char *oid)
{
	return xstrfmt("%s/objects/%.2s/%.2s/%s", dir, oid, oid + 2, oid);
}

char *storage_object_path(const struct storage *storage, const char *oid)
{
	return object_path(storage->dir, oid);
}

static bool is_object(const char *path, uint64_t size)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

char *storage_unused_path(const struct storage *storage, const char *oid)
{
	char *path = NULL;

	do {
		free(path);
		path = xstrfmt("%s/%s.%06" PRIx32, storage_own_dir(storage),
			       oid, clock_random() & 0xffffff);
	} while (!access(path, F_OK));
	return path;
}

bool storage_has(const struct storage *storage, const struct pointer *pointer)
{
	char *path = storage_object_path(storage, pointer->oid);
	bool has = is_object(path, pointer->size);

	free(path);
	return has;
}

/* Folders of objects are for those for whom the objects are. */
static mode_t object_dir_mode(const struct storage *storage)
{
	mode_t mode = storage->object_mode;

	return storage->dir_mode | mode | (mode & 0444) >> 2;
}

int storage_put(const struct storage *storage, const char *oid,
		const char *path, struct err *err)
{
	char *place = storage_object_path(storage, oid);
	mode_t mode = object_dir_mode(storage);
	int ret = rename(path, place);

	/* Made one by one, as each needs the mode. */
	for (unsigned up = 2; ret && errno == ENOENT && up--;) {
		char *dir = xstrdup(place);

		for (unsigned i = 0; i <= up; i++)
			*strrchr(dir, '/') = '\0';
		ret = file_make_dir(dir, mode, err);
		free(dir);
		if (ret)
			goto out;
		ret = rename(path, place);
	}
	if (ret)
		err_sys(err, errno, "cannot rename '%s' to '%s'", path, place);
out:
	free(place);
	return ret;
}

/* From .../objects, which need not be absolute, to the storage beside it. */
static void add_alternate(struct storage *storage, const char *base,
			  const char *text, size_t len)
{
	char *objects = xstrfmt("%s%s%.*s", *text == '/' ? "" : base,
				*text == '/' ? "" : "/", (int)len, text);
	size_t n = 0;

	while (storage->alternates && storage->alternates[n])
		n++;
	storage->alternates = xreallocarray(storage->alternates, n + 2,
					    sizeof(char *));
	storage->alternates[n] = xstrfmt("%s/../lfs", objects);
	storage->alternates[n + 1] = NULL;
	free(objects);
}

/* A folder a line; empty lines and those that begin with # are none. */
static void add_listed(struct storage *storage, const char *base,
		       const char *text, size_t len)
{
	const char *end = text + len, *next;

	for (; text < end; text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (!next)
			next = end;
		if (next > text && *text != '#')
			add_alternate(storage, base, text,
				      (size_t)(next - text));
	}
}

static void read_list(struct storage *storage, const char *base)
{
	char *path = xstrfmt("%s/info/alternates", base), *text = NULL;
	struct err ignored = ERR_INIT;
	struct file_id id;
	int fd = -1;

	if (!access(path, F_OK))
		fd = file_open(path, &id, &ignored);
	if (fd >= 0 && id.size <= ALTERNATES_MAX) {
		text = xmalloc((size_t)id.size + 1);
		if (!file_read_at(fd, text, (size_t)id.size, 0, &ignored))
			add_listed(storage, base, text, (size_t)id.size);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	free(path);
}

void storage_add_alternates(struct storage *storage, const struct repo *repo)
{
	const char *named = getenv("GIT_ALTERNATE_OBJECT_DIRECTORIES");
	char *base = xstrfmt("%s/objects", repo->common);
	size_t len;

	for (; named && *named; named += len + (named[len] == ':')) {
		len = strcspn(named, ":");
		if (len)
			add_alternate(storage, ".", named, len);
	}
	read_list(storage, base);
	free(base);
}

char *storage_find_alternate(const struct storage *storage,
			     const struct pointer *pointer)
{
	for (char **dir = storage->alternates; dir && *dir; dir++) {
		char *path = object_path(*dir, pointer->oid);

		if (is_object(path, pointer->size))
			return path;
		free(path);
	}
	return NULL;
}

void storage_release(struct storage *storage)
{
	free(storage->dir);
	free(storage->multipart_dir);
	free(storage->user_dir);
	for (char **dir = storage->alternates; dir && *dir; dir++)
		free(*dir);
	free(storage->alternates);
	*storage = (struct storage)STORAGE_INIT;
}
