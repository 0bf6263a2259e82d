/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/pull.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/carry/survey.h"
#include "lfs/git/history.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"
#include "lfs/transfer/engine.h"
#include "lfs/worktree/worktree.h"

enum {
	STOP_MS = 500,
	TICK_MS = 100,
	CHECKOUT_MOST = 128	/* jobs of the checkout, and so open files */
};

/* What a pull knows of an object beside its entry. */
struct target {
	struct checkout_file *files;	/* that want it, in order */
	char *other;	/* owned: the path in a storage of others; or NULL */
};

struct pull {
	struct pull_options options;
	struct context *context;	/* owned, as all below */
	struct storage remote;	/* of a remote that is a path */
	bool is_path;	/* the remote is one */
	struct worktree *worktree;	/* NULL: objects are only stored */
	struct selection selection;
	struct checkout_file *files;	/* of the selection */
	struct entry *entries;
	struct target *targets;	/* of the entries */
	size_t nentries;
	struct engine *engine;
	struct survey *survey;
	struct scheduler *scheduler;
	struct checkout *checkout;
	size_t nput;	/* entries looked at for objects that are here */
	struct entry_count placed;
	struct bell *news;
	atomic_bool is_stopped;	/* for the checkout's thread */
};

/* On the main thread. */
static bool pull_must_stop(void *ctx)
{
	struct pull *pull = ctx;

	if (!stop_is_wanted(&pull->options.stop))
		return false;
	atomic_store(&pull->is_stopped, true);
	return true;
}

/* The survey asks while objects are on their way. */
static bool pull_survey_stops(void *ctx)
{
	struct pull *pull = ctx;

	return pull->scheduler ? scheduler_look(pull->scheduler) :
				 pull_must_stop(pull);
}

static bool pull_checkout_stops(void *ctx)
{
	struct pull *pull = ctx;

	return atomic_load(&pull->is_stopped);
}

static int check_remote(const struct pull *pull, struct err *err)
{
	const char *remote = pull->options.remote;

	if (!remote || endpoint_has_remote(pull->context->config, remote) ||
	    endpoint_is_url(remote))
		return 0;
	return err_set(err, ERR_USAGE, "there is no remote '%.80s'", remote);
}

static int open_worktree(struct pull *pull, struct err *err)
{
	const struct context *context = pull->context;
	const struct worktree_options options = {
		.repo = &context->repo,
		.storage = &context->storage,
		.keeps_objects = !pull->options.no_store,
		.stop = stop_when(pull_checkout_stops, pull),
	};

	if (!selection_has_filter(context->config))
		return err_set(err, ERR_USAGE,
			       "git is not set up to use git-lfs: run 'git lfs "
			       "install', then try again");
	if (pull->options.is_dry)
		return 0;
	pull->worktree = worktree_open(&options, err);
	return pull->worktree ? 0 : -1;
}

static int open_pull(struct pull *pull, struct err *err)
{
	const struct context_options options = {
		.remote = pull->options.remote,
		.direction = DOWNLOAD,
	};

	pull->context = context_new(&options, err);
	if (!pull->context || check_remote(pull, err))
		return -1;
	if (pull->options.no_store && pull_is_bare(pull))
		return err_set(err, ERR_USAGE,
			       "there is no work tree to hold the objects; "
			       "leave out --no-store");
	storage_add_alternates(&pull->context->storage, &pull->context->repo);
	if (pull_is_bare(pull))
		pull->options.is_fetch = true;
	if (!pull->options.is_fetch && !pull->options.store &&
	    !pull->context->settings.keep_objects)
		pull->options.no_store = true;
	/* First: it looks at what is left over, and would unlock our journal. */
	if (!pull->options.is_dry)
		pull->engine = engine_new(pull->context, 1, err);
	if (!pull->options.is_dry && !pull->engine)
		return -1;
	return pull->options.is_fetch ? 0 : open_worktree(pull, err);
}

struct pull *pull_new(const struct pull_options *options, struct err *err)
{
	struct pull *pull = xcalloc(1, sizeof(*pull));

	pull->options = *options;
	pull->news = bell_new();
	if (!open_pull(pull, err))
		return pull;
	pull_free(pull);
	return NULL;
}

