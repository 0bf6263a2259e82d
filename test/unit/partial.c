/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/git/storage.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/source.h"
#include "test/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static const char oid[] =
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
static char dir[] = "/tmp/lfsmp-partial.XXXXXX";
static struct storage storage = { .dir = dir,
				  .multipart_dir = dir,
				  .user_dir = dir };
static unsigned char bytes[4 << 20];

static int make_dir(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * i >> 7);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static bool is_empty(void)
{
	char command[100];

	snprintf(command, sizeof(command), "test -z \"$(ls %s)\"", dir);
	return !system(command);
}

/* By this process: only others see that. */
static bool is_locked(const char *path)
{
	int fd = open(path, O_RDONLY), status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(file_is_locked(fd) ? 0 : 1);
	waitpid(pid, &status, 0);
	return !status;
}

static bool is_there(const char *suffix)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s%s", dir, oid, suffix);
	return !access(path, F_OK);
}

/* A download of so many bytes in parts of 4 MiB, as an earlier run left it. */
static void open_it(struct object *object, uint64_t size)
{
	const struct plan_request request = { .direction = DOWNLOAD,
					      .oid = oid,
					      .size = size };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;

	assert_int_equal(plan_cut(plan, size > 4 * MIB ? 4 * MIB : MIB, &err),
			 0);
	object_init(object, plan);
	object->source = source_new(NULL, "http://host/object", plan->size);
	object->storage = &storage;
	object->verifies = true;
	assert_int_equal(partial_open(object, &err), 0);
}

/* A worker receives the next `n` bytes of a part. */
static void receive(struct object *object, size_t number, size_t n)
{
	struct part *part = &object->plan->parts[number - 1];
	uint64_t done = part->done;
	struct err err = ERR_INIT;

	assert_int_equal(object_write(object, bytes + done, n, part->off + done,
				      &err),
			 0);
	object_move(object, part, done + n);
	partial_note(object, part, bytes + done, n);
}

static void assert_done(const struct object *object, uint64_t first,
			uint64_t second, uint64_t third)
{
	const struct part *parts = object->plan->parts;

	assert_int_equal(parts[0].done, first);
	assert_int_equal(parts[1].done, second);
	assert_int_equal(parts[2].done, third);
	assert_int_equal(object->moved, first + second + third);
}

static void goes_on(void **state)
{
	struct object object;
	struct stat st;

	(void)state;
	open_it(&object, 10 * MIB);
	assert_false(object.has_start);
	assert_int_equal(fstat(object.fd, &st), 0);
	assert_int_equal(st.st_size, 10 * MIB);
	receive(&object, 1, 4 * MIB);
	receive(&object, 2, MIB);
	receive(&object, 2, MIB);
	receive(&object, 3, MIB);
	/* Killed: what is under 2 MiB of a part was not noted yet. */
	object_release(&object);
	open_it(&object, 10 * MIB);
	assert_done(&object, 4 * MIB, 2 * MIB, 0);
	assert_int_equal(object.plan->parts[0].crc_moved,
			 crc_update(0, bytes, 4 * MIB));
	receive(&object, 2, 5);
	/* Stopped in order: to the byte. */
	partial_keep(&object);
	object_release(&object);
	open_it(&object, 10 * MIB);
	assert_done(&object, 4 * MIB, 2 * MIB + 5, 0);
	assert_int_equal(object.plan->parts[1].crc_moved,
			 crc_update(0, bytes, 2 * MIB + 5));
	partial_restart(&object);
	object_release(&object);
	open_it(&object, 10 * MIB);
	assert_done(&object, 0, 0, 0);
	partial_discard(&object);
	object_release(&object);
	assert_false(is_there(".partial") || is_there(".journal"));
}

static void is_handed_over(void **state)
{
	struct object object;
	struct err err = ERR_INIT;
	char *path;

	(void)state;
	open_it(&object, 10 * MIB);
	assert_true(is_there(".partial") && is_there(".journal"));
	assert_int_equal(partial_hand_over(&object, &err), 0);
	assert_false(is_there(".partial"));
	assert_int_equal(access(object.path, F_OK), 0);
	/* A name as partial_is_handover() knows it. */
	assert_int_equal(strlen(object.path), strlen(dir) + 1 + 64 + 1 + 6);
	/* Nobody took it. */
	partial_take_back(&object);
	assert_true(is_there(".partial"));
	assert_int_equal(partial_hand_over(&object, &err), 0);
	path = xstrdup(object.path);
	partial_finish(&object);
	object_release(&object);
	assert_false(is_there(".partial") || is_there(".journal"));
	assert_int_equal(unlink(path), 0);
	free(path);
}

/* A small one is in memory, and then in a file, written from its beginning. */
static void a_small_one(void **state)
{
	struct object object;
	struct err err = ERR_INIT;
	unsigned char *back = xmalloc(3 * MIB);

	(void)state;
	open_it(&object, 3 * MIB);
	receive(&object, 2, MIB);
	receive(&object, 1, 1000);
	assert_true(is_empty());
	partial_keep(&object);
	assert_true(is_empty());
	receive(&object, 3, MIB);
	receive(&object, 1, MIB - 1000);
	assert_int_equal(partial_write(&object, &err), 0);
	assert_int_equal(partial_hand_over(&object, &err), 0);
	assert_int_equal(file_read_at(object.fd, back, 3 * MIB, 0, &err), 0);
	assert_memory_equal(back + MIB, bytes, MIB);
	assert_memory_equal(back + 2 * MIB, back, MIB);
	assert_int_equal(unlink(object.path), 0);
	object_release(&object);
	free(back);
}

/* Another process has the journal: the file is locked, and is not kept. */
static void of_its_own(void **state)
{
	struct object object;
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "mkdir %s/%s.journal", dir, oid);
	assert_int_equal(system(command), 0);
	open_it(&object, 10 * MIB);
	assert_null(object.journal);
	assert_false(is_there(".partial"));
	receive(&object, 1, 1000);
	assert_true(is_locked(object.path));
	partial_keep(&object);
	assert_int_not_equal(access(object.path, F_OK), 0);
	object_release(&object);
	snprintf(command, sizeof(command), "rmdir %s/%s.journal", dir, oid);
	assert_int_equal(system(command), 0);
}

/* The file of that name has another size. */
static void another_size(void **state)
{
	struct object object;

	(void)state;
	open_it(&object, 10 * MIB);
	receive(&object, 1, 4 * MIB);
	assert_int_equal(ftruncate(object.fd, 9 * MIB), 0);
	object_release(&object);
	open_it(&object, 10 * MIB);
	assert_done(&object, 0, 0, 0);
	partial_discard(&object);
	object_release(&object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on),
		cmocka_unit_test(is_handed_over),
		cmocka_unit_test(a_small_one),
		cmocka_unit_test(of_its_own),
		cmocka_unit_test(another_size),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
