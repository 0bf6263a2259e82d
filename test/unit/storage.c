/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* nftw() */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/git/storage.h"
#include "test/unit/unit.h"

static char home[] = "/tmp/storage-XXXXXX";

/* A repository, a bare one, a submodule and a worktree. */
static const char setup[] =
	"set -e; git init -q repo; cd repo;"
	"git -c user.name=a -c user.email=a@b commit -q --allow-empty -m m;"
	"mkdir sub; git worktree add -q ../tree;"
	"git -c protocol.file.allow=always submodule --quiet add \"$PWD\" mod;"
	"cd ..; git init -q --bare bare.git; mkdir outside; ln -s repo link";

static void sh(const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct child child = { .argv = argv, .keep_stderr = true };
	struct buf output = BUF_INIT(1000);
	struct err err = ERR_INIT;

	assert_int_equal(child_run(&child, &output, NULL, &err), 0);
	buf_release(&output);
}

static int make_repositories(void **state)
{
	(void)state;
	if (!mkdtemp(home) || chdir(home))
		return -1;
	setenv("HOME", home, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_CEILING_DIRECTORIES", "/tmp", 1);
	unsetenv("GIT_DIR");
	sh(setup);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_home(void **state)
{
	(void)state;
	return chdir("/") || nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Load it in a directory below home, with a config of one entry. */
static int load(struct storage *storage, const char *dir, const char *text,
		struct err *err)
{
	struct gitconfig *config = gitconfig_parse(text, strlen(text), err);
	struct repo repo;
	char there[200];
	int ret;

	snprintf(there, sizeof(there), "%s/%s", home, dir);
	assert_int_equal(chdir(there), 0);
	assert_int_equal(repo_find(&repo, err), 0);
	ret = storage_load(storage, &repo, config, err);
	repo_release(&repo);
	gitconfig_free(config);
	return ret;
}

static void assert_storage(const char *dir, const char *text,
			   const char *expected)
{
	struct storage storage;
	struct err err = ERR_INIT;
	char path[300];

	load(&storage, dir, text, &err);
	assert_string_equal(err.msg, "");
	if (expected[0] == '/')
		snprintf(path, sizeof(path), "%s", expected);
	else
		snprintf(path, sizeof(path), "%s/%s", home, expected);
	assert_string_equal(storage.dir, path);
	storage_release(&storage);
}

static void places(void **state)
{
	static const struct {
		const char *dir, *text, *expected;
	} cases[] = {
		{ "repo", "", "repo/.git/lfs" },
		{ "repo/sub", "", "repo/.git/lfs" },
		{ "link", "", "repo/.git/lfs" },
		{ "repo/.git", "", "repo/.git/lfs" },
		{ "tree", "", "repo/.git/lfs" },
		{ "bare.git", "", "bare.git/lfs" },
		{ "repo/mod", "", "repo/.git/modules/mod/lfs" },
		{ "repo", "lfs.storage\n", "repo/.git/lfs" },
		{ "repo", "lfs.storage\n/abs/store", "/abs/store" },
		{ "outside", "lfs.storage\n/abs/store", "/abs/store" },
		{ "repo/sub", "lfs.storage\nrel/x", "repo/.git/rel/x" },
		{ "tree", "lfs.storage\n../store", "repo/.git/../store" },
		/* git-lfs 3.3.0 does not expand it. */
		{ "repo", "lfs.storage\n~/store", "repo/.git/~/store" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_storage(cases[i].dir, cases[i].text, cases[i].expected);
}

static void git_dir_of_the_environment(void **state)
{
	(void)state;
	setenv("GIT_DIR", "../repo/.git", 1);
	assert_storage("outside", "", "repo/.git/lfs");
	setenv("GIT_DIR", "../repo/.git/worktrees/tree", 1);
	assert_storage("outside", "", "repo/.git/lfs");
	unsetenv("GIT_DIR");
}

static void no_repository(void **state)
{
	struct storage storage;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(load(&storage, "outside", "", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_string_equal(
		err.msg, "this is not a git repository (git status says why)");
	storage_release(&storage);
}

static void objects(void **state)
{
	struct storage storage = { .dir = "/s" };
	char *path = storage_object_path(&storage, "aabbccdd");

	(void)state;
	assert_string_equal(path, "/s/objects/aa/bb/aabbccdd");
	free(path);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* The file modes are those of git-lfs's own test of the same values. */
static void modes(void **state)
{
	static const struct {
		const char *shared;
		mode_t object_mode, dir_mode;
	} cases[] = {
		{ "group", 0660, 02770 },     { "true", 0660, 02770 },
		{ "1", 0660, 02770 },	      { "YES", 0660, 02770 },
		{ "all", 0664, 02775 },	      { "world", 0664, 02775 },
		{ "everybody", 0664, 02775 }, { "2", 0664, 02775 },
		{ "false", 0640, 0700 },      { "umask", 0640, 0700 },
		{ "0", 0640, 0700 },	      { "NO", 0640, 0700 },
		{ "nonsense", 0640, 0700 },   { "0664", 0664, 02775 },
		{ "0666", 0666, 02777 },      { "0600", 0600, 0700 },
		{ "0660", 0660, 02770 },      { "0644", 0644, 02755 },
		{ "0400", 0640, 0700 },
	};
	const struct timespec past[2] = { { 1, 0 }, { 1, 0 } };
	mode_t old = umask(027);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct storage storage;
		struct err err = ERR_INIT;
		struct stat st;
		char text[100];
		bool is_shared;

		snprintf(text, sizeof(text), "core.sharedrepository\n%s",
			 cases[i].shared);
		assert_int_equal(load(&storage, "repo", text, &err), 0);
		assert_int_equal(storage.object_mode, cases[i].object_mode);
		assert_int_equal(storage_make_dir(&storage, &err), 0);
		assert_int_equal(mode_of(storage.multipart_dir),
				 cases[i].dir_mode);
		/* For each object: nothing is tried out there any more. */
		assert_int_equal(utimensat(AT_FDCWD, storage.multipart_dir,
					   past, 0),
				 0);
		assert_int_equal(storage_make_dir(&storage, &err), 0);
		assert_int_equal(stat(storage.multipart_dir, &st), 0);
		assert_int_equal(st.st_mtime, 1);
		is_shared = cases[i].dir_mode != 0700;
		assert_string_equal(storage_own_dir(&storage),
				    is_shared ? storage.user_dir :
						storage.multipart_dir);
		assert_int_equal(rmdir(storage.user_dir), is_shared ? 0 : -1);
		assert_int_equal(rmdir(storage.multipart_dir), 0);
		assert_int_equal(storage.umask, 027);
		storage_release(&storage);
	}
	umask(old);
}

static void a_directory_that_cannot_be_made(void **state)
{
	struct storage storage;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(load(&storage, "repo", "lfs.storage\nHEAD", &err), 0);
	assert_int_equal(storage_make_dir(&storage, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_non_null(strstr(err.msg, "HEAD"));
	storage_release(&storage);
}

/* For a test that goes back to the folder of all repositories. */
static void load_at_home(struct storage *storage, const char *dir,
			 const char *text)
{
	struct err err = ERR_INIT;
	struct repo repo;

	assert_int_equal(load(storage, dir, text, &err), 0);
	assert_int_equal(repo_find(&repo, &err), 0);
	storage_add_alternates(storage, &repo);
	repo_release(&repo);
	assert_int_equal(chdir(home), 0);
}

static const struct pointer pointer = {
	.oid = "aabb0000000000000000000000000000"
	       "00000000000000000000000000000001",
	.size = 3,
};

static void put_new(const struct storage *storage)
{
	char *path = storage_unused_path(storage, pointer.oid);
	FILE *file = fopen(path, "w");
	struct err err = ERR_INIT;

	assert_non_null(file);
	fputs("abc", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(storage_put(storage, pointer.oid, path, &err), 0);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

/* Folders are made for those who may read objects, whatever the umask. */
static void an_object_is_put(void **state)
{
	static const struct {
		const char *shared;
		mode_t dir_mode;
	} cases[] = { { "umask", 0750 },
		      { "group", 02770 },
		      { "all", 02775 },
		      { "0640", 02750 } };
	mode_t old = umask(027);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct storage storage;
		struct err err = ERR_INIT;
		char text[100];

		sh("rm -rf repo/.git/lfs");
		snprintf(text, sizeof(text), "core.sharedrepository\n%s",
			 cases[i].shared);
		load_at_home(&storage, "repo", text);
		assert_int_equal(storage_make_dir(&storage, &err), 0);
		assert_false(storage_has(&storage, &pointer));
		put_new(&storage);
		assert_true(storage_has(&storage, &pointer));
		assert_int_equal(mode_of("repo/.git/lfs/objects/aa"),
				 cases[i].dir_mode);
		assert_int_equal(mode_of("repo/.git/lfs/objects/aa/bb"),
				 cases[i].dir_mode);
		put_new(&storage);
		storage_release(&storage);
	}
	umask(old);
}

static void an_object_of_another_size(void **state)
{
	const struct pointer other = {
		.oid = "aabb0000000000000000000000000000"
		       "00000000000000000000000000000001",
		.size = 4
	};
	struct storage storage;

	(void)state;
	load_at_home(&storage, "repo", "");
	put_new(&storage);
	assert_false(storage_has(&storage, &other));
	storage_release(&storage);
}

static void objects_of_others(void **state)
{
	struct storage storage;
	char *path;

	(void)state;
	load_at_home(&storage, "repo", "");
	put_new(&storage);
	storage_release(&storage);
	sh("git clone -q -s repo borrows; cd borrows/.git/objects/info;"
	   "printf '# comment\n\n/nowhere/objects\n' >new;"
	   "cat alternates >>new; mv new alternates");
	load_at_home(&storage, "borrows", "");
	path = storage_find_alternate(&storage, &pointer);
	assert_non_null(path);
	assert_non_null(strstr(path, "/repo/.git/"));
	free(path);
	storage_release(&storage);

	sh("cd borrows/.git/objects/info; printf ../../repo/.git/objects "
	   ">alternates");
	load_at_home(&storage, "borrows", "");
	assert_null(storage_find_alternate(&storage, &pointer));
	storage_release(&storage);
	sh("cd borrows/.git/objects/info; printf ../../../repo/.git/objects "
	   ">alternates");
	load_at_home(&storage, "borrows", "");
	path = storage_find_alternate(&storage, &pointer);
	assert_non_null(path);
	free(path);
	storage_release(&storage);
}

static void another_repository(void **state)
{
	struct storage storage;
	struct err err = ERR_INIT;

	(void)state;
	sh("git -C repo config lfs.storage elsewhere");
	assert_int_equal(storage_load_other(&storage, "repo", &err), 0);
	assert_non_null(strstr(storage.dir, "repo/.git/elsewhere"));
	storage_release(&storage);
	assert_int_equal(storage_load_other(&storage, "bare.git", &err), 0);
	assert_non_null(strstr(storage.dir, "bare.git/lfs"));
	storage_release(&storage);
	assert_int_equal(storage_load_other(&storage, "outside", &err), -1);
	storage_release(&storage);
	sh("git -C repo config --unset lfs.storage");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(git_dir_of_the_environment),
		cmocka_unit_test(no_repository),
		cmocka_unit_test(objects),
		cmocka_unit_test(modes),
		cmocka_unit_test(a_directory_that_cannot_be_made),
		cmocka_unit_test(an_object_is_put),
		cmocka_unit_test(an_object_of_another_size),
		cmocka_unit_test(objects_of_others),
		cmocka_unit_test(another_repository),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repositories, remove_home);
}