const char *pull_url(const struct pull *pull)
{
	return pull->context->endpoint.url;
}

bool pull_is_bare(const struct pull *pull)
{
	return !pull->context->repo.top;
}

static const char *choose_patterns(const struct pull *pull, const char *given,
				   const char *key)
{
	if (given || pull->options.all)
		return given;
	return gitconfig_get(pull->context->lfsconfig, key);
}

/* The storage's file of another repository is as good as a download. */
static void look_around(struct pull *pull, size_t i)
{
	const struct storage *storage = &pull->context->storage;
	struct entry *entry = &pull->entries[i];

	if (entry_is_over(entry))
		return;
	if (!storage_has(storage, &entry->pointer)) {
		pull->targets[i].other =
			storage_find_alternate(storage, &entry->pointer);
		if (!pull->targets[i].other)
			return;
	}
	entry->state = ENTRY_THERE;
}

/* By oid, then in the order of the index. */
static int compare_files(const void *a, const void *b)
{
	const struct checkout_file *const *one = a, *const *two = b;
	int ret = strcmp((*one)->wanted->pointer.oid,
			 (*two)->wanted->pointer.oid);

	return ret ? ret : (*one > *two) - (*one < *two);
}

/* The first file of each object, by its place in the index. */
static int compare_targets(const void *a, const void *b)
{
	const struct target *one = a, *two = b;

	return (one->files > two->files) - (one->files < two->files);
}

/* Make a target of each object that files want. */
static void group_files(struct pull *pull, struct checkout_file **sorted,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct checkout_file *file = sorted[i];
		bool is_same = i && !strcmp(sorted[i - 1]->wanted->pointer.oid,
					    file->wanted->pointer.oid);

		if (is_same)
			sorted[i - 1]->next = file;
		else
			pull->targets[pull->nentries++].files = file;
	}
	qsort(pull->targets, pull->nentries, sizeof(*pull->targets),
	      compare_targets);
}

/* The files that want an object; others are as they are to be, or git-lfs's. */
static void add_files(struct pull *pull)
{
	const struct selection *selection = &pull->selection;
	struct checkout_file **sorted;
	size_t n = 0;

	pull->files = xcalloc(selection->n, sizeof(*pull->files));
	sorted = xcalloc(selection->n, sizeof(struct checkout_file *));
	for (size_t i = 0; i < selection->n; i++) {
		struct checkout_file *file = &pull->files[i];

		file->wanted = &selection->files[i];
		file->is_placed = file->wanted->state == FILE_PLACED;
		if (!file->is_placed && file->wanted->pointer.size)
			sorted[n++] = file;
	}
	if (n)
		qsort(sorted, n, sizeof(struct checkout_file *), compare_files);
	pull->targets = xcalloc(n, sizeof(*pull->targets));
	pull->entries = xcalloc(n, sizeof(*pull->entries));
	group_files(pull, sorted, n);
	for (size_t i = 0; i < pull->nentries; i++)
		entry_init(&pull->entries[i],
			   &pull->targets[i].files->wanted->pointer);
	free(sorted);
}

static int find_files(struct pull *pull, struct err *err)
{
	const struct pull_options *options = &pull->options;
	const struct context *context = pull->context;
	const struct selection_request request = {
		.repo = &context->repo,
		.config = context->config,
		.include = choose_patterns(pull, options->include,
					   "lfs.fetchinclude"),
		.exclude = choose_patterns(pull, options->exclude,
					   "lfs.fetchexclude"),
		.paths = options->paths,
		.npaths = options->npaths,
		.dir = context->storage.multipart_dir,
		.is_placed = pull->worktree ? worktree_has_placed : NULL,
		.ctx = pull->worktree,
		.stop = stop_when(pull_must_stop, pull),
	};

	if (selection_find(&pull->selection, &request, err))
		return -1;
	add_files(pull);
	return 0;
}

