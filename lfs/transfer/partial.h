/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_PARTIAL_H
#define LFS_TRANSFER_PARTIAL_H

#include <stdbool.h>

#include "lfs/base/err.h"
#include "lfs/transfer/journal.h"
#include "lfs/transfer/object.h"

/*
 * The file of a download that is not finished, and its journal:
 *
 *	<storage>/multipart/OID.partial
 *	<storage>/multipart/OID.journal
 *	<storage>/multipart/OID.partial.XXXXXX
 *
 * The oid says all about the bytes, so what was fetched for one remote is good
 * for another.  The journal's lock says whose they are: a second process that
 * downloads the same object at the same time does it all in a file of its
 * own, the last one, without a journal.  It is locked, too.
 *
 * A small object is kept in memory until it is whole and right, and has a file
 * of the last kind for a moment only.
 */

struct storage;

/*
 * Open or make both, give the file its size, and take over what an earlier
 * run has done: each part's `done`.  True in `has_start` if its hash can be
 * gone on from, at `start`.  With NULL for that nothing will be hashed: then
 * what was fetched before the machine last booted is not trusted.
 */
int partial_open(struct object *object, const struct storage *storage,
		 struct journal_hash *start, bool *has_start, struct err *err);

/*
 * In its place: have all that an earlier run has fetched and git-lfs has not
 * taken (untaken.h), to be hashed.  False if there is no such file.
 */
bool partial_adopt(struct object *object, const struct storage *storage);

/* A small object is whole and right: put it into a file, in order. */
int partial_write(struct object *object, const struct storage *storage,
		  struct err *err);

/* The part has received these bytes; from the part's worker. */
void partial_note(struct object *object, struct part *part, const void *data,
		  size_t n);

/* All of it is to come again: forget what the journal knows. */
void partial_restart(struct object *object);

/* No worker is busy: bring the journal up to date, to be gone on with. */
void partial_keep(struct object *object);

/* The file is wanted no more, nor is its journal. */
void partial_discard(struct object *object);

/*
 * Give the finished file a new name, OID.XXXXXX, and lock it.  Whoever is told
 * that name has it for himself, as long as this process has the file open.  On
 * failure it keeps its name.
 */
int partial_hand_over(struct object *object, struct err *err);

/* Nobody took it: it is a partial file again. */
void partial_take_back(struct object *object);

/* The file was handed over and stays; the journal goes, another run's as well. */
void partial_finish(struct object *object);

#endif
