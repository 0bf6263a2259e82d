/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/checkout.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/worktree/worktree.h"

enum {
	TELL_MS = 5000,	/* between two times that git is told about files */
	BUFFER = 1 << 20,
	PATTERN_MAX = 64 << 10,
	NGIT_LFS = 6,	/* words of `git lfs checkout` before the patterns */
	SAID_MAX = 1 << 20
};

/* Jobs in order. */
struct list {
	struct checkout_job *first;
	struct checkout_job **end;	/* where the next one is linked */
};

struct checkout {
	struct checkout_options options;
	pthread_t thread;
	struct err err;	/* the thread's, until it has ended */
	uint64_t told_ms;	/* when git was last told; the thread's */

	pthread_mutex_t mutex;	/* guards all below */
	pthread_cond_t has_changed;
	struct list waiting;
	struct list done;
	size_t n;	/* jobs put and not taken */
	bool is_ending;	/* no other job will come */
	bool has_ended;
};

static void list_init(struct list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct list *list, struct checkout_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

/* All jobs that wait; NULL, after a while, if there is none. */
static struct checkout_job *take_waiting(struct checkout *checkout)
{
	struct timespec until = cond_deadline(TELL_MS);
	struct checkout_job *first;
	int ret = 0;

	pthread_mutex_lock(&checkout->mutex);
	while (!checkout->waiting.first && !checkout->is_ending && !ret)
		ret = pthread_cond_timedwait(&checkout->has_changed,
					     &checkout->mutex, &until);
	first = checkout->waiting.first;
	list_init(&checkout->waiting);
	pthread_mutex_unlock(&checkout->mutex);
	return first;
}

static bool is_at_end(struct checkout *checkout)
{
	bool is;

	pthread_mutex_lock(&checkout->mutex);
	is = checkout->is_ending && !checkout->waiting.first;
	pthread_mutex_unlock(&checkout->mutex);
	return is;
}

static void give_back(struct checkout *checkout, struct checkout_job *job)
{
	if (job->finished.fd >= 0)
		close(job->finished.fd);
	job->finished.fd = -1;
	pthread_mutex_lock(&checkout->mutex);
	list_add(&checkout->done, job);
	pthread_mutex_unlock(&checkout->mutex);
	checkout->options.ring(checkout->options.ctx);
}

static bool is_stopped(const struct checkout *checkout)
{
	return stop_is_wanted(&checkout->options.stop);
}

/* Has the object only files that we place, so that the storage need not have it? */
static bool can_skip_store(const struct checkout *checkout,
			   const struct checkout_job *job)
{
	if (!checkout->options.no_store || !job->files)
		return false;
	for (const struct checkout_file *file = job->files; file;
	     file = file->next)
		if (file->wanted->is_git_lfss)
			return false;
	return true;
}

/* Is it the object?  The bytes of such a file are what others say they are. */
static int check_foreign(const struct checkout *checkout,
			 const struct checkout_job *job, int fd,
			 struct err *err)
{
	const char *path = job->finished.path;
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE], *data;
	struct sha256 sha;
	ssize_t n;

	if (!checkout->options.verifies)
		return 0;
	data = xmalloc(BUFFER);
	sha256_init(&sha);
	while ((n = read(fd, data, BUFFER)) > 0 && !is_stopped(checkout))
		sha256_update(&sha, data, (size_t)n);
	free(data);
	if (n < 0)
		return err_sys(err, errno, "cannot read '%s'", path);
	if (n > 0)
		return err_set(err, ERR_CANCELED, "stopped");
	sha256_final(&sha, digest);
	sha256_hex(digest, hex);
	if (!strcmp(hex, job->pointer->oid))
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "'%s' does not have the bytes of its name (git lfs "
		       "fsck in that repository says more)",
		       path);
}

/* Copy it to a new file that has the mode of an object. */
static int copy_to(const struct checkout *checkout,
		   const struct checkout_job *job, int from, const char *path,
		   struct err *err)
{
	mode_t mode = checkout->options.storage->object_mode;
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret;

	if (to < 0)
		return err_sys(err, errno, "cannot make '%s'", path);
	ret = file_copy(from, to, job->pointer->size, &checkout->options.stop,
			err);
	if (!ret)
		ret = file_set_mode(to, path, mode, err);
	close(to);
	if (ret)
		unlink(path);
	return ret;
}

/* As git-lfs does, link a file of the same user: nobody writes to an object. */
static bool link_own(const char *from, int fd, const char *path)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == geteuid() && !link(from, path);
}

/* Bring another storage's file into ours, under a name of its own. */
static int bring_foreign(const struct checkout *checkout,
			 struct checkout_job *job, struct err *err)
{
	struct finished *finished = &job->finished;
	char *path = storage_unused_path(checkout->options.storage,
					 job->pointer->oid);
	struct file_id id;
	int fd = file_open(finished->path, &id, err), ret = -1;