static int find_objects(struct pull *pull, struct err *err)
{
	static const char *const head[] = { "HEAD" };
	const struct pull_options *options = &pull->options;
	const struct context *context = pull->context;
	const bool is_head = !options->nrefs && !options->all;
	const struct history_request request = {
		.refs = is_head ? head : options->refs,
		.nrefs = is_head ? 1 : options->nrefs,
		.all = options->all && !options->nrefs,
		.tips_only = !options->all,
		.include = choose_patterns(pull, options->include,
					   "lfs.fetchinclude"),
		.exclude = choose_patterns(pull, options->exclude,
					   "lfs.fetchexclude"),
		.dir = context->storage.multipart_dir,
		.config = context->config,
		.stop = stop_when(pull_must_stop, pull),
	};
	struct history history;
	int ret = history_find(&history, &request, err);

	if (!ret) {
		pull->entries = xcalloc(history.n, sizeof(*pull->entries));
		pull->targets = xcalloc(history.n, sizeof(*pull->targets));
	}
	for (size_t i = 0; !ret && i < history.n; i++)
		entry_init(&pull->entries[pull->nentries++],
			   &history.pointers[i]);
	history_release(&history);
	return ret;
}

int pull_find(struct pull *pull, struct err *err)
{
	struct context *context = pull->context;
	struct err ignored = ERR_INIT;

	/* Objects that are here need no server; .lfsconfig has patterns, too. */
	if (!context_endpoint(context, &ignored) && !context->lfsconfig) {
		*err = ignored;
		return -1;
	}
	if (pull->options.is_fetch ? find_objects(pull, err) :
				     find_files(pull, err))
		return -1;
	for (size_t i = 0; i < pull->nentries; i++)
		look_around(pull, i);
	return 0;
}

static void pull_ring(void *ctx)
{
	bell_ring(((struct pull *)ctx)->news);
}

/* Give the checkout an object: one that has come, or is in a storage. */
static void put_job(struct pull *pull, struct entry *entry,
		    const struct finished *finished, bool is_foreign)
{
	struct checkout_job *job = xcalloc(1, sizeof(*job));
	size_t i = (size_t)(entry - pull->entries);

	job->pointer = &entry->pointer;
	job->finished = *finished;
	job->is_foreign = is_foreign;
	job->files = pull->targets[i].files;
	job->ctx = entry;
	checkout_put(pull->checkout, job);
}

static void settle_job(struct pull *pull, struct checkout_job *job)
{
	struct entry *entry = job->ctx;

	if (job->err.kind == ERR_CANCELED)
		entry->state = ENTRY_WAITING;
	else if (job->err.kind)
		entry_fail(entry, ENTRY_FAILED, job->err.msg);
	for (struct checkout_file *file = job->files; file; file = file->next)
		if (file->is_placed)
			entry_count_add(&pull->placed, entry->pointer.size);
	free(job->finished.path);
	free(job);
}

static bool pull_has_room(void *ctx)
{
	struct pull *pull = ctx;

	return checkout_count(pull->checkout) < CHECKOUT_MOST;
}

static void put_foreign(struct pull *pull, size_t i)
{
	const struct finished finished = { .path = pull->targets[i].other,
					   .fd = -1 };

	pull->targets[i].other = NULL;
	put_job(pull, &pull->entries[i], &finished, true);
}

/* Have files placed whose objects are here, as fast as that goes. */
static void put_there(struct pull *pull)
{
	const struct finished none = { .fd = -1 };

	for (; pull->nput < pull->nentries && pull_has_room(pull);
	     pull->nput++) {
		size_t i = pull->nput;

		if (pull->targets[i].other)
			put_foreign(pull, i);
		else if (pull->entries[i].state == ENTRY_THERE &&
			 pull->targets[i].files)
			put_job(pull, &pull->entries[i], &none, false);
	}
}

static void pull_report(void *ctx)
{
	struct pull *pull = ctx;
	struct checkout_job *job;

	while ((job = checkout_take(pull->checkout)))
		settle_job(pull, job);
	put_there(pull);
	if (pull->options.report)
		pull->options.report(pull->options.ctx);
}

static void pull_take(void *ctx, struct entry *entry, struct finished *finished)
{
	put_job(ctx, entry, finished, false);
}

static size_t count_waiting(const struct pull *pull)
{
	size_t n = 0;

	for (size_t i = 0; i < pull->nentries; i++)
		n += !entry_is_over(&pull->entries[i]);
	return n;
}

