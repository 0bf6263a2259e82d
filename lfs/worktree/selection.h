/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_WORKTREE_SELECTION_H
#define LFS_WORKTREE_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/pointer.h"
#include "lfs/git/repo.h"

/*
 * The files of the current checkout that want their object.
 *
 * A file wants it if git's index has it as a regular file with the attribute
 * filter=lfs whose blob is a pointer, and if it is absent from the work tree, or
 * is still a pointer to the same object.  The shape of a pointer alone does not
 * suffice: without the attribute, git would commit the object's bytes.
 *
 * Left out are: files outside a sparse checkout, files in conflict, files whose
 * deletion is staged, and whatever a person put in a pointer's place.
 */

enum file_state {
	FILE_ABSENT,
	FILE_IS_POINTER,
	FILE_PLACED	/* by an earlier run, and git's index does not know it yet */
};

struct wanted_file {
	char *path;	/* owned; bytes, from the top of the work tree */
	struct pointer pointer;	/* no oid is special; a size of 0 needs no server */
	unsigned mode;	/* of the index: 0100644 or 0100755 */
	char blob[65];	/* the hex id of the pointer's blob in the index */
	enum file_state state;
	/*
	 * Only `git lfs checkout` can write it: it passes through extensions, git
	 * converts it (text, ident, working-tree-encoding), its pointer is not
	 * written as git-lfs writes one today, or its object has no bytes.
	 */
	bool is_git_lfss;
};

struct selection_request {
	const struct repo *repo;	/* with a work tree */
	const struct gitconfig *config;	/* the repository's */
	/* Patterns as for `git lfs pull`, separated by commas; NULL or "": all. */
	const char *include;
	const char *exclude;
	/* Pathspecs of git, relative to the current directory; none: all files. */
	const char *const *paths;
	size_t npaths;
	const char *dir;	/* where files are made for a moment */
	/*
	 * Asked about each file that is there and is no pointer to its object: is
	 * it as an earlier run placed it?  NULL: no file is.
	 */
	bool (*is_placed)(void *ctx, const struct wanted_file *file);
	void *ctx;
	struct stop stop;
};

struct selection {
	struct wanted_file *files;	/* owned, in the order of the index */
	size_t n;
	size_t ntracked;	/* LFS files looked at: `n`, and those not wanting */
};

#define SELECTION_INIT { .n = 0 }

/*
 * Find them; git's messages go to stderr.  ERR_USAGE if git tracks nothing that
 * one of the paths names; ERR_LOCAL if git fails, or if the repository lacks a
 * blob.
 * In a partial clone, absent pointers are fetched first, at once.
 *
 * Nothing is kept open: before a file is written, look at its path again.
 */
int selection_find(struct selection *selection,
		   const struct selection_request *request, struct err *err);

/* What git has printed, in files. */
struct selection_output {
	int entries;	/* git ls-files -z -t --stage */
	int attributes;	/* git check-attr -z: filter text ident working-tree-encoding */
	const char *top;	/* stands with a slash before each path in the latter */
};

/*
 * Add the files that have the attribute, as far as git's output says: path, mode,
 * blob, and whether git converts it.  ERR_LOCAL if the output is not of that form.
 */
int selection_read(struct selection *selection,
		   const struct selection_output *output, struct err *err);

void selection_release(struct selection *selection);

/*
 * Does git run git-lfs for files with filter=lfs (`git lfs install`)?  Otherwise
 * it would take an object's bytes for a change to commit.
 */
bool selection_has_filter(const struct gitconfig *config);

#endif
