/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_DOWNLOAD_H
#define LFS_TRANSFER_DOWNLOAD_H

#include "lfs/transfer/object.h"

/*
 * From a server to a local file.  The first part goes ahead alone until the
 * head of its answer tells whether the server heeds ranges; the workers write
 * where the bytes belong, and the hasher follows behind the first byte that
 * is missing.
 */

struct http;

/*
 * Open the partial file, with all its blocks, take over what an earlier run
 * has fetched, and start to hash it.
 */
int download_open(struct object *object, struct err *err);

/* Receive what is missing of one part; from a worker. */
int download_part(struct object *object, struct part *part, struct http *http,
		  struct err *err);

/*
 * With no job out, and after it failed with `err`: shall the whole be asked for,
 * without a range (source_ask_whole())?  Then all that is missing becomes the
 * first missing part, the hash begins anew, and `err` is clear.  Once; never of
 * what has an `io`.
 */
bool download_ask_whole(struct object *object, struct err *err);

/*
 * All is there, but it is not the object.  Make parts missing again: those
 * whose bytes in the file are not those that came, as after a crash of the
 * machine; or else all, once, if the server may have had other bytes for a
 * while or nothing protects them on their way, as over plain http; after that
 * those that have come with other bytes than before.  Returns how many; then
 * the hash begins anew.  What comes again is only written where it differs.
 */
size_t download_mend(struct object *object, struct err *err);

/* It cannot be mended: say whose fault that is, as far as that is known. */
void download_blame(const struct object *object, struct err *err);

/*
 * All is there and right: give the file the mode of an object, after it was
 * made where the object is small (partial.h).
 */
int download_close(struct object *object, struct err *err);

/*
 * Must a closed one go to the disk before git-lfs knows of it?  git-lfs looks
 * at sizes only.  A file whose blocks were reserved has its size from the
 * start, and after a power loss zeros where bytes had not been written yet.
 */
bool download_must_sync(const struct object *object);

/*
 * Do so; from a worker.  A small one, which was written at once, only has to be
 * there before its name, which costs no flush of the disk.  If the disk fails,
 * all that was fetched is removed.
 */
int download_sync(struct object *object, struct err *err);

#endif
