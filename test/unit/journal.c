/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/transfer/record.h"
#include "test/unit/unit.h"

struct place {
	char dir[64];
	char path[96];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	snprintf(place->dir, sizeof(place->dir), "/tmp/lfsmp-journal.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/a.journal", place->dir);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->dir);
	free(place);
	return 0;
}

static struct journal *open_it(const struct place *place)
{
	struct err err = ERR_INIT;
	struct journal *journal = journal_open(place->path, &err);

	assert_non_null(journal);
	return journal;
}

static void add_text(struct journal *journal, const char *text)
{
	journal_add(journal, JOURNAL_KEY, text, strlen(text), NULL);
}

static void expect(struct journal *journal, unsigned type, const char *text)
{
	struct journal_record record;

	assert_true(journal_next(journal, &record));
	assert_int_equal(record.type, type);
	assert_int_equal(record.size, strlen(text));
	/* A NUL follows the bytes. */
	assert_string_equal(record.data, text);
}

static void expect_end(struct journal *journal)
{
	struct journal_record record;

	assert_false(journal_next(journal, &record));
	assert_false(journal_next(journal, &record));
}

/* Three records: "one", "two" (in two pieces) and an empty one. */
static void fill(const struct place *place)
{
	struct journal *journal = open_it(place);

	expect_end(journal);
	add_text(journal, "one");
	journal_add(journal, JOURNAL_PART, "t", 1, "wo");
	journal_add(journal, JOURNAL_COMPLETE, NULL, 0, NULL);
	journal_close(journal);
}

static void write_and_read(void **state)
{
	struct place *place = *state;
	struct journal *journal;
	struct stat st;

	fill(place);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	journal = open_it(place);
	expect(journal, JOURNAL_KEY, "one");
	expect(journal, JOURNAL_PART, "two");
	expect(journal, JOURNAL_COMPLETE, "");
	expect_end(journal);
	add_text(journal, "four");
	journal_close(journal);
	journal = open_it(place);
	expect(journal, JOURNAL_KEY, "one");
	expect(journal, JOURNAL_PART, "two");
	expect(journal, JOURNAL_COMPLETE, "");
	expect(journal, JOURNAL_KEY, "four");
	expect_end(journal);
	journal_close(journal);
	journal_close(NULL);
}

/* How many records can be read, and then added to, of `n` of the bytes. */
static unsigned count_of_cut(const struct place *place, off_t n)
{
	struct journal_record record;
	struct journal *journal;
	unsigned count = 0;

	fill(place);
	assert_int_equal(truncate(place->path, n), 0);
	journal = open_it(place);
	while (journal_next(journal, &record))
		count++;
	add_text(journal, "new");
	journal_close(journal);
	journal = open_it(place);
	for (unsigned i = 0; i < count; i++)
		assert_true(journal_next(journal, &record));
	expect(journal, JOURNAL_KEY, "new");
	expect_end(journal);
	journal_remove(journal);
	journal_close(journal);
	return count;
}

/* Whatever byte was the last one to be written. */
static void cut_anywhere(void **state)
{
	struct place *place = *state;
	unsigned before = 0, counts[4] = { 0 };
	struct stat st;

	fill(place);
	assert_int_equal(stat(place->path, &st), 0);
	unlink(place->path);
	for (off_t n = 0; n <= st.st_size; n++) {
		unsigned count = count_of_cut(place, n);

		assert_in_range(count, before, before + 1);
		before = count;
		counts[count]++;
	}
	assert_int_equal(counts[3], 1);
	assert_int_equal(counts[0], counts[1]);
}

static void flip(const struct place *place, off_t off, unsigned char mask)
{
	int fd = open(place->path, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, off), 1);
	byte ^= mask;
	assert_int_equal(pwrite(fd, &byte, 1, off), 1);
	close(fd);
}

