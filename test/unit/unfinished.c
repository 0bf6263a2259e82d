/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/git/storage.h"
#include "lfs/transfer/record.h"
#include "lfs/transfer/unfinished.h"
#include "lfs/worktree/placed.h"
#include "test/unit/unit.h"

#define OID "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

enum { DAY_S = 24 * 60 * 60 };

static char dir[] = "/tmp/unfinished-XXXXXX";
static struct storage storage = { .multipart_dir = dir, .user_dir = dir };

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

static void touch(const char *name, int days)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	times[1].tv_sec = clock_unix() - (int64_t)days * DAY_S;
	assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

/* A file of `size` bytes, so many days old. */
static void make(const char *name, off_t size, int days)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
	touch(name, days);
}

static void piece(struct journal *journal, uint64_t off, uint64_t size)
{
	struct journal_piece piece = { .off = off, .size = size };

	journal_add(journal, JOURNAL_PIECE, &piece, sizeof(piece), NULL);
}

static void part(struct journal *journal, uint32_t number)
{
	struct journal_part part = { .number = number };

	journal_add(journal, JOURNAL_PART, &part, sizeof(part), "\"etag\"");
}

/* The journal of an object of 100 bytes, in parts of 30. */
static struct journal *begin(const char *name, bool is_upload)
{
	struct journal_begin begin = { .is_upload = is_upload,
				       .size = 100,
				       .part_size = 30 };
	struct err err = ERR_INIT;
	struct journal *journal = journal_open(name, &err);

	assert_non_null(journal);
	record_begin(journal, &begin);
	return journal;
}

static void make_download(int days)
{
	struct journal *journal = begin(OID ".journal", false);

	piece(journal, 0, 20);
	piece(journal, 60, 30);
	journal_close(journal);
	make(OID ".partial", 100, days);
	touch(OID ".journal", days);
}

static void make_upload(const char *name, const char *key, bool is_complete,
			int days)
{
	struct journal *journal = begin(name, true);
	int64_t now = clock_unix();

	journal_add(journal, JOURNAL_KEY, key, strlen(key), NULL);
	part(journal, 2);
	part(journal, 4);
	if (is_complete)
		journal_add(journal, JOURNAL_COMPLETE, &now, sizeof(now), NULL);
	journal_close(journal);
	touch(name, days);
}

static struct unfinished_list load(size_t n)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;

	assert_int_equal(unfinished_load(&list, &storage, &err), 0);
	assert_int_equal(list.n, n);
	return list;
}

static int remove_all(size_t n, int64_t limit)
{
	struct unfinished_list list = load(n);
	struct err err = ERR_INIT;
	int nremoved = 0;

	for (size_t i = 0; i < list.n; i++) {
		err_clear(&err);
		if (!unfinished_remove(&list.items[i], limit, &err))
			nremoved++;
		else
			assert_int_equal(err.kind, ERR_BUSY);
	}
	unfinished_release(&list);
	return nremoved;
}

static void nothing(void **state)
{
	struct unfinished_list list = load(0);
	struct err err = ERR_INIT;

	(void)state;
	unfinished_release(&list);
	storage.multipart_dir = (char *)"/nowhere/at/all";
	storage.user_dir = (char *)"/nowhere/at/all/1";
	assert_int_equal(unfinished_load(&list, &storage, &err), 0);
	assert_int_equal(list.n, 0);
	storage.multipart_dir = (char *)"/dev/null";
	assert_int_equal(unfinished_load(&list, &storage, &err), -1);
	storage.multipart_dir = storage.user_dir = dir;
	assert_int_equal(err.kind, ERR_LOCAL);
	unfinished_release(&list);
}

static void a_download(void **state)
{
	struct unfinished_list list;
	const struct unfinished *item;
	char path[200];

	(void)state;
	make_download(3);
	list = load(1);
	item = list.items;
	snprintf(path, sizeof(path), "%s/" OID ".partial", dir);
	assert_int_equal(item->kind, UNFINISHED_DOWNLOAD);
	assert_true(unfinished_is_transfer(item));
	assert_true(item->is_readable);
	assert_false(item->in_use);
	assert_string_equal(item->oid, OID);
	assert_string_equal(item->path, path);
	assert_int_equal(item->size, 100);
	assert_int_equal(item->done, 50);
	assert_null(item->server);
	assert_in_range(clock_unix() - item->touched, 3 * DAY_S, 3 * DAY_S + 9);
	unfinished_release(&list);

	/* Without its file, or with another one, nothing of it counts. */
	assert_int_equal(truncate(OID ".partial", 99), 0);
	list = load(1);
	assert_int_equal(list.items->done, 0);
	unfinished_release(&list);
	unlink(OID ".partial");
	list = load(1);
	assert_int_equal(list.items->done, 0);
	unfinished_release(&list);
	assert_int_equal(remove_all(1, INT64_MAX), 1);
}

