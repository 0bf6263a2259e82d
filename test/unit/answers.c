/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/server/credshare.h"
#include "lfs/server/lookahead.h"
#include "test/unit/unit.h"

#define A "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define B "000000000fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define URL "https://h/r.git/info/lfs"

static char dir[] = "/tmp/answers-XXXXXX";
static char folder[64], path[80];	/* the share's, and the file in it */
static struct credshare *share;
static unsigned looks;	/* for a reason to stop */

static bool look(void *ctx)
{
	(void)ctx;
	return ++looks == 2;
}

static int enter(void **state)
{
	static const struct askcred ask = { .stop = { look, NULL, -1 } };

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(folder, sizeof(folder), "%s/credential-%lu", dir,
		 (unsigned long)geteuid());
	snprintf(path, sizeof(path), "%s/answers", folder);
	share = credshare_new(dir, 0, &ask);
	return 0;
}

static int leave(void **state)
{
	char command[80];

	(void)state;
	credshare_free(share);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return !access(path, F_OK) || system(command) || rmdir(dir);
}

/* Two objects, of which `last` gives the action of the second one. */
static void store(struct answers *answers, const char *last)
{
	struct err ignored = ERR_INIT;
	struct batch_object objects[] = { { .oid = A, .size = 5 },
					  { .oid = B, .size = 6 } };

	objects[0].authenticated = true;
	objects[1].actions = json_parse(last, strlen(last), &ignored);
	assert_non_null(objects[1].actions);
	json_decref(answers_store(answers, objects, 2));
	json_decref(objects[1].actions);
}

#define PLAIN "{\"download\":{\"href\":\"https://s/b\"}}"

static size_t count(struct answers *answers)
{
	int64_t asked;
	json_t *objects = answers_load(answers, &asked);
	size_t n = json_array_size(objects);

	json_decref(objects);
	return n;
}

