/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_FILE_H
#define LFS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"

/*
 * Files as this program needs them.  All descriptors are close-on-exec.
 * Platform differences live here.
 */

/* Differs between any two states of a file. */
struct file_id {
	uint64_t size;
	int64_t mtime_ns;
	uint64_t inode;
};

/* Open for reading and identify the file.  Returns a descriptor, or -1. */
int file_open(const char *path, struct file_id *id, struct err *err);

/*
 * A file in `dir` without a name, for reading and writing: it ends with its last
 * descriptor.  Returns a descriptor, or -1.
 */
int file_open_unlinked(const char *dir, struct err *err);

/*
 * Several users write to the folder of a shared repository, and each may put
 * anything there under any name, also another user's file under a new one.  So
 * the next two open only regular files, none through a link, and none that has a
 * second name elsewhere.  They return a descriptor, or -1.
 */

/*
 * Open a file of this user alone, in a folder of this user alone, so that nobody
 * else can have put it there.  `flags` are those of open(); with O_CREAT a
 * missing file is made, mode 0600.
 */
int file_open_own(const char *path, int flags, struct err *err);

/*
 * Open for reading and writing what the users of a shared repository share;
 * made with `mode`, whatever the umask.
 */
int file_open_shared(const char *path, mode_t mode, struct err *err);

/*
 * Is it a folder that only this user can enter?  On a file system without modes
 * the owner decides alone.
 */
bool file_is_own_dir(const char *path);

/*
 * Open the folder that holds the last component of `path`, a relative path, below
 * the open folder `top`.  No component may be a link, "", ".", ".." or ".git" in
 * any letter case.  With `make`, missing folders are made, as mkdir() makes them.
 *
 * Returns a descriptor for openat() and the like, with `*name` the last component,
 * in `path`; or -1 with ERR_LOCAL, whose code is ENOENT if a folder is missing.
 * The message names the component.
 */
int file_open_below(int top, const char *path, bool make, const char **name,
		    struct err *err);

/* Identify the present state of an open file. */
int file_identify(int fd, const char *path, struct file_id *id,
		  struct err *err);

/* Does that name still lead to this file? */
bool file_is_at(int fd, const char *path);

/*
 * Lock an open file against other processes, until the first of this one's
 * descriptors of it is closed.  -1 with ERR_BUSY if another process has it, or
 * with ERR_LOCAL if locks do not work here, as on some network file systems.
 */
int file_lock(int fd, struct err *err);

/* Lock one byte alone, which need not be in the file, and unlock it. */
int file_lock_byte(int fd, uint64_t at, struct err *err);
void file_unlock_byte(int fd, uint64_t at);

/* Has another process locked this file, or the file of that name, if any? */
bool file_is_locked(int fd);
bool file_is_locked_at(const char *path);

/* Do locks work on this file system?  Otherwise nobody knows whether it is in use. */
bool file_can_be_locked(int fd);

bool file_id_equal(const struct file_id *a, const struct file_id *b);

/* Read exactly `n` bytes at `off`; a file that ends before is an error. */
int file_read_at(int fd, void *data, size_t n, uint64_t off, struct err *err);

/* Write exactly `n` bytes at `off`. */
int file_write_at(int fd, const void *data, size_t n, uint64_t off,
		  struct err *err);

/* Write all bytes to a descriptor that may be a pipe. */
int file_write(int fd, const void *data, size_t n, struct err *err);

/*
 * Give an open file its size and its blocks, so that a full disk shows now
 * and not at the last byte; where the file system cannot reserve blocks, only
 * the size.  The error says how much was needed and how much is free.
 */
int file_reserve(int fd, const char *path, uint64_t size, struct err *err);

/*
 * Copy the first `size` bytes of a file to another one, which is empty and open
 * for writing.  The two share their blocks where the file system can; otherwise
 * the kernel copies, or if it cannot, we read and write in order.  Nothing is
 * reserved, and a hole may be filled.
 *
 * ERR_LOCAL if the file is shorter, and with ENOSPC or EDQUOT if the disk is full;
 * ERR_CANCELED, within a few MiB, after a stop.
 */
int file_copy(int from, int to, uint64_t size, const struct stop *stop,
	      struct err *err);

/*
 * Begin to bring these bytes to the disk, where the system can, so that less is
 * left for file_sync().  A hint: it does not fail or wait.
 */
void file_begin_sync(int fd, uint64_t off, uint64_t n);

/*
 * Wait until all bytes of the file were handed to the disk, but not until the
 * disk has written them from its cache, as file_sync() does at a much higher
 * price.  If the file is renamed after this, the new name cannot reach the disk
 * before the bytes: the file system's journal flushes that cache first.  Without
 * this call ext4 brings the size and the name to the disk before the bytes, even
 * if these were written in order and no block was reserved.
 */
int file_write_back(int fd, const char *path, struct err *err);

/*
 * Wait until all bytes of the file are on the disk.  Fails if the disk does:
 * then nobody knows which of them are there, even if a second call succeeds.
 */
int file_sync(int fd, const char *path, struct err *err);

/*
 * Wait until all bytes of all files of the file system that this folder is in
 * are on the disk: cheaper than file_sync() for each of many.
 */
int file_sync_all(const char *dir, struct err *err);

/*
 * Give an open file its mode, whatever the umask.  A file of another user, or on
 * a file system without modes, stays as it is.
 */
int file_set_mode(int fd, const char *path, mode_t mode, struct err *err);

/*
 * Make a folder and its parents, the last with `mode`, whatever the umask.  An
 * existing folder stays as it is.
 */
int file_make_dir(const char *path, mode_t mode, struct err *err);

#endif
