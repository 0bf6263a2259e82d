/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/fork.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"
#include "lfs/carry/relay.h"
#include "lfs/carry/scheduler.h"
#include "lfs/carry/pipeline.h"
#include "lfs/carry/survey.h"
#include "lfs/git/history.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"
#include "lfs/transfer/engine.h"

enum {
	STOP_MS = 500,
	LOCKS = 1 << 30	/* bytes of the lock file, one for each pair of servers */
};

struct fork {
	struct fork_options options;
	struct context *contexts[2];	/* owned, as all below; by direction */
	struct engine *engines[2];
	int lock;	/* -1: this run only looks, or locks do not work */
	struct survey *survey;
	struct spool *spool;
	struct scheduler *scheduler;
	struct entry *entries;
	size_t nentries;
};

/* The survey asks while the scheduler may have objects on their way. */
static bool fork_must_stop(void *ctx)
{
	struct fork *fork = ctx;

	if (fork->scheduler)
		return scheduler_look(fork->scheduler);
	return stop_is_wanted(&fork->options.stop);
}

/* The config key that names an endpoint, and where it stands. */
static char *describe_key(const struct context *context)
{
	const char *key = context->endpoint.key;

	if (!key)
		return xstrdup("the command line");
	return xstrfmt("%s%s", key,
		       gitconfig_get(context->config, key) ? "" :
							     " in .lfsconfig");
}

/* If both remotes have the same server, there is nothing to move. */
static int check_two_servers(const struct fork *fork, struct err *err)
{
	const char *from = fork_url(fork, DOWNLOAD),
		   *to = fork_url(fork, UPLOAD);
	char shown[URL_DISPLAY_MAX], *from_key, *to_key;
	size_t len = text_trim_slashes(from, strlen(from));

	if (len != text_trim_slashes(to, strlen(to)) || strncmp(from, to, len))
		return 0;
	from_key = describe_key(fork->contexts[DOWNLOAD]);
	to_key = describe_key(fork->contexts[UPLOAD]);
	url_display_any(from, shown, sizeof(shown));
	if (!strcmp(from_key, to_key))
		err_set(err, ERR_USAGE,
			"source and target are the same LFS server, %s: %s "
			"says so for both; unset it, or name the two with "
			"--from-lfs and --to-lfs",
			shown, from_key);
	else
		err_set(err, ERR_USAGE,
			"source (by %s) and target (by %s) are the same LFS "
			"server, %s: name the two with --from-lfs and "
			"--to-lfs",
			from_key, to_key, shown);
	free(from_key);
	free(to_key);
	return -1;
}

/*
 * For a remote that it does not know, git-lfs would go to origin.  A remote that
 * is a path has an LFS server only if the user names one.
 */
static int check_server(struct context *context, const char *option,
			struct err *err)
{
	const struct endpoint *endpoint;
	char shown[URL_DISPLAY_MAX], *key;

	if (!context->lfs_url &&
	    !endpoint_has_remote(context->config, context->remote) &&
	    !endpoint_is_url(context->remote))
		return err_set(err, ERR_USAGE,
			       "there is no remote '%.80s'; name one with %s, "
			       "or an LFS server with %s-lfs",
			       context->remote, option, option);
	endpoint = context_endpoint(context, err);
	if (!endpoint || endpoint->kind == ENDPOINT_HTTP)
		return endpoint ? 0 : -1;
	key = describe_key(context);
	err_set(err, ERR_USAGE,
		"the LFS URL of the %s, '%s' (by %s), is not an http or "
		"https URL; name one with %s-lfs",
		context->direction == UPLOAD ? "target" : "source",
		url_display_any(endpoint->url, shown, sizeof(shown)), key,
		option);
	if (text_has_prefix(key, "remote."))
		err_append(err, " or remote.%.80s.lfsurl", endpoint->remote);
	free(key);
	return -1;
}

static int open_end(struct fork *fork, enum direction direction,
		    struct err *err)
{
	const struct fork_options *options = &fork->options;
	bool is_upload = direction == UPLOAD;
	struct context_options given = {
		.remote = is_upload ? options->to : options->from,
		.lfs_url = is_upload ? options->to_lfs : options->from_lfs,
		.direction = direction,
	};
	struct context *context;

