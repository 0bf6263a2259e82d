/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_OBJECT_H
#define LFS_TRANSFER_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/file.h"
#include "lfs/mode/plan.h"
#include "lfs/transfer/hasher.h"
#include "lfs/transfer/record.h"

struct pool;
struct source;
struct storage;

/*
 * One object that moves: its plan, its file, and how far it has come.  upload
 * and download know how to open it, move a part of it and close it; transfer.h
 * drives them.
 *
 * The workers and the hasher touch the atomics, the file descriptor and the
 * part that they move; all else belongs to the main thread.
 */

/*
 * An object that moves from one server to another has no file: these functions
 * store its bytes and return them.
 */
struct object_io {
	/* Exactly `n` bytes at `off`; may wait for them.  Any thread. */
	int (*read)(void *ctx, void *data, size_t n, uint64_t off,
		    struct err *err);
	int (*write)(void *ctx, const void *data, size_t n, uint64_t off,
		     struct err *err);
	/* The bytes from `from` to `to` were read or written; any thread. */
	void (*moved)(void *ctx, uint64_t from, uint64_t to);
	/* The end of the bytes that are there without a gap; any thread. */
	uint64_t (*reach)(void *ctx);
	/* May the part go out now?  The main thread. */
	bool (*is_ready)(void *ctx, const struct part *part);
	void *ctx;
};

/* New bytes that make another try worth it, whatever has failed. */
enum { OBJECT_GAIN = 64 << 10 };

struct object {
	struct plan *plan;	/* owned */
	struct object_io *io;	/* borrowed; NULL: it is in a file */
	char *path;		/* owned: that file; or NULL */
	int fd;
	struct file_id id;	/* upload: what the file was when opened */
	const struct storage *storage;	/* borrowed: where a download's file is */
	struct pool *pool;	/* borrowed: woken as the hash gets on */
	bool verifies;	/* its bytes are hashed */
	struct hasher *hasher;	/* owned; NULL: not hashed now */
	struct journal_hash start;	/* where an earlier run's hash ended */
	bool has_start;
	struct journal *journal;	/* owned; NULL: cannot be resumed */
	char *memory;	/* owned: all bytes of a small download; or NULL */
	bool is_durable;	/* download: synced before it is handed over */
	uint64_t window;	/* bytes that may move past the hash */
	_Atomic(uint64_t) moved;	/* bytes, of all parts */
	_Atomic(uint64_t) high;	/* upload: the end of what was read */
	struct source *source;	/* owned; NULL: an upload */
	bool was_begun;	/* download: some of it is from an earlier run */
	bool is_again;	/* download: all of it is fetched a second time */
	size_t frontier;	/* download, the hasher's: first part not done */
	atomic_bool stopped;	/* its jobs are to end at their next byte */
};

/* `plan` is owned from now on. */
void object_init(struct object *object, struct plan *plan);
void object_release(struct object *object);

/* For a job that moves it: ERR_CANCELED if the job must end. */
int object_check_stop(const struct object *object, struct err *err);

/*
 * Read or write exactly `n` of its bytes, wherever they are kept; from any
 * thread.  object_read() takes a struct object as struct hasher_source wants it.
 */
int object_read(void *object, void *data, size_t n, uint64_t off,
		struct err *err);
int object_write(struct object *object, const void *data, size_t n,
		 uint64_t off, struct err *err);

/*
 * The end of the bytes that the hasher may read.  For a download that is the
 * first missing byte, and 0 until the server has shown whether it heeds ranges;
 * for one thread at a time.  It takes a struct object, as object_read() does.
 */
uint64_t object_reach(void *object);

/*
 * If it `verifies`, start to hash it, once from `start` if it `has_start` and
 * from the beginning otherwise; a hasher that runs is stopped.
 */
int object_start_hasher(struct object *object, struct err *err);

/* Until it is started again, the plan may be changed. */
void object_stop_hasher(struct object *object);

/* May the part be handed out, or would it be too far ahead of the hash? */
bool object_is_ready(const struct object *object, const struct part *part);

/* The part has moved `done` bytes in its current try. */
void object_move(struct object *object, struct part *part, uint64_t done);

/* Wake the hasher if the step from `from` to `to` is worth it, or `at_once`. */
void object_poke(struct object *object, uint64_t from, uint64_t to,
		 bool at_once);

/*
 * When all parts have moved and the hasher is done: ERR_CORRUPT unless the
 * hashed bytes are the object and, for an upload, the bytes that were sent.
 */
int object_check(struct object *object, struct err *err);

#endif
