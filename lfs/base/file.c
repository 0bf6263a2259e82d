/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* fallocate(), copy_file_range(), sync_file_range() */
#include "lfs/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"

int file_open(const char *path, struct file_id *id, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	if (file_identify(fd, path, id, err)) {
		close(fd);
		return -1;
	}
	return fd;
}

int file_open_unlinked(const char *dir, struct err *err)
{
	char *path = xstrfmt("%s/unnamed.XXXXXX", dir);
	int fd = mkstemp(path);

	if (fd < 0) {
		err_sys(err, errno, "cannot make a file in '%s'", dir);
	} else {
		unlink(path);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	free(path);
	return fd;
}

enum {
	COPY_SIZE = 1 << 20,	/* of a copy by read() and write() */
	COPY_STEP = 16 << 20	/* of one by the kernel, before a stop is seen */
};

/* A file by its name in an open folder, or by its path where that is AT_FDCWD. */
struct place {
	const char *path;	/* for messages */
	const char *name;
	int dir;
};

/* Make the file, or open the existing one; `*is_new` tells which. */
static int make_or_open(const struct place *place, int flags, mode_t mode,
			bool *is_new)
{
	int fd;

	do {
		fd = openat(place->dir, place->name, flags | O_CREAT | O_EXCL,
			    mode);
		*is_new = fd >= 0;
		if (fd >= 0 || errno != EEXIST)
			return fd;
		fd = openat(place->dir, place->name, flags & ~O_CREAT);
		/* It was removed in between. */
	} while (fd < 0 && errno == ENOENT);
	return fd;
}

static int stat_regular(int fd, const char *path, struct stat *st,
			struct err *err)
{
	if (fstat(fd, st))
		return err_sys(err, errno, "cannot stat '%s'", path);
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_LOCAL, "'%s' is not a regular file",
			       path);
	return 0;
}

static int check_plain(int fd, const char *path, struct stat *st,
		       struct err *err)
{
	if (stat_regular(fd, path, st, err))
		return -1;
	if (st->st_nlink > 1)
		return err_set(err, ERR_LOCAL, "'%s' has a second name", path);
	return 0;
}

/* `*is_ours`: this user owns it, or has just made it. */
static int open_plain(const struct place *place, int flags, mode_t mode,
		      bool *is_ours, struct err *err)
{
	bool is_new = false;
	struct stat st;
	int fd;

	flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	fd = flags & O_CREAT ? make_or_open(place, flags, mode, &is_new) :
			       openat(place->dir, place->name, flags);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_LOCAL, "'%s' is a link", place->path);
	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", place->path);
	if (check_plain(fd, place->path, &st, err)) {
		close(fd);
		return -1;
	}
	*is_ours = is_new || st.st_uid == geteuid();
	return fd;
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Does a file that is made in that folder have the mode that it was given? */
static bool has_modes(int dir)
{
	char name[32];
	struct stat st;
	bool has;
	int fd;

	snprintf(name, sizeof(name), "unnamed.%08" PRIx32, clock_random());
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	has = fd < 0 || fstat(fd, &st) || !(st.st_mode & 077);
	if (fd >= 0) {
		unlinkat(dir, name, 0);
		close(fd);
	}
	return has;
}

static bool is_own_dir(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == geteuid() &&
	       (!(st.st_mode & 077) || !has_modes(fd));
}

