/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_PARTIAL_H
#define LFS_TRANSFER_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/transfer/record.h"
#include "lfs/transfer/object.h"

/*
 * The file of a download that is not finished, and its journal:
 *
 *	<storage>/multipart/OID.partial
 *	<storage>/multipart/OID.journal
 *	<storage>/multipart/OID.partial.XXXXXX
 *	<storage>/multipart/OID.XXXXXX
 *
 * The oid determines the bytes, so those fetched from one remote serve another.
 * The journal's lock determines the owner: a second process that downloads the
 * same object meanwhile uses a file of its own, OID.partial.XXXXXX, locked and
 * without a journal.
 *
 * git-lfs is handed the finished file by a name of the last kind, checks it and
 * moves it to its objects.  Until then the agent keeps it locked; so one that
 * nobody has locked is one that git-lfs, killed at that moment, will never
 * take.
 *
 * A small object is kept in memory until it is whole and right, and has a file
 * of that kind for a moment only.
 */

/* The names above, after the oid. */
#define PARTIAL_SUFFIX ".partial"
#define PARTIAL_JOURNAL ".journal"

/* Is it .XXXXXX, as in the name of a finished download? */
bool partial_is_handover(const char *rest);

/*
 * Open or make both, give the file its size, and take over what an earlier run
 * has done: each part's `done`, and where its hash ended.  If nothing is
 * hashed, bytes fetched before the machine last booted are not trusted.
 */
int partial_open(struct object *object, struct err *err);

/*
 * In its place: have all that an earlier run has fetched and git-lfs has not
 * taken, to be hashed.  False if there is no such file.
 */
bool partial_adopt(struct object *object);

/* A small object is whole and right: put it into a file, in order. */
int partial_write(struct object *object, struct err *err);

/* The part has received these bytes; from the part's worker. */
void partial_note(struct object *object, struct part *part, const void *data,
		  size_t n);

/* All of it will come again: forget what the journal knows. */
void partial_restart(struct object *object);

/* With no worker busy: bring the journal up to date for another run. */
void partial_keep(struct object *object);

/* Remove the file and its journal. */
void partial_discard(struct object *object);

/*
 * Give the finished file a new name, OID.XXXXXX, and lock it.  The process that
 * is told the name owns the file exclusively as long as this one has it open.
 * On failure it keeps its name.
 */
int partial_hand_over(struct object *object, struct err *err);

/* git-lfs was not told: make it a partial file again. */
void partial_take_back(struct object *object);

/*
 * The file was handed over and stays; the journal goes, another run's as well.
 */
void partial_finish(struct object *object);

#endif
