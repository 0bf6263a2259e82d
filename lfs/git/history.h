/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_HISTORY_H
#define LFS_GIT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/pointer.h"

/*
 * Every LFS object that a git history points to.
 *
 * Nothing is checked out: git lists the small blobs that can be reached from
 * the refs, or those that commits put at certain paths.  The pointers among them
 * count, except those to no bytes: git-lfs asks no server for them.  The output
 * of git goes to unlinked files, so memory holds only the pointers.
 *
 * In a partial clone, all absent objects are fetched first, at once: git by
 * itself would fetch each blob alone.  That includes large blobs, since the size
 * of an absent blob is not known.
 */

struct history_request {
	const char *const *refs;	/* what `git rev-list` takes */
	size_t nrefs;
	bool all;	/* and all refs of the repository */
	bool tips_only;	/* the trees of the refs, without their history */
	bool ignores_missing;	/* a ref that is not there is none */
	/* Patterns as for `git lfs fetch`, separated by commas; or NULL. */
	const char *include;
	const char *exclude;
	/* Leave out what this remote's branches had when last seen; or NULL. */
	const char *beyond;
	const char *dir;	/* where the files are made for a moment */
	/* The repository's; NULL: it is taken for a whole clone. */
	const struct gitconfig *config;
	struct stop stop;
};

struct history {
	struct pointer *pointers;	/* owned; each oid once */
	size_t n;
};

/*
 * Find them, in the repository of the current directory.  ERR_USAGE if git
 * does not know a ref, ERR_LOCAL if it lacks a blob and cannot fetch it; its
 * messages go to stderr.
 */
int history_find(struct history *history, const struct history_request *request,
		 struct err *err);

/*
 * In a partial clone, fetch all absent objects in one go: before a push, for
 * which git's hooks would have each blob fetched alone.  The patterns are
 * ignored.
 */
int history_fetch(const struct history_request *request, struct err *err);

/*
 * Find the pointers that the indexes of all work trees name, at whatever path.
 * Only `dir`, `config` and `stop` of the request matter.
 */
int history_find_indexed(struct history *history,
			 const struct history_request *request,
			 struct err *err);

/*
 * In a partial clone, fetch in one go those blobs of the index that are absent
 * and that the file `ids` names, a hex id on each line.  Only `dir`, `config` and
 * `stop` of the request matter.
 */
int history_fetch_blobs(const struct history_request *request, int ids,
			struct err *err);

/*
 * Take the pointers from what `git cat-file --batch` prints, which may be cut
 * anywhere.  ERR_LOCAL if it is not of that form.
 */
int history_read(struct history *history, int fd, struct err *err);

void history_release(struct history *history);

/*
 * The path that an LFS object has in git, for messages: people know their
 * files by name, and git-lfs speaks of objects by their hash.
 */

struct history_path {
	const char *oid;
	uint64_t size;	/* of the object, in bytes */
	unsigned most_ms;	/* that git may take for all of it */
	struct stop stop;
};

/*
 * The first path found, in the repository of the current directory, as bytes
 * from the top of the work tree; the caller's.  NULL: none, or no time.
 *
 * Looks for the blob of the object's pointer in the trees of HEAD and
 * FETCH_HEAD, then in the history of all refs, newest first.  An object whose
 * pointer is not written as git-lfs writes it today is not found.
 */
char *history_find_path(const struct history_path *wanted);

#endif