bool file_is_own_dir(const char *path)
{
	int fd = open_folder(path);
	bool is = fd >= 0 && is_own_dir(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

/*
 * The folder's descriptor is used, as another folder may take its name at any
 * time.
 */
static int open_in_own(const char *dir, struct place *place, int flags,
		       struct err *err)
{
	bool is_ours = false;
	int fd = -1;

	place->dir = open_folder(dir);
	if (place->dir < 0)
		return err_sys(err, errno, "cannot open '%s'", dir);
	if (is_own_dir(place->dir))
		fd = open_plain(place, flags, 0600, &is_ours, err);
	else
		err_set(err, ERR_LOCAL, "others can enter '%s'", dir);
	close(place->dir);
	if (fd < 0 || is_ours)
		return fd;
	close(fd);
	return err_set(err, ERR_LOCAL, "'%s' is another user's", place->path);
}

static bool is_plain_name(const char *name, size_t len)
{
	return len && !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.') &&
	       !(len == 4 && !strncasecmp(name, ".git", 4));
}

/* Open one folder in another; `until_here` is its path, for messages. */
static int enter(int dir, const char *name, bool make, const char *until_here,
		 struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;
	int fd = openat(dir, name, flags);

	if (fd < 0 && errno == ENOENT && make &&
	    (!mkdirat(dir, name, 0777) || errno == EEXIST))
		fd = openat(dir, name, flags);
	if (fd >= 0)
		return fd;
	if (errno != ELOOP && errno != ENOTDIR)
		return err_sys(err, errno, "cannot enter '%s'", until_here);
	return err_set(err, ERR_LOCAL, "'%s' is %s, not a folder", until_here,
		       !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
				       S_ISLNK(st.st_mode) ?
			       "a link" :
			       "a file");
}

int file_open_below(int top, const char *path, bool make, const char **name,
		    struct err *err)
{
	int fd = fcntl(top, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "cannot enter '%s'", path);
	for (*name = path;;) {
		size_t len = strcspn(*name, "/");
		char *until_here;
		int dir = fd;

		if (!is_plain_name(*name, len)) {
			close(fd);
			return err_set(err, ERR_LOCAL,
				       "'%s' is not a path of a work tree",
				       path);
		}
		if (!(*name)[len])
			return fd;
		until_here = xstrndup(path, (size_t)(*name - path) + len);
		fd = enter(dir, until_here + (*name - path), make, until_here,
			   err);
		free(until_here);
		close(dir);
		if (fd < 0)
			return -1;
		*name += len + 1;
	}
}

int file_open_own(const char *path, int flags, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct place place = { .path = path, .name = slash ? slash + 1 : path };
	char *dir = slash ? xstrndup(path, (size_t)(slash - path)) :
			    xstrdup(".");
	int fd = open_in_own(dir, &place, flags, err);

	free(dir);
	return fd;
}

int file_open_shared(const char *path, mode_t mode, struct err *err)
{
	const struct place place = { path, path, AT_FDCWD };
	bool is_ours;
	int fd = open_plain(&place, O_RDWR | O_CREAT, mode, &is_ours, err);

	/* Otherwise the owner has done it. */
	if (fd >= 0 && is_ours && fchmod(fd, mode))
		log_debug("cannot set the mode of '%s'", path);
	return fd;
}

int file_identify(int fd, const char *path, struct file_id *id, struct err *err)
{
	struct stat st;

	if (stat_regular(fd, path, &st, err))
		return -1;
	id->size = (uint64_t)st.st_size;
	id->inode = (uint64_t)st.st_ino;
#ifdef __APPLE__
	id->mtime_ns = (int64_t)st.st_mtimespec.tv_sec * 1000000000 +
		       st.st_mtimespec.tv_nsec;
#else
	id->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
		       st.st_mtim.tv_nsec;
#endif
	return 0;
}

bool file_is_at(int fd, const char *path)
{
	struct stat ours, there;

	return !fstat(fd, &ours) && !lstat(path, &there) &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* `n` bytes from `at`; 0: all of them. */
static int lock_bytes(int fd, uint64_t at, uint64_t n, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)at,
			      .l_len = (off_t)n };

	if (!fcntl(fd, F_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, ERR_BUSY, "another process has the file");
	return err_sys(err, errno, "cannot lock the file");
}

int file_lock(int fd, struct err *err)
{
	return lock_bytes(fd, 0, 0, err);
}

int file_lock_byte(int fd, uint64_t at, struct err *err)
{
	return lock_bytes(fd, at, 1, err);
}

void file_unlock_byte(int fd, uint64_t at)
{
	struct flock lock = { .l_type = F_UNLCK,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)at,
			      .l_len = 1 };

	fcntl(fd, F_SETLK, &lock);
}

bool file_is_locked(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
}

bool file_can_be_locked(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_GETLK, &lock);
}

