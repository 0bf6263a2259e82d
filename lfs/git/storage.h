/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_STORAGE_H
#define LFS_GIT_STORAGE_H

#include <sys/types.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"

/*
 * The folders in which git-lfs keeps its objects, and we our unfinished ones:
 *
 *	<dir>/objects/aa/bb/OID		git-lfs's
 *	<dir>/multipart/		ours: partial files, journals, locks
 *	<dir>/multipart/unfinished-UID/	partial files and journals, if several
 *					users share the storage
 *
 * <dir> is lfs.storage, absolute or relative to the common git directory; by
 * default `lfs` there.  So all worktrees share it.
 */

struct storage {
	char *dir;		/* owned, absolute */
	char *multipart_dir;	/* owned */
	char *user_dir;	/* owned: this user's in it */
	mode_t object_mode;	/* what git-lfs gives a finished object */
	mode_t dir_mode;	/* of multipart_dir */
	mode_t umask;	/* of this process */
};

#define STORAGE_INIT { .dir = NULL }

/*
 * Find it for a repository; ERR_USAGE outside any, unless lfs.storage is
 * absolute.  Looks at the umask: before the first thread.
 */
int storage_load(struct storage *storage, const struct repo *repo,
		 const struct gitconfig *config, struct err *err);

/*
 * Make multipart_dir if it is not there, and user_dir if others can enter the
 * first.
 */
int storage_make_dir(const struct storage *storage, struct err *err);

/*
 * The folder for files of this user alone, borrowed: user_dir if it exists,
 * otherwise multipart_dir, which then is this user's alone, or has no file that
 * file_open_own() would open.
 */
const char *storage_own_dir(const struct storage *storage);

/* The path of an object whose oid has been checked; the caller's. */
char *storage_object_path(const struct storage *storage, const char *oid);

void storage_release(struct storage *storage);

#endif