/* Another agent gets the answers of one, if it asks the same server. */
static void are_shared(void **state)
{
	struct answers one = answers_of(share, URL);
	struct answers two = answers_of(share, URL);
	struct answers other = answers_of(share, URL "/other");
	int64_t asked, before = clock_unix();
	const json_t *object;
	json_t *objects;
	struct stat st;

	(void)state;
	assert_int_equal(count(&two), 0);
	store(&one, PLAIN);
	objects = answers_load(&two, &asked);
	assert_in_range(asked, before, clock_unix());
	assert_int_equal(json_array_size(objects), 2);
	object = json_array_get(objects, 0);
	assert_string_equal(json_string_value(json_object_get(object, "oid")),
			    A);
	assert_int_equal(json_integer_value(json_object_get(object, "size")),
			 5);
	assert_true(json_is_true(json_object_get(object, "authenticated")));
	assert_null(json_object_get(object, "actions"));
	object = json_array_get(objects, 1);
	assert_true(json_is_false(json_object_get(object, "authenticated")));
	object = json_object_get(json_object_get(object, "actions"),
				 "download");
	assert_string_equal(json_string_value(json_object_get(object, "href")),
			    "https://s/b");
	json_decref(objects);
	assert_int_equal(count(&other), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	answers_forget(&two);
	assert_int_equal(count(&one), 0);
}

/* The server shall say once more what was wrong. */
static void errors(void **state)
{
	struct answers answers = answers_of(share, URL);
	struct batch_object objects[] = { { .oid = A, .size = 5 },
					  { .oid = B, .size = 6 } };

	(void)state;
	err_set(&objects[0].err, ERR_REFUSED, "gone");
	json_decref(answers_store(&answers, objects, 2));
	assert_int_equal(count(&answers), 1);
}

/* A header may be a login: what was there is gone, too, and nothing comes. */
static void headers(void **state)
{
	static const char *const actions[] = {
		"{\"download\":{\"href\":\"h\",\"header\":{\"A\":\"b\"}}}",
		"{\"download\":{\"href\":\"h\"},\"x\":{\"header\":{\"A\":1}}}",
		"{\"download\":1}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(actions); i++) {
		struct answers one = answers_of(share, URL);
		struct answers two = answers_of(share, URL);

		store(&one, "{\"download\":{\"href\":\"h\",\"header\":{}}}");
		assert_int_equal(count(&two), 2);
		store(&one, actions[i]);
		assert_int_equal(count(&two), 0);
		assert_int_equal(access(path, F_OK), -1);
		store(&one, PLAIN);
		assert_int_equal(count(&one), 0);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* Answers that are too old or too new, or broken, do not count. */
static void spoilt(void **state)
{
	struct answers answers = answers_of(share, URL);
	const int64_t now = clock_unix();
	const struct {
		int64_t asked;
		const char *rest;
		size_t n;
	} cases[] = {
		{ now - 1, "\"objects\":[{}]}", 1 },
		{ now - ANSWERS_KEPT_S, "\"objects\":[{}]}", 0 },
		{ now + 1000, "\"objects\":[{}]}", 0 },
		{ INT64_MIN, "\"objects\":[{}]}", 0 },
		{ now, "\"objects\":[{}]", 0 },
		{ now, "\"objects\":{}}", 0 },
		{ now, "\"object\":[{}]}", 0 },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"url\":\"" URL "\",\"asked\":%lld,%s",
			 (long long)cases[i].asked, cases[i].rest);
		write_file(text);
		if (count(&answers) != cases[i].n)
			fail_msg("%s", text);
	}
	write_file("[]");
	assert_int_equal(count(&answers), 0);
}

/* The next agent empties what one that was killed has left. */
static void left_behind(void **state)
{
	static const struct {
		int age;
		bool is_kept;
	} cases[] = {
		{ 0, true },
		{ ANSWERS_KEPT_S, false },
		{ -1000, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
		struct stat st;

		write_file("{}");
		times[1].tv_sec = clock_unix() - cases[i].age;
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
		answers_of(share, URL);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, cases[i].is_kept ? 2 : 0);
	}
}

/* An agent waits for one that asks, or is stopped, and never for a dead one. */
static void locks(void **state)
{
	struct err err = ERR_INIT;
	int ready[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(credshare_lock(share, CREDSHARE_ANSWERS, &err), 0);
	assert_int_equal(looks, 0);
	credshare_unlock(share, CREDSHARE_ANSWERS);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		credshare_lock(share, CREDSHARE_ANSWERS, &err);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	/* The file of logins is another one. */
	assert_int_equal(credshare_lock(share, CREDSHARE_LOGIN, &err), 0);
	credshare_unlock(share, CREDSHARE_LOGIN);
	assert_int_equal(looks, 0);
	assert_int_equal(credshare_lock(share, CREDSHARE_ANSWERS, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_int_equal(looks, 2);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	err_clear(&err);
	assert_int_equal(credshare_lock(share, CREDSHARE_ANSWERS, &err), 0);
	credshare_unlock(share, CREDSHARE_ANSWERS);
	close(ready[0]);
	close(ready[1]);
}

/* If there can be no such file, nothing is shared and nothing fails. */
static void no_place(void **state)
{
	static const struct askcred ask;
	struct credshare *nowhere = credshare_new("/nowhere/at/all", 0, &ask);
	struct answers answers = answers_of(nowhere, URL);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(credshare_lock(nowhere, CREDSHARE_ANSWERS, &err), 0);
	store(&answers, PLAIN);
	assert_int_equal(count(&answers), 0);
	answers_forget(&answers);
	credshare_unlock(nowhere, CREDSHARE_ANSWERS);
	credshare_free(nowhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_shared),  cmocka_unit_test(errors),
		cmocka_unit_test(headers),     cmocka_unit_test(spoilt),
		cmocka_unit_test(left_behind), cmocka_unit_test(locks),
		cmocka_unit_test(no_place),
	};

	json_setup();
	return cmocka_run_group_tests(tests, enter, leave);
}
