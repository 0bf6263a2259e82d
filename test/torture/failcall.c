/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * To be preloaded: the FAILCALL_AT-th call that changes a file fails, or is
 * the last thing that the process does.
 *
 *	FAILCALL_PROGRAM	only in the program of this name
 *	FAILCALL_AT		which call, from 1; 0: none
 *	FAILCALL_HOW		ENOSPC, EIO, or EXIT: in its place _exit(98)
 *	FAILCALL_LOG		a file to append a line to when it has happened
 *
 * Only files count, not the pipes and sockets of the process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int ncalls;

/* The next definition of a function: libc's. */
static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void note(const char *name, int n)
{
	const char *path = getenv("FAILCALL_LOG");
	char line[64];
	int fd;
	int (*real_open)(const char *, int, ...);
	ssize_t (*real_write)(int, const void *, size_t);

	*(void **)&real_open = real("open");
	*(void **)&real_write = real("write");
	if (!path)
		return;
	fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	snprintf(line, sizeof(line), "%d %s\n", n, name);
	if (fd < 0 || real_write(fd, line, strlen(line)) < 0)
		_exit(97);
	close(fd);
}

/* Is this call the one?  Then errno is set, if the process goes on. */
static bool strikes(const char *name)
{
	const char *program = getenv("FAILCALL_PROGRAM");
	const char *at = getenv("FAILCALL_AT"), *how = getenv("FAILCALL_HOW");
	int n;

	if (!program || strcmp(program, program_invocation_short_name))
		return false;
	n = atomic_fetch_add(&ncalls, 1) + 1;
	if (!at || !how || n != (int)strtol(at, NULL, 10))
		return false;
	note(name, n);
	if (!strcmp(how, "EXIT"))
		_exit(98);
	errno = strcmp(how, "EIO") ? ENOSPC : EIO;
	return true;
}

static bool is_file(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *data, size_t n)
{
	ssize_t (*next)(int, const void *, size_t);

	*(void **)&next = real("write");
	return is_file(fd) && strikes("write") ? -1 : next(fd, data, n);
}

ssize_t writev(int fd, const struct iovec *list, int n)
{
	ssize_t (*next)(int, const struct iovec *, int);

	*(void **)&next = real("writev");
	return is_file(fd) && strikes("writev") ? -1 : next(fd, list, n);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t off)
{
	ssize_t (*next)(int, const void *, size_t, off_t);

	*(void **)&next = real("pwrite64");
	return strikes("pwrite") ? -1 : next(fd, data, n, off);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t off)
{
	return pwrite(fd, data, n, off);
}

int open64(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...);
	mode_t mode = 0;
	va_list args;

	*(void **)&next = real("open64");
	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if ((flags & O_ACCMODE) != O_RDONLY && strncmp(path, "/dev/", 5) &&
	    strikes("open"))
		return -1;
	return next(path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	int (*next)(int, const char *, int, ...);
	mode_t mode = 0;
	va_list args;

	*(void **)&next = real("openat64");
	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if ((flags & O_ACCMODE) != O_RDONLY && strikes("openat"))
		return -1;
	return next(dir, path, flags, mode);
}

int ftruncate64(int fd, off_t size)
{
	int (*next)(int, off_t);

	*(void **)&next = real("ftruncate64");
	return strikes("ftruncate") ? -1 : next(fd, size);
}

int fallocate64(int fd, int mode, off_t off, off_t size)
{
	int (*next)(int, int, off_t, off_t);

	*(void **)&next = real("fallocate64");
	return strikes("fallocate") ? -1 : next(fd, mode, off, size);
}

/* This one returns what others put into errno. */
int posix_fallocate64(int fd, off_t off, off_t size)
{
	int (*next)(int, off_t, off_t);

	*(void **)&next = real("posix_fallocate64");
	return strikes("posix_fallocate") ? errno : next(fd, off, size);
}

int mkstemp64(char *path)
{
	int (*next)(char *);

	*(void **)&next = real("mkstemp64");
	return strikes("mkstemp") ? -1 : next(path);
}

int rename(const char *from, const char *to)
{
	int (*next)(const char *, const char *);

	*(void **)&next = real("rename");
	return strikes("rename") ? -1 : next(from, to);
}

int unlink(const char *path)
{
	int (*next)(const char *);

	*(void **)&next = real("unlink");
	return strikes("unlink") ? -1 : next(path);
}

int mkdir(const char *path, mode_t mode)
{
	int (*next)(const char *, mode_t);

	*(void **)&next = real("mkdir");
	return strikes("mkdir") ? -1 : next(path, mode);
}

int chmod(const char *path, mode_t mode)
{
	int (*next)(const char *, mode_t);

	*(void **)&next = real("chmod");
	return strikes("chmod") ? -1 : next(path, mode);
}

int fchmod(int fd, mode_t mode)
{
	int (*next)(int, mode_t);

	*(void **)&next = real("fchmod");
	return strikes("fchmod") ? -1 : next(fd, mode);
}

int fdatasync(int fd)
{
	int (*next)(int);

	*(void **)&next = real("fdatasync");
	return strikes("fdatasync") ? -1 : next(fd);
}

int fsync(int fd)
{
	int (*next)(int);

	*(void **)&next = real("fsync");
	return strikes("fsync") ? -1 : next(fd);
}
