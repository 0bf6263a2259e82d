/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* unshare() */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/git/storage.h"
#include "lfs/server/credshare.h"
#include "lfs/transfer/unfinished.h"
#include "test/unit/unit.h"

static char dir[] = "/tmp/credshare-XXXXXX";
static char folder[64];	/* of this user, in `dir` */
static const struct askcred ask;

static int enter(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	snprintf(folder, sizeof(folder), "%s/credential-%lu", dir,
		 (unsigned long)geteuid());
	return 0;
}

static int leave(void **state)
{
	(void)state;
	return chdir("/") || rmdir(dir);
}

/* Removes whatever a test has put there. */
static int clean(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static struct credshare *open_share(void)
{
	return credshare_new(dir, 1, &ask);
}

static struct credtext query_for(const char *host)
{
	struct credtext query = CREDTEXT_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(credtext_add(&query, "protocol", "https", &err), 0);
	assert_int_equal(credtext_add(&query, "host", host, &err), 0);
	return query;
}

static const struct err why = { .kind = ERR_AUTH, .code = 401, .msg = "no" };

static void note(struct credshare *share, const char *host)
{
	struct credtext query = query_for(host);

	credshare_note(share, CREDSHARE_FAILED, &query, &why);
	credtext_release(&query);
}

static bool knows(struct credshare *share, enum credshare_fact fact,
		  const char *host)
{
	struct credtext query = query_for(host);
	struct err got = ERR_INIT;
	bool is = credshare_knows(share, fact, &query, &got);

	if (is && fact == CREDSHARE_FAILED) {
		assert_int_equal(got.kind, why.kind);
		assert_int_equal(got.code, why.code);
		assert_string_equal(got.msg, why.msg);
	}
	credtext_release(&query);
	return is;
}

static bool knows_failure(struct credshare *share, const char *host)
{
	return knows(share, CREDSHARE_FAILED, host);
}

static const char *in_folder(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Two that stand for two processes. */
static void notes_are_shared(void **state)
{
	struct credshare *one = open_share(), *two = open_share();
	struct credtext query = query_for("a");
	struct stat st;

	(void)state;
	assert_false(knows_failure(two, "a"));
	note(one, "a");
	assert_true(knows_failure(one, "a"));
	assert_true(knows_failure(two, "a"));
	assert_false(knows_failure(two, "b"));
	assert_false(knows(two, CREDSHARE_APPROVED, "a"));
	assert_int_equal(stat(in_folder("notes"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	credshare_forget(two, CREDSHARE_FAILED, &query);
	assert_false(knows_failure(one, "a"));
	credtext_release(&query);
	credshare_free(one);
	credshare_free(two);
}

static void nobody_else(void **state)
{
	struct credshare *share = credshare_new(NULL, 1, &ask);
	struct credtext query = query_for("a");

	(void)state;
	note(share, "a");
	assert_true(knows_failure(share, "a"));
	credshare_forget(share, CREDSHARE_FAILED, &query);
	assert_false(knows_failure(share, "a"));
	assert_false(credshare_get(share, &query, &query));
	credtext_release(&query);
	credshare_free(share);
	credshare_free(NULL);
}

/* A failure is of the command that met it; an approval is for all. */
static void later_commands(void **state)
{
	struct credshare *before = open_share();
	struct credshare *after = credshare_new(dir, clock_ms() + 1000, &ask);
	struct credtext query = query_for("a");
	const struct err canceled = { .kind = ERR_CANCELED };

	(void)state;
	note(before, "a");
	credshare_note(before, CREDSHARE_APPROVED, &query, NULL);
	credshare_note(before, CREDSHARE_UNREACHED, &query, &canceled);
	assert_false(knows_failure(after, "a"));
	assert_true(knows(after, CREDSHARE_APPROVED, "a"));
	assert_false(knows(before, CREDSHARE_UNREACHED, "a"));
	credtext_release(&query);
	credshare_free(before);
	credshare_free(after);
}

/* One note may take the place of another, but of few. */
static void many_notes(void **state)
{
	struct credshare *one = open_share(), *two = open_share();
	unsigned found = 0;
	char host[16];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "%u", i);
		note(one, host);
		assert_true(knows_failure(two, host));
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "%u", i);
		found += knows_failure(two, host);
	}
	assert_in_range(found, 900, 1000);
	credshare_free(one);
	credshare_free(two);
}

/* A broken note, or half of one, does not count; our own copy still does. */
static void spoilt_notes(void **state)
{
	struct credshare *one = open_share(), *two = open_share();
	off_t size;
	int fd;

	(void)state;
	note(one, "a");
	assert_true(knows_failure(two, "a"));
	fd = open(in_folder("notes"), O_RDWR);
	assert_true(fd >= 0);
	size = lseek(fd, 0, SEEK_END);
	assert_int_equal(ftruncate(fd, size - 1), 0);
	assert_false(knows_failure(two, "a"));
	assert_true(knows_failure(one, "a"));
	/* Its key is right, but not what it says. */
	note(one, "a");
	assert_int_equal(pwrite(fd, "x", 1, size - 100), 1);
	assert_false(knows_failure(two, "a"));
	note(one, "a");
	/* Bytes after the last note are ignored. */
	assert_int_equal(pwrite(fd, "x", 1, (off_t)1 << 32), 1);
	assert_true(knows_failure(two, "a"));
	assert_int_equal(ftruncate(fd, size), 0);
	for (off_t at = 0; at < size; at += 100)
		assert_int_equal(pwrite(fd, "xxxx", 4, at), 4);
	close(fd);
	assert_false(knows_failure(two, "a"));
	assert_true(knows_failure(one, "a"));
	credshare_free(one);
	credshare_free(two);
}

/* Have the kernel name another boot; only root can. */
static bool boot_again(void)
{
	static const char id[] = "01234567-89ab-cdef-0123-456789abcdef\n";
	FILE *file = fopen("boot", "w");

	return file && fputs(id, file) >= 0 && !fclose(file) &&
	       !unshare(CLONE_NEWNS) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("boot", "/proc/sys/kernel/random/boot_id", NULL, MS_BIND,
		      NULL);
}

/*
 * clock_ms() begins again with each boot, and the process groups that are in
 * keys do: an old note would pass for a new one.
 */
static void notes_of_another_boot(void **state)
{
	struct credshare *share = open_share();
	int status;
	pid_t pid;

	(void)state;
	note(share, "a");
	pid = fork();
	if (!pid) {
		if (!boot_again())
			_exit(77);
		_exit(knows_failure(open_share(), "a"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(knows_failure(share, "a"));
	credshare_free(share);
	unlink("boot");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* Nothing goes through a name that somebody has put there for another file. */
static void planted_notes(void **state)
{
	struct credshare *one = open_share(), *two = open_share();
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(symlink("../elsewhere", in_folder("notes")), 0);
	note(one, "a");
	assert_int_equal(access("elsewhere", F_OK), -1);
	assert_true(knows_failure(one, "a"));
	assert_false(knows_failure(two, "a"));
	assert_int_equal(unlink(in_folder("notes")), 0);
	fd = open("elsewhere", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(link("elsewhere", in_folder("notes")), 0);
	note(one, "a");
	assert_int_equal(stat("elsewhere", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_false(knows_failure(two, "a"));
	assert_int_equal(unlink("elsewhere"), 0);
	credshare_free(one);
	credshare_free(two);
}

/* Such a folder is not only ours: nothing is written there or believed. */
static void assert_unused(void)
{
	struct credshare *one = open_share(), *two = open_share();
	struct credtext query = query_for("a"), answer = CREDTEXT_INIT;
	struct err err = ERR_INIT;

	note(one, "a");
	assert_true(knows_failure(one, "a"));
	assert_false(knows_failure(two, "a"));
	assert_int_equal(credshare_lock(one, CREDSHARE_LOGIN, &err), 0);
	assert_false(credshare_is_locked(one, CREDSHARE_LOGIN));
	assert_int_equal(credshare_open(one, "answers", O_RDWR | O_CREAT), -1);
	credshare_store(one, &query);
	assert_false(credshare_get(two, &query, &answer));
	credtext_release(&query);
	credshare_free(one);
	credshare_free(two);
	assert_int_equal(access(in_folder("socket"), F_OK), -1);
	assert_int_equal(access(in_folder("notes"), F_OK), -1);
}

static void hostile_folders(void **state)
{
	(void)state;
	assert_int_equal(mkdir("target", 0700), 0);
	assert_int_equal(symlink("target", folder), 0);
	assert_unused();
	assert_int_equal(rmdir("target"), 0);
	assert_int_equal(unlink(folder), 0);

	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_unused();
	assert_int_equal(chmod(folder, 0700), 0);
	if (!chown(folder, geteuid() + 1, (gid_t)-1)) {
		assert_unused();
		assert_int_equal(chown(folder, geteuid(), (gid_t)-1), 0);
	}
}

/* Run `body` in another process and return when it has asked for that. */
static pid_t start(void (*body)(int ready))
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		body(ready[1]);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static struct credtext login_for(const char *host)
{
	struct credtext login = query_for(host);
	struct err err = ERR_INIT;

	credtext_add(&login, "username", "u", &err);
	credtext_add(&login, "password", "p", &err);
	return login;
}

static void log_in_first(int ready)
{
	struct credshare *share = open_share();
	struct credtext login = login_for("a");
	struct err err = ERR_INIT;

	credshare_lock(share, CREDSHARE_LOGIN, &err);
	if (write(ready, "", 1) != 1)
		_exit(1);
	credshare_store(share, &login);
	credshare_unlock(share, CREDSHARE_LOGIN);
}

/* A process that waits for another one has its login, until that is erased. */
static void login_is_shared(void **state)
{
	struct credshare *share = open_share();
	struct credtext query = query_for("a"), answer = CREDTEXT_INIT;
	struct credtext other = query_for("b");
	struct err err = ERR_INIT;
	pid_t pid = start(log_in_first);

	(void)state;
	assert_int_equal(credshare_lock(share, CREDSHARE_LOGIN, &err), 0);
	assert_true(credshare_is_locked(share, CREDSHARE_LOGIN));
	end(pid);
	assert_true(credshare_get(share, &query, &answer));
	assert_string_equal(credtext_get(&answer, "username"), "u");
	assert_string_equal(credtext_get(&answer, "password"), "p");
	credtext_release(&answer);
	assert_false(credshare_get(share, &other, &answer));
	credshare_erase(share, &query);
	assert_false(credshare_get(share, &query, &answer));
	credtext_release(&query);
	credtext_release(&other);
	credshare_free(share);
	/* The last agent ends the daemon, which removes its socket. */
	assert_int_equal(access(in_folder("socket"), F_OK), -1);
}

static void use_it(int ready)
{
	struct credshare *share = open_share();

	credshare_note(share, CREDSHARE_APPROVED, &(struct credtext){ 0 },
		       NULL);
	if (write(ready, "", 1) != 1)
		_exit(1);
	pause();
}

static void count_file(void *ctx, const char *path)
{
	unsigned *n = ctx;

	(void)path;
	++*n;
}

static void look(struct unfinished_list *list)
{
	const struct storage storage = { .multipart_dir = dir,
					 .user_dir = dir };
	struct err err = ERR_INIT;

	assert_int_equal(unfinished_load(list, &storage, &err), 0);
	assert_int_equal(list->n, 1);
	assert_int_equal(list->items[0].kind, UNFINISHED_LOGIN);
}

/* The view of prune and status. */
static void what_is_left(void **state)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;
	unsigned n = 0;
	pid_t pid = start(use_it);

	(void)state;
	assert_true(credshare_is_name(strrchr(folder, '/') + 1));
	assert_false(credshare_is_name("credential-"));
	credshare_look(folder, count_file, &n);
	assert_int_equal(n, 2);
	look(&list);
	assert_true(list.items[0].in_use);
	assert_int_equal(unfinished_remove(&list.items[0], INT64_MAX, &err),
			 -1);
	assert_int_equal(err.kind, ERR_BUSY);
	unfinished_release(&list);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	look(&list);
	assert_false(list.items[0].in_use);
	for (int i = 0; i < 2; i++) {
		err_clear(&err);
		assert_int_equal(unfinished_remove(&list.items[0], INT64_MAX,
						   &err),
				 0);
		assert_int_equal(access(folder, F_OK), -1);
	}
	unfinished_release(&list);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notes_are_shared), TEST(nobody_else),
		TEST(later_commands),	TEST(many_notes),
		TEST(spoilt_notes),	TEST(notes_of_another_boot),
		TEST(planted_notes),	TEST(hostile_folders),
		TEST(login_is_shared),	TEST(what_is_left),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