/* The folder that a file:// URL names; the caller's. */
static char *folder_of(const char *url)
{
	const char *path = strchr(url + strlen("file://"), '/');

	return path ? text_unescape(path, strlen(path)) : NULL;
}

/* Objects of a remote that is a path are copied from its storage. */
static int find_in_remote(struct pull *pull, struct err *err)
{
	char *dir = folder_of(pull_url(pull));
	int ret = dir ? storage_load_other(&pull->remote, dir, err) :
			err_set(err, ERR_USAGE, "'%.80s' names no folder",
				pull_url(pull));

	free(dir);
	for (size_t i = 0; !ret && i < pull->nentries; i++) {
		struct entry *entry = &pull->entries[i];

		if (entry_is_over(entry))
			continue;
		if (storage_has(&pull->remote, &entry->pointer)) {
			pull->targets[i].other =
				storage_object_path(&pull->remote,
						    entry->pointer.oid);
			entry->state = ENTRY_MOVED;
		} else {
			entry_fail(entry, ENTRY_MISSING,
				   "the remote's storage does not have it");
		}
	}
	return ret;
}

static int open_server(struct pull *pull, struct err *err)
{
	struct survey_options options = {
		.stop = stop_when(pull_survey_stops, pull),
	};

	options.engines[DOWNLOAD] = pull->engine;
	pull->survey = survey_new(&options, err);
	return pull->survey ? 0 : -1;
}

/* Something is to be fetched: from where? */
static int open_source(struct pull *pull, struct err *err)
{
	const struct endpoint *endpoint = context_endpoint(pull->context, err);
	char shown[URL_DISPLAY_MAX];

	if (!endpoint)
		return -1;
	if (endpoint->kind == ENDPOINT_FILE)
		return find_in_remote(pull, err);
	if (endpoint->kind == ENDPOINT_HTTP)
		return open_server(pull, err);
	return err_set(err, ERR_USAGE,
		       "the LFS URL of the remote, '%s', is not an http or "
		       "https URL",
		       url_display_any(endpoint->url, shown, sizeof(shown)));
}

static int fetch_all(struct pull *pull, struct err *err)
{
	unsigned jobs = pull->context->settings.connections;
	struct scheduler_options options = {
		.survey = pull->survey,
		.stop = stop_when(pull_must_stop, pull),
		.report = pull_report,
		.take = pull_take,
		.has_room = pull_has_room,
		.ctx = pull,
	};

	if (pull->options.jobs && pull->options.jobs < jobs)
		jobs = pull->options.jobs;
	options.jobs = jobs;
	options.engines[DOWNLOAD] = pull->engine;
	pull->scheduler = scheduler_new(&options);
	for (size_t i = 0; i < pull->nentries; i++)
		if (!entry_is_over(&pull->entries[i]))
			scheduler_put(pull->scheduler, &pull->entries[i]);
	return scheduler_run(pull->scheduler, err);
}

/*
 * Wait until all is stored and placed, and git knows it; after a stop only until
 * the checkout's thread has seen that.
 */
static int finish_checkout(struct pull *pull, struct err *err)
{
	uint64_t until_ms = UINT64_MAX;
	bool has_ended = false;

	while (!has_ended && clock_ms() < until_ms) {
		unsigned since = bell_count(pull->news);

		pull_report(pull);
		if (until_ms == UINT64_MAX && pull_must_stop(pull))
			until_ms = clock_ms() + STOP_MS;
		if (pull->nput == pull->nentries || pull->is_stopped)
			has_ended = checkout_end(pull->checkout);
		if (!has_ended)
			bell_wait(pull->news, since, TICK_MS);
	}
	pull_report(pull);
	if (pull->is_stopped)
		return err_set(err, ERR_CANCELED, "stopped");
	if (!checkout_err(pull->checkout))
		return 0;
	*err = *checkout_err(pull->checkout);
	return -1;
}