	if (!given.remote && !given.lfs_url)
		given.remote = is_upload ? "origin" : "upstream";
	context = fork->contexts[direction] = context_new(&given, err);
	if (!context ||
	    check_server(context, is_upload ? "--to" : "--from", err))
		return -1;
	/* Nothing is finished at the target but what hashes to its oid. */
	context->settings.verify = true;
	fork->engines[direction] = engine_new(context, 1, err);
	return fork->engines[direction] ? 0 : -1;
}

static int open_ends(struct fork *fork, struct err *err)
{
	struct survey_options options = {
		.is_dry = fork->options.is_dry,
		.stop = stop_when(fork_must_stop, fork),
	};

	if (open_end(fork, DOWNLOAD, err) || open_end(fork, UPLOAD, err) ||
	    check_two_servers(fork, err))
		return -1;
	engine_join(fork->engines[UPLOAD], fork->engines[DOWNLOAD]);
	memcpy(options.engines, fork->engines, sizeof(options.engines));
	fork->survey = survey_new(&options, err);
	return fork->survey ? 0 : -1;
}

/* Runs of one number must not run at the same time. */
static uint64_t number_run(const struct fork *fork)
{
	char *text = xstrfmt("%s\n%s\n%u/%u", fork_url(fork, DOWNLOAD),
			     fork_url(fork, UPLOAD), fork->options.shard,
			     fork->options.nshards);
	unsigned char digest[SHA256_SIZE];
	struct sha256 sha;
	uint64_t number;

	sha256_init(&sha);
	sha256_update(&sha, text, strlen(text));
	sha256_final(&sha, digest);
	memcpy(&number, digest, sizeof(number));
	free(text);
	return number % LOCKS;
}

/* Two runs between the same servers would move each object twice. */
static int lock_run(struct fork *fork, struct err *err)
{
	const struct storage *storage = &fork->contexts[DOWNLOAD]->storage;
	struct err why = ERR_INIT;
	char *path;

	if (fork->options.is_dry || storage_make_dir(storage, &why))
		return 0;
	path = xstrfmt("%s/forks", storage->multipart_dir);
	fork->lock = file_open_shared(path, storage->dir_mode & 0666, &why);
	free(path);
	if (fork->lock >= 0)
		file_lock_byte(fork->lock, number_run(fork), &why);
	if (why.kind == ERR_BUSY)
		return err_set(err, ERR_USAGE,
			       "another fork from this source to this target "
			       "is running in this repository: wait for it, or "
			       "share the objects by --shard");
	if (why.kind)
		log_info("%s: a second fork would not be noticed", why.msg);
	return 0;
}

bool fork_is_shallow(const struct fork *fork)
{
	const char *common = fork->contexts[DOWNLOAD]->repo.common;
	char *path = common ? xstrfmt("%s/shallow", common) : NULL;
	bool is = path && !access(path, F_OK);

	free(path);
	return is;
}

bool fork_target_is_standalone(const struct fork *fork)
{
	const struct context *context = fork->contexts[UPLOAD];
	const struct endpoint *endpoint = &context->endpoint;
	const struct gitconfig_entry *agent;
	const char *url = NULL;

	agent = gitconfig_find_url(context->config, "lfs", endpoint->url,
				   "standalonetransferagent");
	if (endpoint->key)
		url = gitconfig_get(context->lfsconfig, endpoint->key);
	return (agent && agent->value && *agent->value) ||
	       (url && text_has_prefix(url, ENDPOINT_SHARED));
}

struct fork *fork_new(const struct fork_options *options, struct err *err)
{
	struct fork *fork = xcalloc(1, sizeof(*fork));

	fork->options = *options;
	fork->lock = -1;
	if (!open_ends(fork, err) && !lock_run(fork, err))
		return fork;
	fork_free(fork);
	return NULL;
}

const char *fork_url(const struct fork *fork, enum direction direction)
{
	return fork->contexts[direction]->endpoint.url;
}

/* The first digits of an oid are as good as random. */
static bool is_ours(const struct fork *fork, const struct pointer *pointer)
{
	char digits[9] = "";

	if (!fork->options.nshards)
		return true;
	memcpy(digits, pointer->oid, 8);
	return strtoul(digits, NULL, 16) % fork->options.nshards ==
	       fork->options.shard - 1;
}

