/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/carry/checkout.h"
#include "test/unit/unit.h"

/*
 * Objects are stored, all that wait with one sync, and come back in order.  What
 * happens to files of the work tree is t-pull's.
 */

enum { OBJECTS = 20, SIZE = 3000, PAUSE_MS = 100 };

struct bench {
	struct storage storage;
	struct bell *bell;
	atomic_bool is_stopped;
	char data[OBJECTS][SIZE];
	struct pointer pointers[OBJECTS];
	struct checkout_job jobs[OBJECTS];
};

static struct bench bench;
static char dir[] = "/tmp/lfsmp-checkout.XXXXXX";

static bool is_stopped(void *ctx)
{
	(void)ctx;
	return atomic_load(&bench.is_stopped);
}

static int load_storage(void)
{
	struct err err = ERR_INIT;
	struct repo repo = { .common = xstrdup(dir) };
	struct gitconfig *config = gitconfig_parse("", 0, &err);
	int ret = storage_load(&bench.storage, &repo, config, &err);

	gitconfig_free(config);
	repo_release(&repo);
	return ret || storage_make_dir(&bench.storage, &err);
}

static int set_up(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'/*", dir);
	if (system(command))
		return -1;
	memset(&bench, 0, sizeof(bench));
	bench.bell = bell_new();
	for (size_t i = 0; i < OBJECTS; i++) {
		unsigned char digest[SHA256_SIZE];
		struct sha256 sha;

		memset(bench.data[i], (int)('a' + i), SIZE);
		sha256_init(&sha);
		sha256_update(&sha, bench.data[i], SIZE);
		sha256_final(&sha, digest);
		sha256_hex(digest, bench.pointers[i].oid);
		bench.pointers[i].size = SIZE;
		bench.jobs[i] = (struct checkout_job){
			.pointer = &bench.pointers[i],
			.finished.fd = -1,
		};
	}
	return load_storage();
}

static int tear_down(void **state)
{
	(void)state;
	storage_release(&bench.storage);
	bell_free(bench.bell);
	return 0;
}

static struct checkout *start(bool no_store)
{
	const struct checkout_options options = {
		.storage = &bench.storage,
		.no_store = no_store,
		.syncs = true,
		.verifies = true,
		.stop = stop_when(is_stopped, NULL),
		.ring = bell_ring,
		.ctx = bench.bell,
	};
	struct err err = ERR_INIT;
	struct checkout *checkout = checkout_new(&options, &err);

	assert_non_null(checkout);
	return checkout;
}

/* The file of an object, as a download leaves it; or at `path`. */
static void write_object(size_t i, const char *path)
{
	struct finished *finished = &bench.jobs[i].finished;
	FILE *file;

	finished->path = path ? xstrdup(path) :
				storage_unused_path(&bench.storage,
						    bench.pointers[i].oid);
	file = fopen(finished->path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bench.data[i], 1, SIZE, file), SIZE);
	assert_int_equal(fclose(file), 0);
}

/* Put `n` jobs, and take them again. */
static void run_jobs(struct checkout *checkout, size_t n)
{
	for (size_t i = 0; i < n; i++)
		checkout_put(checkout, &bench.jobs[i]);
	for (size_t i = 0; i < n;) {
		unsigned since = bell_count(bench.bell);
		struct checkout_job *job = checkout_take(checkout);

		if (!job) {
			bell_wait(bench.bell, since, PAUSE_MS);
			continue;
		}
		assert_ptr_equal(job, &bench.jobs[i++]);
		assert_int_equal(job->finished.fd, -1);
	}
	assert_int_equal(checkout_count(checkout), 0);
}

static void end(struct checkout *checkout)
{
	unsigned since = bell_count(bench.bell);

	while (!checkout_end(checkout)) {
		bell_wait(bench.bell, since, PAUSE_MS);
		since = bell_count(bench.bell);
	}
	assert_null(checkout_err(checkout));
	assert_true(checkout_free(checkout, 0));
}

static void objects_are_stored(void **state)
{
	struct checkout *checkout = start(false);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < OBJECTS; i++) {
		struct finished *finished = &bench.jobs[i].finished;
		struct file_id id;

		write_object(i, NULL);
		finished->fd = file_open(finished->path, &id, &err);
		finished->is_synced = i % 2;
	}
	run_jobs(checkout, OBJECTS);
	end(checkout);
	for (size_t i = 0; i < OBJECTS; i++) {
		assert_int_equal(bench.jobs[i].err.kind, ERR_NONE);
		assert_null(bench.jobs[i].finished.path);
		assert_true(storage_has(&bench.storage, &bench.pointers[i]));
	}
}

/* One that cannot be stored keeps its file, and does not hinder the others. */
static void one_fails(void **state)
{
	struct checkout *checkout = start(false);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		write_object(i, NULL);
	assert_int_equal(unlink(bench.jobs[1].finished.path), 0);
	run_jobs(checkout, 3);
	end(checkout);
	assert_int_equal(bench.jobs[1].err.kind, ERR_LOCAL);
	assert_non_null(strstr(bench.jobs[1].err.msg, bench.pointers[1].oid));
	assert_non_null(bench.jobs[1].finished.path);
	free(bench.jobs[1].finished.path);
	assert_true(storage_has(&bench.storage, &bench.pointers[0]));
	assert_true(storage_has(&bench.storage, &bench.pointers[2]));
}

/* Another storage's file stays, and counts only with the right bytes. */
static void foreign_files(void **state)
{
	struct checkout *checkout = start(false);
	char paths[3][100];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/other%zu", dir, i);
		if (i == 1)
			bench.data[i][SIZE - 1]++;
		write_object(i, paths[i]);
		bench.jobs[i].is_foreign = true;
	}
	assert_int_equal(truncate(paths[2], 10), 0);
	run_jobs(checkout, 3);
	end(checkout);
	assert_true(storage_has(&bench.storage, &bench.pointers[0]));
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(bench.jobs[i].err.kind, ERR_CORRUPT);
		assert_non_null(strstr(bench.jobs[i].err.msg, paths[i]));
		assert_false(storage_has(&bench.storage, &bench.pointers[i]));
		free(bench.jobs[i].finished.path);
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(access(paths[i], F_OK), 0);
}

/* Without files to place, an object is stored even with no_store. */
static void an_object_that_no_file_wants(void **state)
{
	struct checkout *checkout = start(true);

	(void)state;
	write_object(0, NULL);
	run_jobs(checkout, 1);
	end(checkout);
	assert_true(storage_has(&bench.storage, &bench.pointers[0]));
}

/* After a stop, what needs a while is not done, and all jobs come back. */
static void a_stop(void **state)
{
	struct checkout *checkout = start(false);
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/other", dir);
	write_object(0, path);
	bench.jobs[0].is_foreign = true;
	atomic_store(&bench.is_stopped, true);
	run_jobs(checkout, 1);
	end(checkout);
	assert_int_equal(bench.jobs[0].err.kind, ERR_CANCELED);
	assert_false(storage_has(&bench.storage, &bench.pointers[0]));
	free(bench.jobs[0].finished.path);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects_are_stored, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_files, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_object_that_no_file_wants,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stop, set_up, tear_down),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
