/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_DOWNLOAD_H
#define LFS_TRANSFER_DOWNLOAD_H

#include "lfs/transfer/object.h"

/*
 * From a server to a local file.  The first part goes alone until the head of
 * its answer tells whether the server heeds ranges.  The workers write the
 * bytes to their places, and the hasher follows up to the first missing byte.
 */

struct http;
struct source_route;

/*
 * Open the partial file, with all its blocks, take over what an earlier run
 * has fetched, and start to hash it.
 */
int download_open(struct object *object, struct err *err);

/*
 * Receive what is missing of one part, by one request; from a worker.  `route`
 * is SOURCE_ROUTE_INIT, or that of the part's last try.  If its `is_anew` is set
 * after a failure, another request may do better at once.
 */
int download_part(struct object *object, struct part *part,
		  struct source_route *route, struct http *http,
		  struct err *err);

/*
 * With no job in the pool, after it failed with `err`: must the whole be asked
 * for, without a range (source_ask_whole())?  Then all that is missing becomes
 * the first missing part, the hash begins anew, and `err` is cleared.  At most
 * once; never for an object with an `io`.
 */
bool download_ask_whole(struct object *object, struct err *err);

/*
 * All bytes are there, but they are not the object.  Make parts missing again:
 * those whose bytes in the file are not those that came, as after a crash of
 * the machine.  If there are none, once all parts, if the server may have had
 * two versions or nothing protects the bytes on their way, as over plain http;
 * after that, those that came with other bytes than before.  Returns how many;
 * then the hash begins anew.  Bytes that come again are only written where they
 * differ.
 */
size_t download_mend(struct object *object, struct err *err);

/* It cannot be mended: add to the error whose fault that is, if known. */
void download_blame(const struct object *object, struct err *err);

/*
 * All bytes are there and right: give the file the mode of an object.  The file
 * of a small object is only made now (partial.h).
 */
int download_close(struct object *object, struct err *err);

/*
 * Must the closed file be synced before git-lfs is told of it?  git-lfs looks
 * at the size only.  A file whose blocks were reserved has its size from the
 * start, and zeros after a power loss where bytes had not reached the disk.
 */
bool download_must_sync(const struct object *object);

/*
 * Sync it; from a worker.  A small file, which was written in one go, only has
 * to be there before its name, which costs no flush of the disk.  If the disk
 * fails, all that was fetched is removed.
 */
int download_sync(struct object *object, struct err *err);

#endif