static void add_entry(struct fork *fork, const struct pointer *pointer)
{
	if (is_ours(fork, pointer))
		entry_init(&fork->entries[fork->nentries++], pointer);
}

void fork_set_refs(struct fork *fork, const char *const *refs, size_t nrefs)
{
	fork->options.refs = refs;
	fork->options.nrefs = nrefs;
	fork->options.all = false;
}

static struct history_request request_history(struct fork *fork)
{
	const struct fork_options *options = &fork->options;

	return (struct history_request){
		.refs = options->refs,
		.nrefs = options->nrefs,
		.all = options->all,
		.include = options->include,
		.exclude = options->exclude,
		.dir = fork->contexts[DOWNLOAD]->storage.multipart_dir,
		.config = fork->contexts[DOWNLOAD]->config,
		.stop = stop_when(fork_must_stop, fork),
	};
}

int fork_find(struct fork *fork, struct err *err)
{
	const struct history_request request = request_history(fork);
	struct history history;
	int ret = history_find(&history, &request, err);

	if (!ret)
		fork->entries = xcalloc(history.n, sizeof(*fork->entries));
	for (size_t i = 0; !ret && i < history.n; i++)
		add_entry(fork, &history.pointers[i]);
	history_release(&history);
	return ret;
}

int fork_fetch_absent(struct fork *fork, const char *remote, struct err *err)
{
	struct history_request request = request_history(fork);

	request.beyond = remote;
	return history_fetch(&request, err);
}

/*
 * An upload in one PUT holds a connection while it waits for bytes, so each
 * object that moves must have one.
 */
static unsigned count_jobs(const struct fork *fork)
{
	unsigned jobs = fork->options.jobs ? fork->options.jobs : UINT_MAX;

	for (int i = UPLOAD; i <= DOWNLOAD; i++)
		if (fork->contexts[i]->settings.connections < jobs)
			jobs = fork->contexts[i]->settings.connections;
	return jobs;
}

int fork_run(struct fork *fork, struct err *err)
{
	struct scheduler_options options = {
		.survey = fork->survey,
		.jobs = count_jobs(fork),
		.stop = fork->options.stop,
		.report = fork->options.report,
		.ctx = fork->options.ctx,
	};

	if (!fork->options.is_dry) {
		const struct storage *storage =
			&fork->contexts[DOWNLOAD]->storage;

		fork->spool = spool_new(storage->multipart_dir,
					fork->options.max_disk, err);
		if (!fork->spool)
			return -1;
	}
	options.spool = fork->spool;
	memcpy(options.engines, fork->engines, sizeof(options.engines));
	fork->scheduler = scheduler_new(&options);
	for (size_t i = 0; i < fork->nentries; i++)
		if (!entry_is_over(&fork->entries[i]))
			scheduler_put(fork->scheduler, &fork->entries[i]);
	if (fork->options.is_dry)
		return scheduler_ask(fork->scheduler, err);
	return scheduler_run(fork->scheduler, err);
}

void fork_sum(const struct fork *fork, struct fork_sum *sum)
{
	*sum = (struct fork_sum){ .sent = 0 };
	entry_sum(fork->entries, fork->nentries, &sum->objects);
	if (fork->scheduler) {
		sum->objects.size_moving = scheduler_moving(fork->scheduler);
		sum->sent = scheduler_moved(fork->scheduler);
	}
	if (fork->spool)
		sum->disk = spool_peak(fork->spool);
}

const struct entry *fork_entries(const struct fork *fork, size_t *n)
{
	*n = fork->nentries;
	return fork->entries;
}

bool fork_free(struct fork *fork)
{
	if (!fork)
		return true;
	if (!scheduler_free(fork->scheduler))
		return false;
	for (size_t i = 0; i < fork->nentries; i++)
		entry_release(&fork->entries[i]);
	if (!survey_free(fork->survey))
		return false;
	for (int i = UPLOAD; i <= DOWNLOAD; i++)
		if (!engine_free(fork->engines[i], STOP_MS))
			return false;
	for (int i = UPLOAD; i <= DOWNLOAD; i++)
		context_free(fork->contexts[i]);
	spool_free(fork->spool);
	if (fork->lock >= 0)
		close(fork->lock);
	free(fork->entries);
	free(fork);
	return true;
}