	if (fd >= 0 && !check_foreign(checkout, job, fd, err))
		ret = link_own(finished->path, fd, path) ?
			      0 :
			      copy_to(checkout, job, fd, path, err);
	if (fd >= 0)
		close(fd);
	if (ret) {
		free(path);
		return -1;
	}
	free(finished->path);
	finished->path = path;
	return 0;
}

static bool must_sync(const struct checkout *checkout,
		      const struct checkout_job *job)
{
	return checkout->options.syncs && job->finished.path &&
	       !job->finished.is_synced && !job->err.kind;
}

/* One sync serves all; afterwards each may have its name. */
static void sync_jobs(struct checkout *checkout, struct checkout_job *jobs)
{
	struct err err = ERR_INIT;
	bool is_needed = false;

	for (struct checkout_job *job = jobs; job; job = job->next)
		is_needed |= must_sync(checkout, job);
	if (!is_needed ||
	    !file_sync_all(checkout->options.storage->multipart_dir, &err))
		return;
	for (struct checkout_job *job = jobs; job; job = job->next)
		if (must_sync(checkout, job))
			job->err = err;
}

static void store_job(struct checkout *checkout, struct checkout_job *job)
{
	struct finished *finished = &job->finished;

	if (job->err.kind || !finished->path || can_skip_store(checkout, job))
		return;
	if (storage_put(checkout->options.storage, job->pointer->oid,
			finished->path, &job->err))
		return;
	free(finished->path);
	finished->path = NULL;
}

static void place_file(struct checkout *checkout, struct checkout_file *file,
		       const char *from, bool may_move)
{
	struct err err = ERR_INIT;

	if (!worktree_place(checkout->options.worktree, file->wanted, from,
			    may_move, &err)) {
		file->is_placed = true;
		return;
	}
	if (err.kind != ERR_CANCELED)
		file->why = xstrdup(err.msg);
	log_info("'%s' was not placed: %s", file->wanted->path, err.msg);
}

static bool are_placed(const struct checkout_file *files)
{
	for (const struct checkout_file *file = files; file; file = file->next)
		if (!file->is_placed)
			return false;
	return true;
}

/* Place its files; without a store the last one is the file that was fetched. */
static void place_job(struct checkout *checkout, struct checkout_job *job)
{
	const struct finished *finished = &job->finished;
	char *stored = NULL;
	const char *from = finished->path;

	if (job->err.kind || !checkout->options.worktree)
		return;
	if (!from)
		from = stored = storage_object_path(checkout->options.storage,
						    job->pointer->oid);
	for (struct checkout_file *file = job->files; file; file = file->next)
		if (!file->wanted->is_git_lfss && !is_stopped(checkout))
			place_file(checkout, file, from,
				   finished->path && !file->next);
	/* If it was moved, the name is gone; otherwise another run takes it. */
	if (finished->path && are_placed(job->files))
		unlink(finished->path);
	free(stored);
}

/* A failure is told once, at the end: what is placed is in the journal. */
static void tell_git(struct checkout *checkout)
{
	struct err err = ERR_INIT;

	checkout->told_ms = clock_ms();
	if (!checkout->options.worktree ||
	    !worktree_tell_git(checkout->options.worktree, &err))
		return;
	log_info("%s", err.msg);
	if (!checkout->err.kind)
		checkout->err = err;
}

static void do_jobs(struct checkout *checkout, struct checkout_job *jobs)
{
	struct checkout_job *next;

	for (struct checkout_job *job = jobs; job; job = job->next)
		if (job->is_foreign)
			bring_foreign(checkout, job, &job->err);
	sync_jobs(checkout, jobs);
	for (struct checkout_job *job = jobs; job; job = next) {
		next = job->next;
		store_job(checkout, job);
		place_job(checkout, job);
		give_back(checkout, job);
		if (clock_ms() - checkout->told_ms >= TELL_MS)
			tell_git(checkout);
	}
}

static void *checkout_run(void *arg)
{
	struct checkout *checkout = arg;

	while (!is_at_end(checkout)) {
		struct checkout_job *jobs = take_waiting(checkout);

		do_jobs(checkout, jobs);
		if (!jobs)
			tell_git(checkout);
	}
	tell_git(checkout);
	pthread_mutex_lock(&checkout->mutex);
	checkout->has_ended = true;
	pthread_cond_broadcast(&checkout->has_changed);
	pthread_mutex_unlock(&checkout->mutex);
	checkout->options.ring(checkout->options.ctx);
	return NULL;
}

static void release(struct checkout *checkout)
{
	pthread_cond_destroy(&checkout->has_changed);
	pthread_mutex_destroy(&checkout->mutex);
	free(checkout);
}

struct checkout *checkout_new(const struct checkout_options *options,
			      struct err *err)
{
	struct checkout *checkout = xcalloc(1, sizeof(*checkout));
	int errnum;

	checkout->options = *options;
	checkout->told_ms = clock_ms();
	pthread_mutex_init(&checkout->mutex, NULL);
	cond_init(&checkout->has_changed);
	list_init(&checkout->waiting);
	list_init(&checkout->done);
	errnum = pthread_create(&checkout->thread, NULL, checkout_run,
				checkout);
	if (!errnum)
		return checkout;
	err_sys(err, errnum, "cannot start a thread");
	release(checkout);
	return NULL;
}

