/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* syscall() */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "test/unit/unit.h"

struct place {
	char dir[64];
	char path[96];
	int fd;	/* of an empty file at `path`, for reading and writing */
};

static int fchmod_errno;	/* that it fails with; 0: it works */
static bool tells_blocks;	/* of the file system, as if it had: */
static fsblkcnt_t blocks;

/* In place of libc's. */
int fstatvfs(int fd, struct statvfs *vfs)
{
	char path[40];

	if (!tells_blocks) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		return statvfs(path, vfs);
	}
	*vfs = (struct statvfs){ .f_frsize = 512, .f_blocks = blocks };
	return 0;
}

int fchmod(int fd, mode_t mode)
{
	if (!fchmod_errno)
		return (int)syscall(SYS_fchmod, fd, mode);
	errno = fchmod_errno;
	return -1;
}

/* What the kernel's copy does: fails with this, or copies so much at most. */
static int copy_errno;
static size_t copy_most;
static int ncopies;

#define COPY_PARAMETERS \
	int from, off_t *in, int to, off_t *out, size_t n, unsigned flags

ssize_t copy_file_range(COPY_PARAMETERS)
{
	(void)flags;
	ncopies++;
	if (copy_errno) {
		errno = copy_errno;
		return -1;
	}
	return syscall(SYS_copy_file_range, from, in, to, out,
		       n < copy_most ? n : copy_most, 0);
}

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	fchmod_errno = 0;
	tells_blocks = false;
	if (!place)
		return -1;
	snprintf(place->dir, sizeof(place->dir), "/tmp/lfsmp-file.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/file", place->dir);
	place->fd = open(place->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*state = place;
	return place->fd < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	close(place->fd);
	unlink(place->path);
	rmdir(place->dir);
	free(place);
	return 0;
}