static int run_checkout(struct pull *pull, struct err *err)
{
	const struct context *context = pull->context;
	const struct checkout_options options = {
		.storage = &context->storage,
		.worktree = pull->worktree,
		.no_store = pull->options.no_store,
		.syncs = context->settings.fsync,
		.verifies = context->settings.verify,
		.stop = stop_when(pull_checkout_stops, pull),
		.ring = pull_ring,
		.ctx = pull,
	};
	struct err ignored = ERR_INIT;
	int ret = 0;

	pull->checkout = checkout_new(&options, err);
	if (!pull->checkout)
		return -1;
	if (pull->survey)
		ret = fetch_all(pull, err);
	/* What has come is placed, even if the server went away. */
	return finish_checkout(pull, ret ? &ignored : err) ? -1 : ret;
}

/* Is the object of a file here, so that `git lfs checkout` can place it? */
static bool is_for_git_lfs(const struct pull *pull,
			   const struct checkout_file *file)
{
	const struct pointer *pointer = &file->wanted->pointer;

	return file->wanted->is_git_lfss && !file->is_placed &&
	       (!pointer->size ||
		storage_has(&pull->context->storage, pointer));
}

/* The next ones, in index order from `*at` on. */
static size_t take_for_git_lfs(struct pull *pull, size_t *at,
			       struct checkout_file **files)
{
	size_t n = 0;

	for (; *at < pull->selection.n && n < CHECKOUT_GIT_LFS; ++*at)
		if (is_for_git_lfs(pull, &pull->files[*at]))
			files[n++] = &pull->files[*at];
	return n;
}

static void run_git_lfs(struct pull *pull)
{
	const struct stop stop = stop_when(pull_must_stop, pull);
	struct checkout_file *files[CHECKOUT_GIT_LFS];
	size_t at = 0, n;

	while (!pull_must_stop(pull) &&
	       (n = take_for_git_lfs(pull, &at, files))) {
		checkout_by_git_lfs(files, n, pull->context->repo.top, &stop);
		for (size_t i = 0; i < n; i++)
			if (files[i]->is_placed)
				entry_count_add(&pull->placed,
						files[i]->wanted->pointer.size);
	}
}

int pull_run(struct pull *pull, struct err *err)
{
	int ret;

	if (pull->options.is_dry)
		return 0;
	if (count_waiting(pull) && open_source(pull, err))
		return -1;
	ret = run_checkout(pull, err);
	run_git_lfs(pull);
	return ret;
}

void pull_sum(const struct pull *pull, struct pull_sum *sum)
{
	*sum = (struct pull_sum){ .placed = pull->placed };
	entry_sum(pull->entries, pull->nentries, &sum->objects);
	if (pull->scheduler) {
		sum->objects.size_moving = scheduler_moving(pull->scheduler);
		sum->fetched = scheduler_moved(pull->scheduler);
	}
	for (size_t i = 0; i < pull->selection.n; i++)
		if (pull->selection.files[i].state != FILE_PLACED)
			entry_count_add(&sum->files,
					pull->selection.files[i].pointer.size);
	sum->disk = sum->files.size;
	if (!pull->options.no_store)
		sum->disk += sum->objects.left.size;
}

const struct entry *pull_entries(const struct pull *pull, size_t *n)
{
	*n = pull->nentries;
	return pull->entries;
}

const struct checkout_file *pull_files(const struct pull *pull, size_t *n)
{
	*n = pull->selection.n;
	return pull->files;
}

/* False, with nothing freed, if a thread is still at work. */
static bool end_threads(struct pull *pull)
{
	struct checkout_job *job;

	atomic_store(&pull->is_stopped, true);
	while (pull->checkout && (job = checkout_take(pull->checkout)))
		settle_job(pull, job);
	return scheduler_free(pull->scheduler) && survey_free(pull->survey) &&
	       engine_free(pull->engine, STOP_MS) &&
	       checkout_free(pull->checkout, STOP_MS);
}

bool pull_free(struct pull *pull)
{
	if (!pull)
		return true;
	if (!end_threads(pull))
		return false;
	worktree_close(pull->worktree);
	for (size_t i = 0; i < pull->nentries; i++) {
		entry_release(&pull->entries[i]);
		free(pull->targets[i].other);
	}
	for (size_t i = 0; i < pull->selection.n; i++)
		free(pull->files[i].why);
	free(pull->entries);
	free(pull->targets);
	free(pull->files);
	selection_release(&pull->selection);
	storage_release(&pull->remote);
	bell_free(pull->news);
	context_free(pull->context);
	free(pull);
	return true;
}