static void an_upload(void **state)
{
	struct unfinished_list list;

	(void)state;
	make_upload(OID "-00000001.upload",
		    "https://u:p@h/lfs?t\nhttps://s/x\ny", false, 1);
	make_upload(OID "-00000002.upload", "https://s/x\ny", false, 2);
	make_upload(OID "-00000003.upload", "z", true, 3);
	list = load(3);
	/* The last part has 10 bytes. */
	assert_int_equal(list.items[0].kind, UNFINISHED_UPLOAD);
	assert_int_equal(list.items[0].done, 40);
	assert_string_equal(list.items[0].server, "https://h/lfs");
	assert_string_equal(list.items[1].server, "https://s/x");
	assert_int_equal(list.items[2].kind, UNFINISHED_COMPLETED);
	assert_false(unfinished_is_transfer(&list.items[2]));
	unfinished_release(&list);
	assert_int_equal(remove_all(3, INT64_MAX), 3);
	load(0);
}

/* Records that say more than there can be. */
static void hostile_numbers(void **state)
{
	struct journal *journal = begin(OID ".journal", false);
	struct unfinished_list list;

	(void)state;
	piece(journal, 0, UINT64_MAX);
	piece(journal, UINT64_MAX, UINT64_MAX);
	journal_close(journal);
	make(OID ".partial", 100, 0);
	journal = begin(OID "-00000001.upload", true);
	part(journal, 0);
	part(journal, 5);
	part(journal, UINT32_MAX);
	journal_close(journal);
	list = load(2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(list.items[i].done,
				 list.items[i].kind == UNFINISHED_UPLOAD ? 0 :
									   100);
	unfinished_release(&list);
	assert_int_equal(remove_all(2, INT64_MAX), 2);
}

static void damaged(void **state)
{
	struct unfinished_list list;

	(void)state;
	make(OID ".journal", 1000, 0);
	make(OID ".partial", 100, 0);
	/* The journal of an upload, by its name. */
	journal_close(begin(OID "-00000001.upload", false));
	list = load(2);
	assert_false(list.items[0].is_readable);
	assert_false(list.items[1].is_readable);
	unfinished_release(&list);
	assert_int_equal(remove_all(2, INT64_MAX), 2);
	load(0);
}

/* A process that holds the lock until the pipe is closed. */
static pid_t hold(const char *name, int *until)
{
	struct err err = ERR_INIT;
	int ready[2], end[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid = fork();
	if (!pid) {
		close(end[1]);
		if (!journal_open(name, &err) || write(ready[1], "", 1) != 1 ||
		    read(end[0], &c, 1))
			_exit(1);
		_exit(0);
	}
	close(end[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	*until = end[1];
	return pid;
}

static void in_use(void **state)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;
	pid_t pid;
	int until;

	(void)state;
	make_download(0);
	list = load(1);
	pid = hold(OID ".journal", &until);
	/* Locked after we looked, and before. */
	assert_int_equal(unfinished_remove(list.items, INT64_MAX, &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	unfinished_release(&list);
	list = load(1);
	assert_true(list.items->in_use);
	unfinished_release(&list);
	assert_int_equal(remove_all(1, INT64_MAX), 0);
	assert_int_equal(access(OID ".partial", F_OK), 0);
	close(until);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(remove_all(1, INT64_MAX), 1);
	load(0);
}

/* Without a journal: nothing of it counts, and its own lock is looked at. */
static void alone(void **state)
{
	struct unfinished_list list;
	pid_t pid;
	int until;

	(void)state;
	make(OID ".partial.AbCdEf", 100, 0);
	list = load(1);
	assert_int_equal(list.items->kind, UNFINISHED_ALONE);
	assert_true(unfinished_is_transfer(list.items));
	assert_int_equal(list.items->size, 100);
	assert_int_equal(list.items->done, 0);
	assert_false(list.items->in_use);
	unfinished_release(&list);
	pid = hold(OID ".partial.AbCdEf", &until);
	assert_int_equal(remove_all(1, INT64_MAX), 0);
	close(until);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(remove_all(1, INT64_MAX), 1);
	load(0);
}

static void a_login_in_use(void **state)
{
	char login[64], lock[80];
	pid_t pid;
	int until;

	(void)state;
	snprintf(login, sizeof(login), "credential-%lu",
		 (unsigned long)geteuid());
	snprintf(lock, sizeof(lock), "%s/lock", login);
	assert_int_equal(mkdir(login, 0700), 0);
	pid = hold(lock, &until);
	assert_int_equal(remove_all(1, INT64_MAX), 0);
	close(until);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(remove_all(1, INT64_MAX), 1);
	load(0);
}

/* Its journal has gone meanwhile: the file is git-lfs's. */
static void finished_meanwhile(void **state)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;

	(void)state;
	make_download(0);
	list = load(1);
	unlink(OID ".journal");
	assert_int_equal(unfinished_remove(list.items, INT64_MAX, &err), 0);
	assert_int_equal(access(OID ".partial", F_OK), 0);
	assert_int_equal(access(OID ".journal", F_OK), -1);
	unfinished_release(&list);
	unlink(OID ".partial");
}

static void worked_on_meanwhile(void **state)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;

	(void)state;
	make_download(9);
	list = load(1);
	touch(OID ".partial", 0);
	assert_int_equal(unfinished_remove(list.items, clock_unix() - 5 * DAY_S,
					   &err),
			 -1);
	assert_int_equal(access(OID ".partial", F_OK), 0);
	unfinished_release(&list);
	assert_int_equal(remove_all(1, INT64_MAX), 1);
}

static int64_t limit_of(enum unfinished_kind kind, int64_t limit, int64_t now)
{
	const struct unfinished item = { .kind = kind };

	return unfinished_limit(&item, limit, now);
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(limit_of(UNFINISHED_UPLOAD, 5, DAY_S + 7), 5);
	assert_int_equal(limit_of(UNFINISHED_STRAY, 5, DAY_S + 7), 7);
	assert_int_equal(limit_of(UNFINISHED_ALONE, 5, DAY_S + 7), 7);
	assert_int_equal(limit_of(UNFINISHED_ALONE, DAY_S, DAY_S + 7), DAY_S);
	assert_int_equal(limit_of(UNFINISHED_LOGIN, INT64_MAX, DAY_S + 7), 7);
	assert_int_equal(limit_of(UNFINISHED_PLACED, 5, DAY_S + 7), 5);
}

/* Its temporary files go with it; that of a person does not. */
static void placed_files(void **state)
{
	const char name[] = "placed-0123456789abcdef.journal";
	struct placed_file file = { .path = (char *)"a.bin", .id.inode = 1 };
	struct err err = ERR_INIT;
	struct unfinished_list list;
	struct placed left;
	struct journal *journal = placed_open(name, dir, &left, &err);

	(void)state;
	assert_non_null(journal);
	memset(file.pointer.oid, 'a', POINTER_OID);
	memset(file.blob, 'b', 40);
	placed_note(journal, &file);
	assert_int_equal(placed_note_temp(journal, "temp", &err), 0);
	journal_close(journal);
	make("placed-0123456789abcdef.temp", 5, 0);
	make("temp", 5, 0);
	make("temp2", 5, 0);
	list = load(1);
	assert_int_equal(list.items[0].kind, UNFINISHED_PLACED);
	assert_int_equal(list.items[0].nplaced, 1);
	assert_true(list.items[0].is_readable);
	assert_false(unfinished_is_transfer(&list.items[0]));
	unfinished_release(&list);
	assert_int_equal(remove_all(1, INT64_MAX), 1);
	assert_int_equal(access("placed-0123456789abcdef.temp", F_OK), -1);
	assert_int_equal(access("temp", F_OK), -1);
	assert_int_equal(unlink("temp2"), 0);
	load(0);
}

static void names_of_others(void **state)
{
	static const char *const names[] = {
		"connections",	"pruned",	OID,
		OID ".other",	OID ".uploads", OID "0.journal",
		"credential-x", "abc.journal",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		make(names[i], 1, 100);
	load(0);
	unfinished_tidy(&storage, 30);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(unlink(names[i]), 0);
}

static bool is_there(const char *name)
{
	return !access(name, F_OK);
}

static void tidy(void **state)
{
	char login[64];

	(void)state;
	snprintf(login, sizeof(login), "credential-%lu",
		 (unsigned long)geteuid());
	make_download(29);
	make_upload(OID "-00000001.upload", "k", false, 8);
	make_upload(OID "-00000002.upload", "k", false, 6);
	make_upload(OID "-00000003.upload", "k", true, 2);
	make_upload(OID "-00000004.upload", "k", true, 0);
	make(OID ".partial.AbCdEf", 10, 2);
	make(OID ".GhIjKl", 10, 31);
	assert_int_equal(mkdir(login, 0700), 0);
	touch(login, 2);

	unfinished_tidy(&storage, 0);
	assert_false(is_there("pruned"));
	assert_true(is_there(OID "-00000001.upload"));
	unfinished_tidy(&storage, 30);
	assert_true(is_there("pruned"));
	assert_true(is_there(OID ".partial"));
	assert_false(is_there(OID "-00000001.upload"));
	assert_true(is_there(OID "-00000002.upload"));
	assert_false(is_there(OID "-00000003.upload"));
	assert_true(is_there(OID "-00000004.upload"));
	assert_false(is_there(OID ".partial.AbCdEf"));
	assert_false(is_there(OID ".GhIjKl"));
	assert_false(is_there(login));

	/* Once a day; a note from the future is none. */
	unfinished_tidy(&storage, 5);
	assert_true(is_there(OID ".partial"));
	touch("pruned", -2);
	unfinished_tidy(&storage, 5);
	assert_false(is_there(OID ".partial"));
	assert_false(is_there(OID ".journal"));
	assert_false(is_there(OID "-00000002.upload"));
	unlink("pruned");
	assert_int_equal(remove_all(1, INT64_MAX), 1);
}

/* Another tool has brought the object: nothing is left to resume. */
static void tidy_what_came(void **state)
{
	(void)state;
	assert_int_equal(system("mkdir -p objects/2c/f2"), 0);
	storage.dir = dir;
	for (int differs = 1; differs >= 0; differs--) {
		make_download(0);
		make_upload(OID "-00000001.upload", "k", false, 0);
		make("objects/2c/f2/" OID, 100 + differs, 0);
		unfinished_tidy(&storage, 30);
		assert_int_equal(is_there(OID ".partial"), differs);
		assert_int_equal(is_there(OID ".journal"), differs);
		assert_true(is_there(OID "-00000001.upload"));
		unlink("pruned");
		assert_int_equal(remove_all((size_t)differs + 1, INT64_MAX),
				 differs + 1);
	}
	storage.dir = NULL;
	assert_int_equal(system("rm -r objects"), 0);
}

/* In a folder that others can enter nothing is resumed: it is litter. */
static void in_a_shared_folder(void **state)
{
	char user_dir[] = "unfinished-1";
	struct unfinished_list list;

	(void)state;
	storage.user_dir = user_dir;
	make_download(2);
	make_upload(OID "-00000001.upload", "k", false, 2);
	make(OID ".partial.AbCdEf", 10, 2);
	make(OID ".GhIjKl", 10, 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(mkdir(user_dir, 0700), 0);
	assert_int_equal(chdir(user_dir), 0);
	make_download(1);
	assert_int_equal(chdir(".."), 0);
	list = load(6);
	for (size_t i = 0; i < list.n; i++)
		assert_int_equal(list.items[i].kind,
				 i == 1 ? UNFINISHED_DOWNLOAD :
					  UNFINISHED_STRAY);
	unfinished_release(&list);
	unfinished_tidy(&storage, 30);
	assert_int_equal(unlink("unfinished-1/pruned"), 0);
	list = load(2);
	assert_int_equal(list.items[1].kind, UNFINISHED_DOWNLOAD);
	unfinished_release(&list);
	assert_int_equal(remove_all(2, INT64_MAX), 2);
	assert_int_equal(rmdir(user_dir), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	storage.user_dir = dir;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(a_download),
		cmocka_unit_test(an_upload),
		cmocka_unit_test(hostile_numbers),
		cmocka_unit_test(damaged),
		cmocka_unit_test(in_use),
		cmocka_unit_test(alone),
		cmocka_unit_test(a_login_in_use),
		cmocka_unit_test(finished_meanwhile),
		cmocka_unit_test(worked_on_meanwhile),
		cmocka_unit_test(limits),
		cmocka_unit_test(placed_files),
		cmocka_unit_test(names_of_others),
		cmocka_unit_test(tidy),
		cmocka_unit_test(tidy_what_came),
		cmocka_unit_test(in_a_shared_folder),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
