/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_STORAGE_H
#define LFS_GIT_STORAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/pointer.h"
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
	/* Objects of others that may be used: storage_add_alternates(). */
	char **alternates;	/* owned, ends with NULL; or NULL */
};

#define STORAGE_INIT { .dir = NULL }

/*
 * Find it for a repository; ERR_USAGE outside any, unless lfs.storage is
 * absolute.  Looks at the umask: before the first thread.
 */
int storage_load(struct storage *storage, const struct repo *repo,
		 const struct gitconfig *config, struct err *err);

/* The same of another repository, such as a remote that is a path. */
int storage_load_other(struct storage *storage, const char *dir,
		       struct err *err);

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

/*
 * Has the storage an object of that size, so that git-lfs takes it for this one?
 * git-lfs never stores one of no bytes.
 */
bool storage_has(const struct storage *storage, const struct pointer *pointer);

/*
 * Give the file at `path`, which is in the storage, the place of an object.  It
 * has its mode, and its bytes are right.
 */
int storage_put(const struct storage *storage, const char *oid,
		const char *path, struct err *err);

/*
 * A path for a file that is on its way to an object's place, which nobody has:
 * OID.XXXXXX in storage_own_dir().  The caller's.  The name is not taken: where
 * mkstemp() would make a file, the rename would replace it, and ext4 sends what
 * replaces another file to the disk at once.
 */
char *storage_unused_path(const struct storage *storage, const char *oid);

/*
 * Find the storages of the repositories from which this one borrows objects, as
 * after `git clone --reference`: those in objects/info/alternates and
 * GIT_ALTERNATE_OBJECT_DIRECTORIES, as git-lfs does (fs/fs.go).
 */
void storage_add_alternates(struct storage *storage, const struct repo *repo);

/* The path of an object in one of these; the caller's, or NULL. */
char *storage_find_alternate(const struct storage *storage,
			     const struct pointer *pointer);

void storage_release(struct storage *storage);

#endif
