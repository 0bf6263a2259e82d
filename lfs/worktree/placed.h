/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_WORKTREE_PLACED_H
#define LFS_WORKTREE_PLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lfs/base/err.h"
#include "lfs/base/journal.h"
#include "lfs/git/pointer.h"
#include "lfs/git/storage.h"

/*
 * The journal of the files that were placed in a work tree and of which git's
 * index does not know yet:
 *
 *	<storage>/multipart/placed-KEY.journal
 *	<storage>/multipart/placed-KEY.temp	a file before it gets its place
 *
 * KEY stands for the path of the work tree, since several share a storage.  The
 * process that places files there has the journal locked (lfs/base/journal.h).
 *
 * Each file is noted twice: before it gets its name, by what a rename does not
 * change, and after that with its new ctime.  A file that matches its note in all
 * is what was placed; whatever the journal does not name is a person's.
 *
 * A temporary file that cannot be beside the journal, as that is on another file
 * system, is beside its place: its name is noted, and the note synced, first.
 */

/* What tells a file from any other, and from what it will be after a change. */
struct placed_id {
	uint64_t dev;
	uint64_t inode;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;	/* 0: noted before the rename, so any will do */
};

struct placed_file {
	char *path;	/* owned; from the top of the work tree */
	struct pointer pointer;
	char blob[65];	/* its blob in the index when it was placed */
	struct placed_id id;
};

/*
 * What a journal says.  If the machine has booted since, the bytes of a file may
 * have been lost though its name and size were not.
 */
struct placed {
	char *top;	/* owned: the work tree; NULL: the journal says nothing */
	bool is_of_this_boot;
	struct placed_file *files;	/* owned; in order of their paths */
	size_t n;
	char **temps;	/* owned: paths of temporary files, from the top */
	size_t ntemps;
	/* owned, or NULL: the lock of git's index that this run has taken */
	char *lock;
	struct placed_id lock_id;
};

#define PLACED_INIT { .top = NULL }

/* The journal's path for the work tree `top`; the caller's. */
char *placed_journal_path(const struct storage *storage, const char *top);

/* The path of the temporary file that belongs to a journal; the caller's. */
char *placed_temp_path(const char *journal);

/* Is it the name of such a journal, without its folder? */
bool placed_is_journal(const char *name);

/*
 * Read the journal without a lock; `*in_use` says whether another process has it
 * locked.  A journal that is not there is an error.
 */
int placed_load(struct placed *placed, const char *journal, bool *in_use,
		struct err *err);

/* Add a file, whose path is taken over. */
void placed_add(struct placed *placed, const struct placed_file *file);

/* Put them in order after placed_add(); of two of a path the last one stays. */
void placed_sort(struct placed *placed);

/* The file of that path, borrowed; NULL: none.  They must be in order. */
const struct placed_file *placed_find(const struct placed *placed,
				      const char *path);

void placed_release(struct placed *placed);

/*
 * Remove a journal, and the temporary files that it names; ERR_BUSY if it is in
 * use.  Git is not told of the files: they stay, and look changed to git until its
 * filter has read them.
 */
int placed_remove(const char *journal, struct err *err);

/* What identifies a file with this stat. */
struct placed_id placed_identify(const struct stat *st);

/* Is the file with this stat the one noted, unchanged? */
bool placed_is_same(const struct placed_id *noted, const struct stat *st);

/*
 * For the process that places files.
 */

/*
 * Open and lock the journal of the work tree `top`, made if it is not there, and
 * read which files an earlier run has left; its temporary files are removed, and
 * the lock of git's index.  NULL with ERR_BUSY if another process has the journal.
 */
struct journal *placed_open(const char *path, const char *top,
			    struct placed *left, struct err *err);

/*
 * Note a temporary file beside its place, and wait until the note is on the disk.
 */
int placed_note_temp(struct journal *journal, const char *path,
		     struct err *err);

/* Note a file: before its rename with a ctime of 0, and then with the right one. */
void placed_note(struct journal *journal, const struct placed_file *file);

/* Note that this run has locked git's index by the file `path`. */
void placed_note_lock(struct journal *journal, const char *path,
		      const struct placed_id *id);

/*
 * Git was told of all: begin anew.  Names of temporary files are forgotten, too:
 * there is none at that time.
 */
void placed_clear(struct journal *journal, const char *top);

#endif
