/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_POINTER_H
#define LFS_GIT_POINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * The text that stands in a git history for an object of Git LFS
 * (git-lfs's docs/spec.md, "The Pointer"):
 *
 *	version https://git-lfs.github.com/spec/v1
 *	oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
 *	size 12345
 */

enum {
	POINTER_MIN = 64 + 7,	/* bytes of no pointer are fewer */
	POINTER_MAX = 1023,	/* nor more */
	POINTER_OID = 64
};

struct pointer {
	char oid[POINTER_OID + 1];	/* lower case */
	uint64_t size;	/* of the object, in bytes */
};

/*
 * Is this blob a pointer?  It is if it is for git-lfs, with the same oid and
 * size: the three keys each once and in their order, with empty
 * lines and extensions between them, the two URLs of its first versions, signs
 * and zeros before the size, and blanks around the whole.  In one way it is
 * more lenient than git-lfs: what a line of an extension says does not matter.
 */
bool pointer_parse(struct pointer *pointer, const char *text, size_t len);

/* Is the open file, of that stat, a regular one with the wanted pointer? */
bool pointer_is_in(int fd, const struct stat *st, const struct pointer *wanted);

/* The text of a pointer as git-lfs writes it today; the caller's. */
char *pointer_format(const char *oid, uint64_t size);

#endif
