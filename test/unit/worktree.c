/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* mkdtemp(), setenv() */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/journal.h"
#include "lfs/base/mem.h"
#include "lfs/worktree/placed.h"
#include "lfs/worktree/worktree.h"
#include "test/unit/unit.h"

/* The object "abcd", and the blob of its pointer. */
#define OID "88d4266fd4e6338d13b845fcf289579d" \
	    "209c897823b9217da3e161936f031589"
#define POINTER \
	"version https://git-lfs.github.com/spec/v1\noid sha256:" OID \
	"\nsize 4\n"

static char dir[] = "/tmp/lfsmp-worktree.XXXXXX";
static struct repo repo;
static struct storage storage;
static char blob[65];

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A file that git does not take for one that has just been changed. */
static void make_old(const char *path, const char *text)
{
	const struct timespec then[2] = { { 1, 0 }, { 1, 0 } };

	unlink(path);
	make(path, text);
	assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

static bool has_text(const char *path, const char *text)
{
	char have[1000] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, have, sizeof(have) - 1) < 0)
		return false;
	close(fd);
	return !strcmp(have, text);
}

/* A repository of the pointers a and b, whose object is in the file `object`. */
static int make_repo(void **state)
{
	struct gitconfig *config;
	struct err err = ERR_INIT;
	FILE *answer;

	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	setenv("HOME", dir, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	run("git init -q repo && cd repo && git config user.name t && "
	    "git config user.email t@example.com && "
	    "git config filter.lfs.clean false && "
	    "git config filter.lfs.required true && "
	    "echo '? filter=lfs -text' >.gitattributes");
	if (chdir("repo"))
		return -1;
	make("a", POINTER);
	make("b", POINTER);
	make("../object", "abcd");
	run("git -c filter.lfs.clean=cat add . && "
	    "git -c filter.lfs.clean=cat commit -qm pointers");
	answer = popen("git rev-parse :a", "r");
	assert_non_null(answer);
	assert_non_null(fgets(blob, 41, answer));
	pclose(answer);
	config = gitconfig_load(NULL, &err);
	assert_non_null(config);
	assert_int_equal(repo_find(&repo, &err), 0);
	assert_int_equal(storage_load(&storage, &repo, config, &err), 0);
	gitconfig_free(config);
	return 0;
}

static int remove_repo(void **state)
{
	char command[100];

	(void)state;
	storage_release(&storage);
	repo_release(&repo);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || system(command);
}

/* All pointers again, and nothing left of the test before. */
static int reset(void **state)
{
	(void)state;
	unlink(".git/index.lock");
	make_old("a", POINTER);
	make_old("b", POINTER);
	run("git -c filter.lfs.clean=cat add a b; rm -rf .git/lfs/multipart");
	return 0;
}

static struct worktree *open_it(struct stop stop, struct err *err)
{
	const struct worktree_options options = {
		.repo = &repo,
		.storage = &storage,
		.keeps_objects = true,
		.program = "/bin/false",
		.stop = stop,
	};

	return worktree_open(&options, err);
}

static struct wanted_file wanted(const char *path)
{
	struct wanted_file file = { .path = (char *)path,
				    .pointer = { .oid = OID, .size = 4 },
				    .mode = 0100644,
				    .state = FILE_IS_POINTER };

	memcpy(file.blob, blob, sizeof(file.blob));
	return file;
}

static void place(struct worktree *worktree, const char *path)
{
	struct wanted_file file = wanted(path);
	struct err err = ERR_INIT;

	assert_int_equal(worktree_place(worktree, &file, "../object", false,
					&err),
			 0);
}

static void git_knows_all(void)
{
	run("test -z \"$(git status --porcelain)\"");
}

static void one_file(void **state)
{
	struct err err = ERR_INIT;
	struct worktree *worktree = open_it((struct stop){ 0 }, &err);
	struct wanted_file a = wanted("a"), b = wanted("b");

	(void)state;
	assert_non_null(worktree);
	place(worktree, "a");
	assert_int_equal(worktree_untold(worktree), 1);
	assert_true(worktree_has_placed(worktree, &a));
	assert_false(worktree_has_placed(worktree, &b));
	a.pointer.oid[0] = 'f';
	assert_false(worktree_has_placed(worktree, &a));
	assert_int_equal(worktree_tell_git(worktree, &err), 0);
	assert_int_equal(worktree_untold(worktree), 0);
	worktree_close(worktree);
	assert_true(has_text("a", "abcd"));
	git_knows_all();
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

/* Like a git that has the lock while we ask the first time. */
static bool remove_lock(void *ctx)
{
	int *ncalls = ctx;

	if (++*ncalls == 2)
		unlink(".git/index.lock");
	return false;
}

static bool is_stopped(void *ctx)
{
	(void)ctx;
	return is_there(".git/index.lock");
}

static void a_locked_index(void **state)
{
	int ncalls = 0;
	struct err err = ERR_INIT;
	struct worktree *worktree;

	(void)state;
	worktree = open_it(stop_when(remove_lock, &ncalls), &err);
	assert_non_null(worktree);
	place(worktree, "a");
	make(".git/index.lock", "");
	ncalls = 0;
	assert_int_equal(worktree_tell_git(worktree, &err), 0);
	assert_int_equal(ncalls, 2);
	worktree_close(worktree);
	git_knows_all();

	/* A stop ends it, and the next run tells git. */
	worktree = open_it(stop_when(is_stopped, NULL), &err);
	place(worktree, "b");
	make(".git/index.lock", "");
	assert_int_equal(worktree_tell_git(worktree, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_int_equal(worktree_untold(worktree), 1);
	worktree_close(worktree);
	assert_true(is_there(".git/index.lock"));
	unlink(".git/index.lock");
	err_clear(&err);
	worktree_close(open_it((struct stop){ 0 }, &err));
	git_knows_all();
}

/* A journal as a kill leaves it; `*path` is the caller's. */
static struct journal *open_journal(char **path)
{
	struct err err = ERR_INIT;
	struct placed left;
	struct journal *journal;

	assert_int_equal(storage_make_dir(&storage, &err), 0);
	*path = placed_journal_path(&storage, repo.top);
	journal = placed_open(*path, repo.top, &left, &err);
	assert_non_null(journal);
	assert_int_equal(left.n, 0);
	placed_release(&left);
	return journal;
}

static void note(struct journal *journal, const char *path, bool is_renamed)
{
	struct placed_file file = { .path = (char *)path,
				    .pointer = { .oid = OID, .size = 4 } };
	struct stat st;

	memcpy(file.blob, blob, sizeof(file.blob));
	assert_int_equal(lstat(path, &st), 0);
	file.id = placed_identify(&st);
	if (!is_renamed)
		file.id.ctime_ns = 0;
	placed_note(journal, &file);
}

/* Of a run that was killed between the rename and the second note. */
static void a_note_before_the_rename(void **state)
{
	struct err err = ERR_INIT;
	char *path;
	struct journal *journal = open_journal(&path);

	(void)state;
	make_old("a", "abcd");
	note(journal, "a", false);
	/* Of this one only the first note was written: it has its pointer. */
	note(journal, "b", false);
	rename("b", "../b");
	make_old("b", POINTER);
	run("rm ../b; git -c filter.lfs.clean=cat add b");
	journal_close(journal);
	worktree_close(open_it((struct stop){ 0 }, &err));
	assert_false(is_there(path));
	git_knows_all();
	free(path);
}

/* A pointer that was swapped with the object's file goes, a fetched file stays. */
static void a_pointer_that_was_swapped(void **state)
{
	struct err err = ERR_INIT;
	char *path, *swapped, *fetched;
	struct journal *journal = open_journal(&path);

	(void)state;
	swapped = xstrfmt("%s/" OID ".0a1b2c", storage_own_dir(&storage));
	fetched = xstrfmt("%s/" OID ".0a1b2d", storage_own_dir(&storage));
	make(swapped, POINTER);
	make(fetched, "abcd");
	make_old("a", "abcd");
	note(journal, "a", false);
	journal_close(journal);
	worktree_close(open_it((struct stop){ 0 }, &err));
	assert_false(is_there(swapped));
	assert_true(is_there(fetched));
	unlink(fetched);
	free(swapped);
	free(fetched);
	free(path);
}

/* Have the first record name another boot. */
static void change_boot(const char *path)
{
	struct err err = ERR_INIT;
	struct journal *journal = journal_open(path, &err);
	struct journal_record record;
	char boot[CLOCK_BOOT_SIZE], *records[8] = { NULL };
	size_t sizes[8], n = 0;
	unsigned types[8];

	clock_boot(boot);
	assert_non_null(journal);
	for (; n < 8 && journal_next(journal, &record); n++) {
		records[n] = xmalloc(record.size + 1);
		memcpy(records[n], record.data, record.size);
		sizes[n] = record.size;
		types[n] = record.type;
		for (char *p = records[n]; p + 36 < records[n] + sizes[n]; p++)
			if (!memcmp(p, boot, 36))
				*p ^= 1;
	}
	journal_keep(journal, 0);
	for (size_t i = 0; i < n; i++) {
		journal_add(journal, types[i], records[i], sizes[i], NULL);
		free(records[i]);
	}
	journal_close(journal);
}

/* After a power loss a file may have its name and size, but not its bytes. */
static void damaged_after_a_boot(void **state)
{
	struct err err = ERR_INIT;
	char *path;
	struct journal *journal = open_journal(&path);

	(void)state;
	make_old("a", "abcd");
	make_old("b", "\1\1\1\1");
	note(journal, "a", true);
	note(journal, "b", true);
	journal_close(journal);
	change_boot(path);
	/* A stop while their bytes are read takes nothing from the next run. */
	assert_null(open_it(stop_when(always, NULL), &err));
	assert_int_equal(err.kind, ERR_CANCELED);
	err_clear(&err);
	assert_true(is_there("b"));
	worktree_close(open_it((struct stop){ 0 }, &err));
	assert_true(has_text("a", "abcd"));
	assert_false(is_there("b"));
	run("test \"$(git status --porcelain)\" = ' D b'");
	free(path);
}

/* Only by the lock's own file is it known to be that of a dead run. */
static void a_lock_that_was_left(void **state)
{
	for (int is_ours = 0; is_ours < 2; is_ours++) {
		struct err err = ERR_INIT;
		char *path, *lock = xstrfmt("%s/.git/index.lock", repo.top);
		struct journal *journal = open_journal(&path);
		struct placed_id id;
		struct stat st;

		make(lock, "");
		assert_int_equal(lstat(lock, &st), 0);
		id = placed_identify(&st);
		id.inode += !is_ours;
		placed_note_lock(journal, lock, &id);
		journal_close(journal);
		worktree_close(open_it((struct stop){ 0 }, &err));
		assert_int_equal(is_there(lock), !is_ours);
		unlink(lock);
		free(lock);
		free(path);
	}
	(void)state;
}

static void a_temporary_file_that_was_left(void **state)
{
	struct err err = ERR_INIT;
	char *path, *temp;
	struct journal *journal = open_journal(&path);

	(void)state;
	temp = placed_temp_path(path);
	make(temp, "ab");
	make("beside", "ab");
	make("linked", "ab");
	assert_int_equal(symlink("linked", "link"), 0);
	assert_int_equal(placed_note_temp(journal, "beside", &err), 0);
	assert_int_equal(placed_note_temp(journal, "link", &err), 0);
	assert_int_equal(placed_note_temp(journal, "../object", &err), 0);
	journal_close(journal);
	worktree_close(open_it((struct stop){ 0 }, &err));
	assert_false(is_there(temp));
	assert_false(is_there("beside"));
	assert_true(is_there("link") && is_there("linked"));
	assert_true(is_there("../object"));
	unlink("link");
	unlink("linked");
	free(temp);
	free(path);
}

/* A file that a person has changed in any way is not told of. */
static void changed_before_git_is_told(void **state)
{
	struct err err = ERR_INIT;
	struct worktree *worktree = open_it((struct stop){ 0 }, &err);

	(void)state;
	place(worktree, "a");
	place(worktree, "b");
	make("b", "mine");
	assert_int_equal(worktree_tell_git(worktree, &err), 0);
	worktree_close(worktree);
	assert_true(has_text("b", "mine"));
	run("test \"$(git diff-files --name-only a b)\" = b");
}

static void refusals(void **state)
{
	static const struct {
		const char *path, *object, *says;
		enum err_kind kind;
	} cases[] = {
		{ "a", "../none", "../none", ERR_LOCAL },
		{ "a", "../longer", "has 5 bytes and not 4", ERR_LOCAL },
		{ "../x", "../object", "not a path", ERR_LOCAL },
		{ ".git/x", "../object", "not a path", ERR_LOCAL },
		{ ".GIT/x", "../object", "not a path", ERR_LOCAL },
		{ "d//x", "../object", "not a path", ERR_LOCAL },
		{ "/x", "../object", "not a path", ERR_LOCAL },
		{ "", "../object", "not a path", ERR_LOCAL },
		{ "a/x", "../object", "'a' is a file", ERR_LOCAL },
		{ "link/x", "../object", "'link' is a link", ERR_LOCAL },
		{ "link", "../object", "it is a link", ERR_LOCAL },
		{ "dir", "../object", "left alone", ERR_BUSY },
		{ "fifo", "../object", "left alone", ERR_BUSY },
		{ "mine", "../object", "left alone", ERR_BUSY },
		{ "empty", "../object", "left alone", ERR_BUSY },
	};
	struct err err = ERR_INIT;
	struct worktree *worktree = open_it((struct stop){ 0 }, &err);

	(void)state;
	run("mkdir dir; mkfifo fifo; ln -s dir link; echo abcd >../longer; "
	    "echo mine >mine; : >empty");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wanted_file file = wanted(cases[i].path);

		err_clear(&err);
		assert_int_equal(worktree_place(worktree, &file,
						cases[i].object, true, &err),
				 -1);
		assert_int_equal(err.kind, cases[i].kind);
		assert_non_null(strstr(err.msg, cases[i].says));
		assert_non_null(strstr(err.msg, cases[i].path));
	}
	assert_int_equal(worktree_untold(worktree), 0);
	worktree_close(worktree);
	assert_true(is_there("../object") && has_text("a", POINTER));
	run("rm -r dir fifo link mine empty; test -z \"$(git status -s)\"; "
	    "test -z \"$(ls .git/lfs/multipart)\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_file, reset),
		cmocka_unit_test_setup(a_locked_index, reset),
		cmocka_unit_test_setup(a_note_before_the_rename, reset),
		cmocka_unit_test_setup(a_pointer_that_was_swapped, reset),
		cmocka_unit_test_setup(damaged_after_a_boot, reset),
		cmocka_unit_test_setup(a_lock_that_was_left, reset),
		cmocka_unit_test_setup(a_temporary_file_that_was_left, reset),
		cmocka_unit_test_setup(changed_before_git_is_told, reset),
		cmocka_unit_test_setup(refusals, reset),
	};

	return cmocka_run_group_tests(tests, make_repo, remove_repo);
}