/* Whatever bit is wrong: what was before it is read, and nothing else. */
static void damage_anywhere(void **state)
{
	enum { FIRST = 16 + 3 };	/* the head, and "one" */
	struct place *place = *state;
	struct journal_record record;
	struct stat st;

	fill(place);
	assert_int_equal(stat(place->path, &st), 0);
	for (off_t n = 0; n < st.st_size; n++) {
		struct journal *journal;
		bool first = n < FIRST;

		unlink(place->path);
		fill(place);
		flip(place, n, (unsigned char)(1 << n % 8));
		journal = open_it(place);
		if (!first)
			expect(journal, JOURNAL_KEY, "one");
		else if (journal_next(journal, &record))
			fail_msg("byte %d: a record was read", (int)n);
		while (journal_next(journal, &record))
			assert_int_equal(record.type, JOURNAL_PART);
		journal_close(journal);
	}
}

static void begin(void **state)
{
	struct place *place = *state;
	struct journal_begin now = { .size = 7, .part_size = 3 }, then;
	struct journal_record record;
	struct journal *journal;

	fill(place);
	journal = open_it(place);
	expect(journal, JOURNAL_KEY, "one");
	record_begin(journal, &now);
	add_text(journal, "key");
	journal_close(journal);
	journal = open_it(place);
	assert_true(journal_next(journal, &record));
	assert_int_equal(record.type, JOURNAL_BEGIN);
	assert_int_equal(record.size, sizeof(then));
	memcpy(&then, record.data, sizeof(then));
	assert_int_equal(then.magic, JOURNAL_MAGIC);
	assert_int_equal(then.size, 7);
	assert_int_equal(then.part_size, 3);
	assert_true(clock_is_boot(then.boot));
	then.boot[0] ^= 1;
	assert_false(clock_is_boot(then.boot));
	memset(then.boot, 0, sizeof(then.boot));
	assert_false(clock_is_boot(then.boot));
	expect(journal, JOURNAL_KEY, "key");
	expect_end(journal);
	journal_close(journal);
}

/* Locks are between processes, so somebody else must try. */
static int try_in_a_child(const struct place *place)
{
	pid_t child = fork();
	int status = -1;

	assert_true(child >= 0);
	if (!child) {
		struct err err = ERR_INIT;
		struct journal *journal = journal_open(place->path, &err);
		bool in_use = false;

		journal_close(journal);
		journal_close(journal_peek(place->path, &in_use, &err));
		_exit((journal ? 1 : 0) + (err.kind == ERR_BUSY ? 2 : 0) +
		      (in_use ? 4 : 0));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void locks(void **state)
{
	struct place *place = *state;
	struct journal *journal = open_it(place);

	assert_int_equal(try_in_a_child(place), 2 + 4);
	journal_close(journal);
	assert_int_equal(try_in_a_child(place), 1);
}

/* The run before us was stopped, and is on its way out. */
static void waits_for_a_moment(void **state)
{
	struct place *place = *state;
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		const struct timespec pause = { .tv_nsec = 100000000 };
		struct err err = ERR_INIT;
		struct journal *journal = journal_open(place->path, &err);

		if (write(ready[1], "", 1) != 1)
			_exit(1);
		nanosleep(&pause, NULL);
		journal_remove(journal);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	journal_close(open_it(place));
	assert_int_equal(access(place->path, F_OK), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ready[0]);
	close(ready[1]);
}

static void peek(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct journal *journal;
	struct stat before, after;
	bool in_use = true;

	assert_null(journal_peek(place->path, &in_use, &err));
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_false(in_use);
	err_clear(&err);
	fill(place);
	assert_int_equal(truncate(place->path, 25), 0);
	assert_int_equal(stat(place->path, &before), 0);
	journal = journal_peek(place->path, &in_use, &err);
	assert_non_null(journal);
	expect(journal, JOURNAL_KEY, "one");
	expect_end(journal);
	add_text(journal, "not for you");
	journal_close(journal);
	assert_int_equal(stat(place->path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void removed(void **state)
{
	struct place *place = *state;
	struct journal *journal;

	fill(place);
	journal = open_it(place);
	journal_remove(journal);
	add_text(journal, "into the void");
	assert_int_equal(access(place->path, F_OK), -1);
	journal_close(journal);
}

#define WITH_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(write_and_read),
		WITH_PLACE(cut_anywhere),
		WITH_PLACE(damage_anywhere),
		WITH_PLACE(begin),
		WITH_PLACE(locks),
		WITH_PLACE(waits_for_a_moment),
		WITH_PLACE(peek),
		WITH_PLACE(removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
