/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_NOTES_H
#define LFS_BASE_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * Notes of a process about what it found out, for itself and for others:
 *
 *	notes = notes_new(path);
 *	notes_put(notes, "no answer from h.example", &why);
 *	... in another process, soon after ...
 *	if (notes_get(notes, "no answer from h.example", since_ms, &why))
 *
 * A note is a hint: another one may take its place, and one that cannot be
 * written or read is not there, nor is one of another boot or machine.  The file
 * is of our own format.  Keys are hashed, but an error is kept as it is, so that
 * no secret belongs in there.  For one thread at a time.
 */

struct notes;

/* The file is made with the first note; NULL: for this process alone. */
struct notes *notes_new(const char *path);

/* Note that it is so; `what` says why, and may be no error at all. */
void notes_put(struct notes *notes, const char *key, const struct err *what);

/* It is no longer so. */
void notes_drop(struct notes *notes, const char *key);

/*
 * Was it noted after `since_ms`, by clock_ms()?  Then `what`, unless it is
 * NULL, is set to what was given.
 */
bool notes_get(struct notes *notes, const char *key, uint64_t since_ms,
	       struct err *what);

/* The file stays.  NULL is fine. */
void notes_free(struct notes *notes);

#endif
