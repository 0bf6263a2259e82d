/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/git/storage.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/unfinished.h"
#include "test/unit/unit.h"

#define OID "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define OTHER "000000000fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static char dir[] = "/tmp/lfsmp-handover.XXXXXX";
static const struct storage storage = { .multipart_dir = dir, .user_dir = dir };

static int enter(void **state)
{
	(void)state;
	return !mkdtemp(dir) || chdir(dir) ? -1 : 0;
}

static int leave(void **state)
{
	(void)state;
	return chdir("/") || rmdir(dir);
}

static void make(const char *name, off_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

/* An object of `size` bytes in one part, to be downloaded. */
static void init(struct object *object, uint64_t size)
{
	const struct plan_request request = { .direction = DOWNLOAD,
					      .oid = OID,
					      .size = size };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;

	assert_int_equal(plan_cut(plan, size, &err), 0);
	object_init(object, plan);
	object->storage = &storage;
}

/* The name that is found; NULL: none. */
static void expect(const char *name)
{
	struct object object;

	init(&object, 100);
	assert_int_equal(partial_adopt(&object), name != NULL);
	if (name) {
		assert_string_equal(strrchr(object.path, '/') + 1, name);
		assert_true(file_is_at(object.fd, object.path));
	}
	object_release(&object);
}

static void names(void **state)
{
	static const char *const others[] = {
		OID,
		OID ".partial",
		OID ".partial.AbCdEf",
		OID ".journal",
		OID "-12345",
		OID ".AbCdE",
		OID ".AbCdEfg",
		OTHER ".AbCdEf",
		OID ".a.b.c1",
	};

	(void)state;
	expect(NULL);
	for (size_t i = 0; i < COUNT(others); i++)
		make(others[i], 100);
	expect(NULL);
	make(OID ".AbCdEf", 100);
	expect(OID ".AbCdEf");
	unlink(OID ".AbCdEf");
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(unlink(others[i]), 0);
}

static void what_will_not_do(void **state)
{
	const struct storage nowhere = { .multipart_dir = "/nowhere",
					 .user_dir = "/nowhere" };
	struct object object;

	(void)state;
	make("file", 100);
	make(OID ".AAAAAA", 99);
	make(OID ".BBBBBB", 101);
	make(OID ".CCCCCC", 0);
	assert_int_equal(mkdir(OID ".DDDDDD", 0700), 0);
	assert_int_equal(mkfifo(OID ".EEEEEE", 0600), 0);
	assert_int_equal(symlink("file", OID ".FFFFFF"), 0);
	expect(NULL);
	make(OID ".GGGGGG", 100);
	expect(OID ".GGGGGG");
	for (char c = 'A'; c <= 'G'; c++) {
		char name[] = OID ".XXXXXX";

		memset(strchr(name, '.') + 1, c, 6);
		assert_int_equal(unlinkat(AT_FDCWD, name,
					  c == 'D' ? AT_REMOVEDIR : 0),
				 0);
	}
	unlink("file");
	init(&object, 100);
	object.storage = &nowhere;
	assert_false(partial_adopt(&object));
	object_release(&object);
}

/* A process that has the file locked until its input ends. */
static pid_t lock_it(const char *name, int *input)
{
	int ready[2], hold[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready) | pipe(hold), 0);
	pid = fork();
	if (!pid) {
		struct err err = ERR_INIT;
		int fd = open(name, O_RDWR);

		close(hold[1]);
		if (fd < 0 || file_lock(fd, &err) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(hold[0], &byte, 1) ? 1 : 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(hold[0]);
	*input = hold[1];
	return pid;
}

static void what_the_dead_have_left(void **state)
{
	struct object object;
	struct err err = ERR_INIT;
	int input, status;
	pid_t pid;

	(void)state;
	make(OID ".partial.AAAAAA", 0);
	make(OID ".partial.BBBBBB", 5);
	make(OID ".partial.CCCCCC", 5);
	make(OID ".partial", 5);
	make(OTHER ".partial.AAAAAA", 5);
	pid = lock_it(OID ".partial.BBBBBB", &input);
	init(&object, 100);
	assert_int_equal(partial_open(&object, &err), 0);
	object_release(&object);
	assert_int_equal(access(OID ".partial.AAAAAA", F_OK), -1);
	assert_int_equal(access(OID ".partial.CCCCCC", F_OK), -1);
	close(input);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(unlink(OID ".partial.BBBBBB"), 0);
	assert_int_equal(unlink(OID ".partial"), 0);
	assert_int_equal(unlink(OTHER ".partial.AAAAAA"), 0);
}

static void what_git_lfs_is_at(void **state)
{
	int input, status;
	pid_t pid;

	(void)state;
	make(OID ".AbCdEf", 100);
	pid = lock_it(OID ".AbCdEf", &input);
	expect(NULL);
	close(input);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect(OID ".AbCdEf");
	unlink(OID ".AbCdEf");
}

static void among_what_is_unfinished(void **state)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;

	(void)state;
	make(OID ".AbCdEf", 100);
	assert_int_equal(unfinished_load(&list, &storage, &err), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.items[0].kind, UNFINISHED_HANDOVER);
	assert_true(unfinished_is_transfer(&list.items[0]));
	assert_true(list.items[0].is_readable);
	assert_int_equal(list.items[0].size, 100);
	assert_int_equal(list.items[0].done, 100);
	assert_false(list.items[0].in_use);
	assert_int_equal(unfinished_remove(&list.items[0], INT64_MAX, &err), 0);
	assert_int_equal(access(OID ".AbCdEf", F_OK), -1);
	unfinished_release(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(what_will_not_do),
		cmocka_unit_test(what_git_lfs_is_at),
		cmocka_unit_test(what_the_dead_have_left),
		cmocka_unit_test(among_what_is_unfinished),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