static void open_and_identify(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct file_id id, now;
	int fd;

	assert_int_equal(file_write_at(place->fd, "hello", 5, 0, &err), 0);
	fd = file_open(place->path, &id, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(id.size, 5);
	assert_int_equal(file_identify(fd, place->path, &now, &err), 0);
	assert_true(file_id_equal(&id, &now));
	assert_int_equal(file_write_at(place->fd, "!", 1, 5, &err), 0);
	assert_int_equal(file_identify(fd, place->path, &now, &err), 0);
	assert_false(file_id_equal(&id, &now));
	assert_int_equal(err.kind, ERR_NONE);
	close(fd);
}

static void same_size_other_time(void **state)
{
	struct place *place = *state;
	const struct timespec times[2] = { { 1, 0 }, { 1, 1 } };
	struct err err = ERR_INIT;
	struct file_id id, now;

	assert_int_equal(file_identify(place->fd, "x", &id, &err), 0);
	assert_int_equal(futimens(place->fd, times), 0);
	assert_int_equal(file_identify(place->fd, "x", &now, &err), 0);
	assert_int_equal(now.mtime_ns, 1000000001);
	assert_false(file_id_equal(&id, &now));
	now = id;
	now.inode++;
	assert_false(file_id_equal(&id, &now));
}

static void what_is_no_file(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct file_id id;

	assert_int_equal(file_open("/nowhere/at/all", &id, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, "'/nowhere/at/all'"));
	err_clear(&err);
	assert_int_equal(file_open(place->dir, &id, &err), -1);
	assert_non_null(strstr(err.msg, "is not a regular file"));
	err_clear(&err);
	assert_int_equal(file_open("/dev/null", &id, &err), -1);
	assert_non_null(strstr(err.msg, "is not a regular file"));
}

static void a_file_that_is_too_short(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	char data[10];

	assert_int_equal(file_write_at(place->fd, "hello", 5, 3, &err), 0);
	assert_int_equal(file_read_at(place->fd, data, 5, 3, &err), 0);
	assert_memory_equal(data, "hello", 5);
	assert_int_equal(file_read_at(place->fd, data, 0, 999, &err), 0);
	assert_int_equal(file_read_at(place->fd, data, 6, 3, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_string_equal(err.msg,
			    "the file ends at byte 8, before its size");
}

static void a_descriptor_that_refuses(void **state)
{
	struct err err = ERR_INIT;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(file_write_at(fd, "x", 1, 0, &err), -1);
	assert_int_equal(err.code, EBADF);
	err_clear(&err);
	assert_int_equal(file_write(fd, "x", 1, &err), -1);
	assert_int_equal(err.code, EBADF);
	err_clear(&err);
	close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(file_write(fd, "x", 1, &err), -1);
	assert_int_equal(err.code, ENOSPC);
	assert_string_equal(err.msg, "cannot write: No space left on device");
	close(fd);
}

static void reserve(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(file_reserve(place->fd, place->path, 1 << 20, &err),
			 0);
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	assert_true((uint64_t)st.st_blocks * 512 >= 1 << 20);
	assert_int_equal(file_reserve(place->fd, place->path, 0, &err), 0);
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void more_than_there_is(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;

	assert_int_equal(file_reserve(place->fd, "big", INT64_MAX, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_true(err.code == EFBIG || err.code == ENOSPC);
	assert_non_null(strstr(err.msg, "'big' needs 9223372036854775807 "
					"bytes, "));
	assert_non_null(strstr(err.msg, " are free: "));
}

/* As if the disk were full after 4096 bytes. */
static void a_full_disk(void **state)
{
	struct place *place = *state;
	const struct rlimit little = { 4096, RLIM_INFINITY };
	struct rlimit before;
	struct err err = ERR_INIT;
	char data[8192] = "";
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	file_write_at(place->fd, data, sizeof(data), 0, &err);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, EFBIG);
	assert_string_equal(err.msg, "cannot write the file: File too large");
	err_clear(&err);
	assert_int_equal(file_reserve(place->fd, place->path, 8192, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_int_equal(st.st_size, 4096);
}

static void directories(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	char path[160];
	struct stat st;
	mode_t mask = umask(0);

	snprintf(path, sizeof(path), "%s/a//b/c", place->dir);
	assert_int_equal(file_make_dir(path, 0700, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_make_dir(path, 0700, &err), 0);
	umask(mask);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/a/b", place->dir);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/a", place->dir);
	assert_int_equal(rmdir(path), 0);
	/* Below a file there is no directory to be had. */
	snprintf(path, sizeof(path), "%s/x/y", place->path);
	assert_int_equal(file_make_dir(path, 0700, &err), -1);
	assert_int_equal(err.code, ENOTDIR);
	assert_int_equal(err.kind, ERR_LOCAL);
}

static int open_own(const char *path)
{
	struct err err = ERR_INIT;
	int fd = file_open_own(path, O_RDWR | O_CREAT, &err);

	if (fd < 0)
		assert_int_equal(err.kind, ERR_LOCAL);
	return fd;
}

static int open_shared(const char *path)
{
	struct err err = ERR_INIT;

	return file_open_shared(path, 0666, &err);
}

/* Files that others may have put in the place of ours. */
static void planted(void **state)
{
	int (*const opens[])(const char *path) = { open_own, open_shared };
	struct place *place = *state;
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/planted", place->dir);
	assert_int_equal(fchmod(place->fd, 0640), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(symlink(place->path, path), 0);
		assert_int_equal(opens[i](path), -1);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink("to-be-made", path), 0);
		assert_int_equal(opens[i](path), -1);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(link(place->path, path), 0);
		assert_int_equal(opens[i](path), -1);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(opens[i](path), -1);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(opens[i](path), -1);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void modes_of_new_files(void **state)
{
	struct place *place = *state;
	mode_t mask = umask(027);
	char path[160];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/new", place->dir);
	fd = open_own(path);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	unlink(path);
	fd = open_shared(path);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	close(fd);
	unlink(path);
	umask(mask);
}

/* A file of this user's that others can give a name is not trusted. */
static void a_folder_that_others_can_enter(void **state)
{
	static const mode_t modes[] = { 0770, 0702, 0750, 0701, 02770 };
	struct place *place = *state;
	char path[160];

	assert_true(file_is_own_dir(place->dir));
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod(place->dir, modes[i]), 0);
		assert_false(file_is_own_dir(place->dir));
		assert_int_equal(open_own(place->path), -1);
	}
	/* The look left nothing there, and the folder is as it was. */
	assert_int_equal(chmod(place->dir, 02700), 0);
	assert_true(file_is_own_dir(place->dir));
	close(open_own(place->path));
	snprintf(path, sizeof(path), "%s-link", place->dir);
	assert_int_equal(symlink(place->dir, path), 0);
	assert_false(file_is_own_dir(path));
	assert_int_equal(unlink(path), 0);
	assert_false(file_is_own_dir(path));
	assert_false(file_is_own_dir(place->path));
}

/* Only root can give a file away. */
static void of_another_user(void **state)
{
	struct place *place = *state;
	struct stat st;
	int fd;

	if (geteuid())
		skip();
	assert_int_equal(fchmod(place->fd, 0640), 0);
	assert_int_equal(fchown(place->fd, 65534, 65534), 0);
	assert_int_equal(open_own(place->path), -1);
	fd = open_shared(place->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* A descriptor that cannot be locked stands for a file system without locks. */
static void locks(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	int fd = open(place->path, O_RDWR), readable;

	assert_int_equal(file_lock(fd, &err), 0);
	close(fd);
	readable = open(place->path, O_RDONLY);
	assert_int_equal(file_lock(readable, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, EBADF);
	close(readable);
}

static void a_file_without_a_name(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	int one = file_open_unlinked(place->dir, &err);
	int two = file_open_unlinked(place->dir, &err);
	struct stat st;
	char text[6] = "";

	assert_true(one >= 0 && two >= 0);
	assert_true(fcntl(one, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(one, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_write_at(one, "hello", 5, 0, &err), 0);
	assert_int_equal(file_read_at(one, text, 5, 0, &err), 0);
	assert_string_equal(text, "hello");
	assert_int_equal(fstat(two, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(one);
	close(two);
	/* Nothing but the file of the place is in its directory. */
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(rmdir(place->dir), 0);
	assert_int_equal(file_open_unlinked(place->dir, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, place->dir));
}

/* FUSE's answer for a file system that has no such call. */
static void room_that_is_not_told(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct stat st;

	tells_blocks = true;
	blocks = 0;
	assert_int_equal(file_reserve(place->fd, "here", 1 << 20, &err), 0);
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
}

static void no_room(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;

	tells_blocks = true;
	blocks = 1000;
	assert_int_equal(file_reserve(place->fd, "here", 1 << 20, &err), -1);
	assert_int_equal(err.code, ENOSPC);
	assert_non_null(strstr(err.msg, "'here' needs 1048576 bytes, 0 are"));
}

static void modes_that_cannot_be_set(void **state)
{
	static const int forgiven[] = { EPERM, EOPNOTSUPP, ENOSYS };
	struct place *place = *state;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < COUNT(forgiven); i++) {
		fchmod_errno = forgiven[i];
		assert_int_equal(file_set_mode(place->fd, "here", 0644, &err),
				 0);
		assert_int_equal(err.kind, ERR_NONE);
	}
	fchmod_errno = EIO;
	assert_int_equal(file_set_mode(place->fd, "here", 0644, &err), -1);
	assert_int_equal(err.code, EIO);
	assert_non_null(strstr(err.msg, "'here'"));
}

enum { COPIED = 3 << 20 };	/* not all of the file: no blocks are shared */

/* The first bytes of a file without a name, which the place gets; the result. */
static int copy_to(const struct place *place, const struct stop *stop,
		   struct err *err)
{
	char *data = malloc(COPIED + 1), *copy = malloc(COPIED + 1);
	int from = file_open_unlinked(place->dir, err), ret;
	struct stat st;

	assert_true(data && copy && from >= 0);
	for (size_t i = 0; i <= COPIED; i++)
		data[i] = (char)(i * 7 >> 3);
	assert_int_equal(file_write_at(from, data, COPIED + 1, 0, err), 0);
	assert_int_equal(ftruncate(place->fd, 0), 0);
	ncopies = 0;
	ret = file_copy(from, place->fd, COPIED, stop, err);
	if (!ret) {
		assert_int_equal(fstat(place->fd, &st), 0);
		assert_int_equal(st.st_size, COPIED);
		assert_int_equal(file_read_at(place->fd, copy, COPIED, 0, err),
				 0);
		assert_memory_equal(data, copy, COPIED);
	}
	close(from);
	free(data);
	free(copy);
	return ret;
}

static void copies(void **state)
{
	static const int forgiven[] = { EXDEV, ENOSYS, EINVAL, EPERM,
					EOPNOTSUPP };
	const struct stop never = { .is_wanted = NULL };
	struct place *place = *state;
	struct err err = ERR_INIT;

	copy_errno = 0;
	copy_most = SIZE_MAX;
	assert_int_equal(copy_to(place, &never, &err), 0);
	/* It may copy less than it is asked for. */
	copy_most = 1000000;
	assert_int_equal(copy_to(place, &never, &err), 0);
	assert_int_equal(ncopies, 4);
	/* It may say that it has reached the end, as of a file of /proc. */
	copy_most = 0;
	assert_int_equal(copy_to(place, &never, &err), 0);
	for (size_t i = 0; i < COUNT(forgiven); i++) {
		copy_errno = forgiven[i];
		assert_int_equal(copy_to(place, &never, &err), 0);
		assert_int_equal(ncopies, 1);
	}
	copy_errno = ENOSPC;
	assert_int_equal(copy_to(place, &never, &err), -1);
	assert_int_equal(err.code, ENOSPC);
	copy_errno = 0;
}

static void a_copy_of_too_few_bytes(void **state)
{
	const struct stop never = { .is_wanted = NULL };
	struct place *place = *state;
	struct err err = ERR_INIT;
	int from = file_open_unlinked(place->dir, &err);

	copy_errno = 0;
	copy_most = SIZE_MAX;
	assert_int_equal(file_write_at(from, "abc", 3, 0, &err), 0);
	assert_int_equal(file_copy(from, place->fd, 4, &never, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	close(from);
}

static bool stop_at_second(void *ctx)
{
	int *ncalls = ctx;

	return ++*ncalls == 2;
}

static void a_copy_that_is_stopped(void **state)
{
	struct place *place = *state;

	copy_most = 1000000;
	for (copy_errno = 0; copy_errno <= EXDEV; copy_errno += EXDEV) {
		int ncalls = 0;
		struct stop stop = stop_when(stop_at_second, &ncalls);
		struct err err = ERR_INIT;

		assert_int_equal(copy_to(place, &stop, &err), -1);
		assert_int_equal(err.kind, ERR_CANCELED);
	}
	copy_errno = 0;
}

static void paths_below_a_folder(void **state)
{
	struct place *place = *state;
	int top = open(place->dir, O_RDONLY | O_DIRECTORY), dir;
	struct err err = ERR_INIT;
	const char *name;
	char path[200];

	assert_true(top >= 0);
	dir = file_open_below(top, "file", false, &name, &err);
	assert_true(dir >= 0);
	assert_string_equal(name, "file");
	assert_int_equal(faccessat(dir, name, F_OK, 0), 0);
	close(dir);
	assert_int_equal(file_open_below(top, "d/e/f", false, &name, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, "'d'"));
	dir = file_open_below(top, "d/e/f", true, &name, &err);
	assert_true(dir >= 0);
	assert_string_equal(name, "f");
	close(dir);
	assert_int_equal(faccessat(top, "d/e", F_OK, 0), 0);
	assert_int_equal(faccessat(top, "d/e/f", F_OK, 0), -1);
	/* A link to a folder that it may enter by another way. */
	assert_int_equal(symlinkat("e", top, "d/l"), 0);
	err_clear(&err);
	assert_int_equal(file_open_below(top, "d/l/f", true, &name, &err), -1);
	assert_non_null(strstr(err.msg, "'d/l' is a link"));
	err_clear(&err);
	assert_int_equal(file_open_below(top, "file/f", true, &name, &err), -1);
	assert_non_null(strstr(err.msg, "'file' is a file"));
	unlinkat(top, "d/l", 0);
	snprintf(path, sizeof(path), "%s/d/e", place->dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/d", place->dir);
	rmdir(path);
	close(top);
}

#define WITH_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(open_and_identify),
		WITH_PLACE(same_size_other_time),
		WITH_PLACE(what_is_no_file),
		WITH_PLACE(a_file_that_is_too_short),
		cmocka_unit_test(a_descriptor_that_refuses),
		WITH_PLACE(reserve),
		WITH_PLACE(more_than_there_is),
		WITH_PLACE(a_full_disk),
		WITH_PLACE(directories),
		WITH_PLACE(planted),
		WITH_PLACE(modes_of_new_files),
		WITH_PLACE(a_folder_that_others_can_enter),
		WITH_PLACE(of_another_user),
		WITH_PLACE(locks),
		WITH_PLACE(a_file_without_a_name),
		WITH_PLACE(room_that_is_not_told),
		WITH_PLACE(no_room),
		WITH_PLACE(modes_that_cannot_be_set),
		WITH_PLACE(copies),
		WITH_PLACE(a_copy_of_too_few_bytes),
		WITH_PLACE(a_copy_that_is_stopped),
		WITH_PLACE(paths_below_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
