/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* unshare() */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/notes.h"
#include "test/unit/unit.h"

#define PATH "notes.test"

static char dir[] = "/tmp/notes-XXXXXX";

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

static const struct err why = { .kind = ERR_AUTH, .code = 401, .msg = "no" };

static void assert_noted(struct notes *notes, const char *key)
{
	struct err got = ERR_INIT;

	assert_true(notes_get(notes, key, 0, &got));
	assert_int_equal(got.kind, why.kind);
	assert_int_equal(got.code, why.code);
	assert_string_equal(got.msg, why.msg);
}

/* Two that stand for two processes. */
static void are_shared(void **state)
{
	struct notes *one = notes_new(PATH), *two = notes_new(PATH);
	struct stat st;

	(void)state;
	assert_false(notes_get(two, "a", 0, NULL));
	notes_put(one, "a", &why);
	assert_noted(one, "a");
	assert_noted(two, "a");
	assert_false(notes_get(two, "b", 0, NULL));
	assert_false(notes_get(two, "a", clock_ms() + 1, NULL));
	assert_int_equal(stat(PATH, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	notes_drop(two, "a");
	assert_false(notes_get(one, "a", 0, NULL));
	notes_free(one);
	notes_free(two);
	unlink(PATH);
}

static void alone(void **state)
{
	struct notes *notes = notes_new(NULL);

	(void)state;
	notes_put(notes, "a", &why);
	assert_noted(notes, "a");
	notes_drop(notes, "a");
	assert_false(notes_get(notes, "a", 0, NULL));
	notes_free(notes);
	notes_free(NULL);
}

/* One note may take the place of another, but of few. */
static void many(void **state)
{
	struct notes *one = notes_new(PATH), *two = notes_new(PATH);
	unsigned found = 0;
	char key[16];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%u", i);
		notes_put(one, key, &why);
		assert_noted(two, key);
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%u", i);
		found += notes_get(two, key, 0, NULL);
	}
	assert_in_range(found, 900, 1000);
	notes_free(one);
	notes_free(two);
	unlink(PATH);
}

/* What is no note, or half of one, is not there; our own still is. */
static void spoilt(void **state)
{
	struct notes *one = notes_new(PATH), *two = notes_new(PATH);
	int fd;

	(void)state;
	notes_put(one, "a", &why);
	fd = open(PATH, O_RDWR);
	assert_true(fd >= 0);
	for (off_t at = 0; at < lseek(fd, 0, SEEK_END); at += 100)
		assert_int_equal(pwrite(fd, "xxxx", 4, at), 4);
	close(fd);
	assert_false(notes_get(two, "a", 0, NULL));
	assert_noted(one, "a");
	notes_free(one);
	notes_free(two);
	unlink(PATH);
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
static void of_another_boot(void **state)
{
	struct notes *before = notes_new(PATH), *after;
	int status;
	pid_t pid;

	(void)state;
	notes_put(before, "a", &why);
	pid = fork();
	if (!pid) {
		if (!boot_again())
			_exit(77);
		after = notes_new(PATH);
		_exit(notes_get(after, "a", 0, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_noted(before, "a");
	notes_free(before);
	unlink("boot");
	unlink(PATH);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* Nothing is written through a link that somebody has put there. */
static void a_link(void **state)
{
	struct notes *notes = notes_new(PATH);

	(void)state;
	assert_int_equal(symlink("elsewhere", PATH), 0);
	notes_put(notes, "a", &why);
	assert_int_equal(access("elsewhere", F_OK), -1);
	assert_noted(notes, "a");
	notes_free(notes);
	unlink(PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_shared), cmocka_unit_test(alone),
		cmocka_unit_test(many),	      cmocka_unit_test(spoilt),
		cmocka_unit_test(a_link),     cmocka_unit_test(of_another_boot),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
