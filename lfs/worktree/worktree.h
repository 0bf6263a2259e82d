/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_WORKTREE_WORKTREE_H
#define LFS_WORKTREE_WORKTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/repo.h"
#include "lfs/git/storage.h"
#include "lfs/worktree/selection.h"

/*
 * Puts objects in the place of their pointers in the work tree, and tells git's
 * index about it, so that `git status` is clean at once and runs no filter.
 *
 *	worktree = worktree_open(&options, &err);	before the selection
 *	selection_find(...);	with worktree_has_placed() as its is_placed()
 *	for each object that has come, for each file that wants it:
 *		worktree_place(worktree, file, its_object, false, &err);
 *	every few seconds, and at the end:
 *		worktree_tell_git(worktree, &err);
 *	worktree_close(worktree);
 *
 * All calls come from one thread at a time, which may be another than the one
 * that opened it.  The process must not end while one is at work: git's index
 * would stay locked.  `stop` ends a long copy and the wait for git's index.
 *
 * A kill at any instruction leaves each file as it was or whole.  What was placed
 * and not told is in a journal (placed.h), and the next worktree_open() tells git
 * about it; it also removes a temporary file that was left.
 */

struct worktree;

struct worktree_options {
	const struct repo *repo;	/* with a work tree; borrowed */
	const struct storage *storage;	/* borrowed */
	/*
	 * The object store has each object that is placed, so nothing is synced.
	 * Otherwise each file is synced before it gets its name.
	 */
	bool keeps_objects;
	/* The filter that git is told to run; NULL: this program. */
	const char *program;
	struct stop stop;
};

/*
 * Begin to place files in the work tree of the current directory, and tell git
 * what an earlier run has placed.  If git cannot be told, that is no error: it is
 * tried again with the next group.
 *
 * NULL with ERR_BUSY if another process places files in this work tree.  Until
 * worktree_close(), do not call unfinished_load() or unfinished_tidy(): looking
 * at the journal would unlock it.
 */
struct worktree *worktree_open(const struct worktree_options *options,
			       struct err *err);

/*
 * Put the object that is in the file `from` in the file's place.  The bytes are
 * those of file->pointer; only their number is checked.
 *
 * The two share their blocks where the file system can.  With `may_move`, `from`
 * is not needed any more: it is renamed into the place if it can be, and is gone
 * after a success.  So where nothing is kept in the store, place all files of an
 * object but the last without, and the last with `may_move`.
 *
 * The new file has the mode of the pointer file, or if that is absent, the mode
 * of the index and the umask.  Missing folders are made as git makes them.
 *
 * ERR_BUSY: a person has changed the file, or made one, since it was selected; it
 * is left alone.  ERR_LOCAL: a link or a file stands where a folder should be, or
 * a system call failed; the code is ENOSPC or EDQUOT if the disk is full.
 * ERR_CANCELED: `stop`.  All messages name the path.
 */
int worktree_place(struct worktree *worktree, const struct wanted_file *file,
		   const char *from, bool may_move, struct err *err);

/*
 * Tell git's index about all files that were placed since the last call.  A file
 * that is no longer what was placed, or whose entry in the index has changed, is
 * left to the person.  Waits up to 10 s for another process that has locked the
 * index.
 *
 * On failure git is told with the next call, or by the next run; until then
 * `git status` shows these files as modified.
 */
int worktree_tell_git(struct worktree *worktree, struct err *err);

/* How many files were placed that git has not been told of. */
size_t worktree_untold(const struct worktree *worktree);

/*
 * For selection.h, with a `struct worktree *` as its context: is the file as an
 * earlier run placed it, and git not told yet?
 */
bool worktree_has_placed(void *worktree, const struct wanted_file *file);

/*
 * Ends it; the journal stays if git was not told of all.  NULL is fine.
 */
void worktree_close(struct worktree *worktree);

#endif