bool file_is_locked_at(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool is = fd >= 0 && file_is_locked(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->inode == b->inode;
}

int file_read_at(int fd, void *data, size_t n, uint64_t off, struct err *err)
{
	char *p = data;

	while (n) {
		ssize_t got = pread(fd, p, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, errno, "cannot read the file");
		if (!got)
			return err_set(err, ERR_LOCAL,
				       "the file ends at byte %" PRIu64
				       ", before its size",
				       off);
		p += got;
		n -= (size_t)got;
		off += (uint64_t)got;
	}
	return 0;
}

/* At the descriptor's own position if `off` is -1. */
static int write_all(int fd, const char *p, size_t n, off_t off,
		     struct err *err)
{
	while (n) {
		ssize_t put = off < 0 ? write(fd, p, n) : pwrite(fd, p, n, off);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(err, errno,
				       off < 0 ? "cannot write" :
						 "cannot write the file");
		p += put;
		n -= (size_t)put;
		off += off < 0 ? 0 : put;
	}
	return 0;
}

int file_write_at(int fd, const void *data, size_t n, uint64_t off,
		  struct err *err)
{
	return write_all(fd, data, n, (off_t)off, err);
}

int file_write(int fd, const void *data, size_t n, struct err *err)
{
	return write_all(fd, data, n, -1, err);
}

/*
 * Checked before anything is reserved: a fallocate() that fails may keep what it
 * has got, and ftruncate() reserves nothing.
 */
static int check_space(int fd, const char *path, uint64_t size, struct err *err)
{
	struct statvfs vfs;
	struct stat st;
	uint64_t room, held;

	if (fstatvfs(fd, &vfs) || fstat(fd, &st))
		return err_sys(err, errno, "cannot stat '%s'", path);
	room = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	held = (uint64_t)st.st_blocks * 512;
	/* Many file systems of FUSE report 0 blocks, which tells nothing. */
	if (!vfs.f_blocks || size <= held || size - held <= room)
		return 0;
	return err_sys(err, ENOSPC,
		       "'%s' needs %" PRIu64 " bytes, %" PRIu64 " are free",
		       path, size - held, room);
}

int file_reserve(int fd, const char *path, uint64_t size, struct err *err)
{
	if (check_space(fd, path, size, err))
		return -1;
#ifdef __linux__
	/* Not posix_fallocate(): its fallback writes to every block. */
	if (size && !fallocate(fd, 0, 0, (off_t)size))
		return 0;
	if (size && (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
		return err_sys(err, errno, "'%s' needs %" PRIu64 " bytes", path,
			       size);
#endif
	if (ftruncate(fd, (off_t)size))
		return err_sys(err, errno, "cannot resize '%s'", path);
	return 0;
}

struct copy {
	int from, to;
	uint64_t size;
	const struct stop *stop;
};

/* Let the two share their blocks, if they will then have the same size. */
static bool clone_file(int from, int to, uint64_t size)
{
#ifdef FICLONE
	struct stat st;

	return !fstat(from, &st) && (uint64_t)st.st_size == size &&
	       !ioctl(to, FICLONE, from);
#else
	(void)from;
	(void)to;
	(void)size;
	return false;
#endif
}

/* Is it no fault of the files that the kernel has not copied? */
static bool is_kernel_unable(int errnum)
{
	return errnum == EXDEV || errnum == ENOSYS || errnum == EINVAL ||
	       errnum == EPERM || errnum == EOPNOTSUPP || errnum == EBADF;
}

/* How many bytes the kernel has copied; 0: it cannot; -1 with errno. */
static ssize_t copy_in_kernel(int from, int to, size_t n, uint64_t off)
{
#ifdef __linux__
	off_t in = (off_t)off, out = (off_t)off;
	ssize_t got = copy_file_range(from, &in, to, &out, n, 0);

	return got < 0 && is_kernel_unable(errno) ? 0 : got;
#else
	(void)from;
	(void)to;
	(void)n;
	(void)off;
	return 0;
#endif
}

static size_t step(uint64_t off, uint64_t size, size_t most)
{
	return size - off < most ? (size_t)(size - off) : most;
}

static int copy_by_hand(const struct copy *copy, uint64_t off, struct err *err)
{
	char *data = xmalloc(COPY_SIZE);
	int ret = 0;

	while (!ret && off < copy->size) {
		size_t n = step(off, copy->size, COPY_SIZE);

		ret = file_read_at(copy->from, data, n, off, err);
		if (!ret)
			ret = file_write_at(copy->to, data, n, off, err);
		if (!ret && stop_is_wanted(copy->stop))
			ret = err_set(err, ERR_CANCELED, "stopped");
		off += n;
	}
	free(data);
	return ret;
}

int file_copy(int from, int to, uint64_t size, const struct stop *stop,
	      struct err *err)
{
	const struct copy copy = { from, to, size, stop };
	uint64_t off = 0;

	if (clone_file(from, to, size))
		return 0;
	while (off < size) {
		ssize_t got = copy_in_kernel(from, to,
					     step(off, size, COPY_STEP), off);

		if (!got)
			return copy_by_hand(&copy, off, err);
		if (got < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot copy the file");
		off += got < 0 ? 0 : (uint64_t)got;
		if (stop_is_wanted(stop))
			return err_set(err, ERR_CANCELED, "stopped");
	}
	return 0;
}

void file_begin_sync(int fd, uint64_t off, uint64_t n)
{
#ifdef __linux__
	sync_file_range(fd, (off_t)off, (off_t)n, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
	(void)off;
	(void)n;
#endif
}

/* On macOS fsync() leaves the bytes in the cache of the drive. */
static int sync_to_disk(int fd)
{
#ifdef F_FULLFSYNC
	return fcntl(fd, F_FULLFSYNC) ? fsync(fd) : 0;
#else
	return fdatasync(fd);
#endif
}

#ifdef __linux__
/* On an overlay, as in containers, sync_file_range() succeeds and does nothing. */
static bool is_overlay(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) || fs.f_type == OVERLAYFS_SUPER_MAGIC;
}
#endif

static int write_back(int fd)
{
#ifdef __linux__
	const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE |
			     SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

	if (!is_overlay(fd)) {
		int ret = sync_file_range(fd, 0, 0, all);

		if (!ret || (errno != ENOSYS && errno != EINVAL))
			return ret;
	}
#endif
	return sync_to_disk(fd);
}

static int wait_for_disk(int (*call)(int fd), int fd, const char *path,
			 struct err *err)
{
	int ret;

	do
		ret = call(fd);
	while (ret && errno == EINTR);
	/* Some file systems cannot sync at all. */
	if (!ret || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
		return 0;
	return err_sys(err, errno, "cannot bring '%s' to the disk", path);
}

int file_write_back(int fd, const char *path, struct err *err)
{
	return wait_for_disk(write_back, fd, path, err);
}

int file_sync(int fd, const char *path, struct err *err)
{
	return wait_for_disk(sync_to_disk, fd, path, err);
}

int file_sync_all(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", dir);
#ifdef __linux__
	ret = wait_for_disk(syncfs, fd, dir, err);
#else
	sync();
#endif
	close(fd);
	return ret;
}

int file_set_mode(int fd, const char *path, mode_t mode, struct err *err)
{
	if (!fchmod(fd, mode))
		return 0;
	err_sys(err, errno, "cannot set the mode of '%s'", path);
	if (err->code != EPERM && err->code != EOPNOTSUPP &&
	    err->code != ENOSYS)
		return -1;
	log_info("%s", err->msg);
	err_clear(err);
	return 0;
}

/*
 * A descriptor is used: in a folder that others may write to, a link may have
 * replaced the folder that we have just made.
 */
static int set_dir_mode(const char *path, mode_t mode, struct err *err)
{
	int fd = open_folder(path);
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	if (!fstat(fd, &st) && st.st_uid == geteuid() &&
	    (st.st_mode & mode) != mode)
		ret = file_set_mode(fd, path, mode, err);
	close(fd);
	return ret;
}

int file_make_dir(const char *path, mode_t mode, struct err *err)
{
	char *parent = xstrdup(path);
	int ret = 0;

	for (char *p = strchr(parent + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(parent, 0777) && errno != EEXIST)
			ret = err_sys(err, errno, "cannot make '%s'", parent);
		*p = '/';
	}
	free(parent);
	if (ret)
		return ret;
	if (!mkdir(path, mode))
		return set_dir_mode(path, mode, err);
	return errno == EEXIST ? 0 :
				 err_sys(err, errno, "cannot make '%s'", path);
}
