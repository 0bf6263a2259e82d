/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* mkdtemp() */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/journal.h"
#include "lfs/worktree/placed.h"
#include "test/unit/unit.h"

#define JOURNAL "placed-0123456789abcdef.journal"

enum { FILE_RECORD = 2 };	/* the type of a file's note */

static char dir[] = "/tmp/lfsmp-placed.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(JOURNAL);
	return chdir("/") || rmdir(dir);
}

static struct placed_file named(const char *path, uint64_t inode)
{
	struct placed_file file = { .path = (char *)path,
				    .id.inode = inode,
				    .pointer.size = 7 };

	memset(file.pointer.oid, 'a', POINTER_OID);
	memset(file.blob, 'b', 40);
	return file;
}

static struct journal *open_new(void)
{
	struct err err = ERR_INIT;
	struct placed left;
	struct journal *journal;

	unlink(JOURNAL);
	journal = placed_open(JOURNAL, dir, &left, &err);
	assert_non_null(journal);
	assert_null(left.top);
	placed_release(&left);
	return journal;
}

static struct placed load(void)
{
	struct placed placed;
	struct err err = ERR_INIT;
	bool in_use;

	assert_int_equal(placed_load(&placed, JOURNAL, &in_use, &err), 0);
	return placed;
}

static void what_was_noted(void **state)
{
	static const char *const paths[] = { "z", "a", "d/x\ny", "a" };
	struct journal *journal = open_new();
	const struct placed_id id = { .inode = 9 };
	struct placed placed;

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct placed_file file = named(paths[i], i);

		placed_note(journal, &file);
	}
	placed_note_lock(journal, "/lock", &id);
	journal_close(journal);
	placed = load();
	assert_string_equal(placed.top, dir);
	assert_true(placed.is_of_this_boot);
	assert_int_equal(placed.n, 3);
	/* The last note of a path counts. */
	assert_int_equal(placed_find(&placed, "a")->id.inode, 3);
	assert_int_equal(placed_find(&placed, "z")->id.inode, 0);
	assert_int_equal(placed_find(&placed, "d/x\ny")->pointer.size, 7);
	assert_null(placed_find(&placed, "d"));
	assert_string_equal(placed.lock, "/lock");
	assert_int_equal(placed.lock_id.inode, 9);
	placed_release(&placed);
}

static void another_work_tree(void **state)
{
	struct placed_file file = named("a", 1);
	struct journal *journal = open_new();
	struct err err = ERR_INIT;
	struct placed left;

	(void)state;
	placed_note(journal, &file);
	journal_close(journal);
	journal = placed_open(JOURNAL, "/other", &left, &err);
	assert_non_null(journal);
	assert_int_equal(left.n, 0);
	placed_release(&left);
	journal_close(journal);
	left = load();
	assert_string_equal(left.top, "/other");
	assert_int_equal(left.n, 0);
	placed_release(&left);
}

/* Each record has a right checksum, and none of them says what it should. */
static void records_that_say_nothing(void **state)
{
	struct journal *journal = open_new();
	static const char zeros[300];
	struct placed placed;

	(void)state;
	for (unsigned type = 0; type < 6; type++)
		for (size_t size = 0; size < sizeof(zeros); size += 7) {
			journal_add(journal, type, zeros, size, NULL);
			journal_add(journal, type, zeros, size, "path");
		}
	journal_close(journal);
	placed = load();
	assert_int_equal(placed.n, 0);
	placed_release(&placed);
}

/* A path that does not end where the record does, and ids that are no hex. */
static void ids_and_paths(void **state)
{
	struct placed_file bad[3] = { named("a", 1), named("b", 1),
				      named("c", 1) };
	struct placed_file good = named("d", 1);
	struct journal *journal = open_new();
	struct placed placed;

	(void)state;
	bad[0].pointer.oid[5] = '/';
	bad[1].blob[39] = '\0';
	memset(bad[2].blob, 'b', sizeof(bad[2].blob));
	for (size_t i = 0; i < COUNT(bad); i++)
		placed_note(journal, &bad[i]);
	placed_note(journal, &good);
	journal_add(journal, FILE_RECORD, "x\0y", 3, NULL);
	journal_close(journal);
	placed = load();
	assert_int_equal(placed.n, 1);
	assert_string_equal(placed.files[0].path, "d");
	placed_release(&placed);
}

static void no_journal(void **state)
{
	struct placed placed;
	struct err err = ERR_INIT;
	bool in_use;
	int fd;

	(void)state;
	unlink(JOURNAL);
	assert_int_equal(placed_load(&placed, JOURNAL, &in_use, &err), -1);
	fd = open(JOURNAL, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && write(fd, "garbage", 7) == 7);
	close(fd);
	placed = load();
	assert_null(placed.top);
	assert_int_equal(placed.n, 0);
	placed_release(&placed);
}

static void names(void **state)
{
	static const char *const others[] = {
		"placed-0123456789abcdef.temp",
		"placed-0123456789abcde.journal",
		"placed-0123456789abcdef0.journal",
		"placed-0123456789ABCDEF.journal",
		"xplaced-0123456789abcdef.journal",
		"placed-",
		"",
	};
	char *temp = placed_temp_path("/x/" JOURNAL);

	(void)state;
	assert_true(placed_is_journal(JOURNAL));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(placed_is_journal(others[i]));
	assert_string_equal(temp, "/x/placed-0123456789abcdef.temp");
	free(temp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_noted),
		cmocka_unit_test(another_work_tree),
		cmocka_unit_test(records_that_say_nothing),
		cmocka_unit_test(ids_and_paths),
		cmocka_unit_test(no_journal),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
