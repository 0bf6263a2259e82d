/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_GITFILES_H
#define LFS_GIT_GITFILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/pointer.h"

/*
 * Steps of git from file to file: what one prints, the next reads.  The files
 * have no names, so memory holds none of it, and nothing is left of them.
 */

/* Open `n` files in `dir`.  -1: none is open. */
int gitfiles_open(int *fds, size_t n, const char *dir, struct err *err);

void gitfiles_close(const int *fds, size_t n);

/*
 * Run git with the file `in` as its stdin, -1 for none, and its output in `out`,
 * which is emptied first.  Its messages go to stderr.
 */
int gitfiles_run(const char *const *argv, int in, int out,
		 const struct stop *stop, struct err *err);

/* The file as a stream of its own from the beginning; NULL if that fails. */
FILE *gitfiles_stream(int fd, const char *mode);

/*
 * Go through the lines of `in`; `keep` writes to the stream of `out`, which is
 * emptied first, what git is to read next.  Ends with the first -1 of `keep`.
 */
int gitfiles_sift(int in, int out,
		  int (*keep)(char *line, FILE *to, void *ctx, struct err *err),
		  void *ctx, struct err *err);

/* Blobs of a pointer's size, in three steps. */
struct gitfiles_blobs {
	int ids;	/* the file of the ids, a line each */
	int sizes;	/* files for the steps */
	int small;
	int texts;
	struct stop stop;
};

/*
 * Print the blobs among these ids that have the size of a pointer into `texts`,
 * in the order of the ids; other objects are passed over.  ERR_LOCAL, too, if the
 * repository lacks one of the objects.
 */
int gitfiles_print_blobs(const struct gitfiles_blobs *blobs, struct err *err);

/* A blob as git printed it; valid during the call. */
struct gitfiles_blob {
	const char *id;	/* in hex */
	const char *text;
	size_t len;
};

/*
 * Give each blob that `git cat-file --batch` has printed to `take`, which ends it
 * with -1.  ERR_LOCAL if the output is not of that form.
 */
int gitfiles_read_blobs(int fd,
			int (*take)(const struct gitfiles_blob *blob, void *ctx,
				    struct err *err),
			void *ctx, struct err *err);

#endif