void checkout_put(struct checkout *checkout, struct checkout_job *job)
{
	pthread_mutex_lock(&checkout->mutex);
	list_add(&checkout->waiting, job);
	checkout->n++;
	pthread_cond_broadcast(&checkout->has_changed);
	pthread_mutex_unlock(&checkout->mutex);
}

size_t checkout_count(struct checkout *checkout)
{
	size_t n;

	pthread_mutex_lock(&checkout->mutex);
	n = checkout->n;
	pthread_mutex_unlock(&checkout->mutex);
	return n;
}

struct checkout_job *checkout_take(struct checkout *checkout)
{
	struct checkout_job *job;

	pthread_mutex_lock(&checkout->mutex);
	job = checkout->done.first;
	if (job) {
		checkout->done.first = job->next;
		if (!job->next)
			list_init(&checkout->done);
		checkout->n--;
	}
	pthread_mutex_unlock(&checkout->mutex);
	return job;
}

bool checkout_end(struct checkout *checkout)
{
	bool has_ended;

	pthread_mutex_lock(&checkout->mutex);
	checkout->is_ending = true;
	has_ended = checkout->has_ended;
	pthread_cond_broadcast(&checkout->has_changed);
	pthread_mutex_unlock(&checkout->mutex);
	return has_ended;
}

const struct err *checkout_err(const struct checkout *checkout)
{
	return checkout->err.kind ? &checkout->err : NULL;
}

/* False if the thread has not ended by then. */
static bool wait_for_end(struct checkout *checkout, unsigned timeout_ms)
{
	struct timespec until = cond_deadline(timeout_ms);
	int ret = 0;

	pthread_mutex_lock(&checkout->mutex);
	checkout->is_ending = true;
	pthread_cond_broadcast(&checkout->has_changed);
	while (!checkout->has_ended && !ret)
		ret = pthread_cond_timedwait(&checkout->has_changed,
					     &checkout->mutex, &until);
	pthread_mutex_unlock(&checkout->mutex);
	return !ret;
}

bool checkout_free(struct checkout *checkout, unsigned timeout_ms)
{
	if (!checkout)
		return true;
	if (!wait_for_end(checkout, timeout_ms))
		return false;
	pthread_join(checkout->thread, NULL);
	release(checkout);
	return true;
}

/* A pattern of git-lfs that only this path matches; the caller's. */
static char *pattern_of(const char *path)
{
	struct buf pattern = BUF_INIT(PATTERN_MAX);

	buf_puts(&pattern, "/");
	for (; *path; path++) {
		if (strchr("\\*?[", *path))
			buf_puts(&pattern, "\\");
		buf_add(&pattern, path, 1);
	}
	buf_add(&pattern, "", 1);
	return pattern.data;
}

/* Is there still the pointer, or nothing? */
static bool is_bare_pointer(const struct wanted_file *wanted, const char *top)
{
	char *path = xstrfmt("%s/%s", top, wanted->path), text[POINTER_MAX];
	struct err ignored = ERR_INIT;
	struct pointer pointer;
	struct file_id id;
	int fd = file_open(path, &id, &ignored);
	bool is = fd < 0;

	if (fd >= 0 && id.size <= POINTER_MAX)
		is = !file_read_at(fd, text, (size_t)id.size, 0, &ignored) &&
		     pointer_parse(&pointer, text, (size_t)id.size) &&
		     !strcmp(pointer.oid, wanted->pointer.oid);
	if (fd >= 0)
		close(fd);
	free(path);
	return is;
}

static void note_git_lfs(struct checkout_file *file, const char *top,
			 const struct err *err)
{
	file->is_placed = !is_bare_pointer(file->wanted, top);
	if (!file->is_placed && err->kind != ERR_CANCELED)
		file->why = xstrdup(err->kind ? err->msg :
						"git lfs checkout left it as "
						"it was");
}

void checkout_by_git_lfs(struct checkout_file *const *files, size_t n,
			 const char *top, const struct stop *stop)
{
	const char **argv = xcalloc(NGIT_LFS + n + 1, sizeof(char *));
	const struct child child = { .argv = argv,
				     .keep_stderr = true,
				     .stop = *stop };
	struct buf ignored = BUF_INIT(SAID_MAX);
	struct err err = ERR_INIT;

	memcpy(argv,
	       (const char *[]){ "git", "-C", top, "lfs", "checkout", "--" },
	       NGIT_LFS * sizeof(*argv));
	for (size_t i = 0; i < n; i++)
		argv[NGIT_LFS + i] = pattern_of(files[i]->wanted->path);
	child_run(&child, &ignored, NULL, &err);
	for (size_t i = 0; i < n; i++) {
		note_git_lfs(files[i], top, &err);
		free((char *)argv[NGIT_LFS + i]);
	}
	buf_release(&ignored);
	free(argv);
}
