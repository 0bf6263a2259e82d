/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

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

char *storage_object_path(const struct storage *storage, const char *oid)
{
	return xstrfmt("%s/objects/%.2s/%.2s/%s", storage->dir, oid, oid + 2,
		       oid);
}

void storage_release(struct storage *storage)
{
	free(storage->dir);
	free(storage->multipart_dir);
	free(storage->user_dir);
	*storage = (struct storage)STORAGE_INIT;
}
