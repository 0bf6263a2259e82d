/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "test/unit/unit.h"

/* Files where the file system does not do all that one of a disk does. */

static int fchmod_errno;	/* that it fails with */
static fsblkcnt_t blocks;	/* that the file system says it has */

/* In place of libc's. */
int fstatvfs(int fd, struct statvfs *vfs)
{
	(void)fd;
	*vfs = (struct statvfs){ .f_frsize = 512, .f_blocks = blocks };
	return 0;
}

int fchmod(int fd, mode_t mode)
{
	(void)fd;
	(void)mode;
	errno = fchmod_errno;
	return -1;
}

static int open_file(void)
{
	char path[] = "/tmp/lfsmp-file-odd.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* What FUSE says for one that has no such call. */
static void room_that_is_not_told(void **state)
{
	struct err err = ERR_INIT;
	int fd = open_file();
	struct stat st;

	(void)state;
	blocks = 0;
	assert_int_equal(file_reserve(fd, "here", 1 << 20, &err), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	close(fd);
}

static void no_room(void **state)
{
	struct err err = ERR_INIT;
	int fd = open_file();

	(void)state;
	blocks = 1000;
	assert_int_equal(file_reserve(fd, "here", 1 << 20, &err), -1);
	assert_int_equal(err.code, ENOSPC);
	assert_non_null(strstr(err.msg, "'here' needs 1048576 bytes, 0 are"));
	close(fd);
}

static void modes(void **state)
{
	static const int forgiven[] = { EPERM, EOPNOTSUPP, ENOSYS };
	struct err err = ERR_INIT;
	int fd = open_file();

	(void)state;
	for (size_t i = 0; i < COUNT(forgiven); i++) {
		fchmod_errno = forgiven[i];
		assert_int_equal(file_set_mode(fd, "here", 0644, &err), 0);
		assert_int_equal(err.kind, ERR_NONE);
	}
	fchmod_errno = EIO;
	assert_int_equal(file_set_mode(fd, "here", 0644, &err), -1);
	assert_int_equal(err.code, EIO);
	assert_non_null(strstr(err.msg, "'here'"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_that_is_not_told),
		cmocka_unit_test(no_room),
		cmocka_unit_test(modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
