/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/fork.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/bar.h"
#include "agent/forkpush.h"
#include "agent/forkreport.h"
#include "agent/input.h"
#include "agent/option.h"
#include "agent/status.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/printable.h"
#include "lfs/carry/fork.h"

#define PROGRAM "git-lfs-multipart"

enum {
	EXIT_USAGE = 129,	/* as in git */
	JOBS_MAX = 1024,
	SHARDS_MAX = 1000000,
	DISK_MIN = 2 << 20
};

static const char usage[] =
	"usage: git lfs-multipart fork [--from <remote>] [--to <remote>]\n"
	"           [--from-lfs <url>] [--to-lfs <url>]\n"
	"           [--include <patterns>] [--exclude <patterns>]\n"
	"           [--max-disk <size>] [--jobs <n>] [--shard <k>/<n>]\n"
	"           [--dry-run] [--push [--force]] [--quiet] [--json]\n"
	"           [--all | <ref>...]\n";

/* The command at work. */
struct command {
	struct fork_options options;
	struct input input;
	struct bar bar;
	struct fork *fork;
	struct forkpush push;
	bool has_found;	/* the objects are known: there is something to tell */
	bool is_push;
	bool is_forced;
	bool is_quiet;
	bool is_json;
	bool is_help;
};

/* A number of at least 1, and what is behind it. */
static int get_count(const char *text, unsigned long max, unsigned *value,
		     const char **rest)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	n = strtoull(text, &end, 10);
	*rest = end;
	*value = (unsigned)n;
	return n && n <= max ? 0 : -1;
}

static int set_jobs(struct fork_options *options, const char *text,
		    struct err *err)
{
	const char *rest;

	if (!get_count(text, JOBS_MAX, &options->jobs, &rest) && !*rest)
		return 0;
	return err_set(err, ERR_USAGE, "--jobs is '%.40s'; it must be 1 to %d",
		       text, JOBS_MAX);
}

static int set_shard(struct fork_options *options, const char *text,
		     struct err *err)
{
	const char *rest;

	if (!get_count(text, SHARDS_MAX, &options->shard, &rest) &&
	    *rest == '/' &&
	    !get_count(rest + 1, SHARDS_MAX, &options->nshards, &rest) &&
	    !*rest && options->shard <= options->nshards)
		return 0;
	return err_set(err, ERR_USAGE,
		       "--shard is '%.40s'; it must be K/N, such as 1/4 to 4/4",
		       text);
}

/* What a unit is worth: K and KiB by 1024, KB by 1000; 0 if there is none. */
static uint64_t unit_size(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *found;
	uint64_t base = 1024, size = 1;

	if (!*unit || !strcasecmp(unit, "b"))
		return 1;
	found = strchr(letters, *unit | 0x20);
	if (!found)
		return 0;
	if (!strcasecmp(unit + 1, "b"))
		base = 1000;
	else if (unit[1] && strcasecmp(unit + 1, "ib"))
		return 0;
	for (const char *letter = letters; letter <= found; letter++)
		size *= base;
	return size;
}

static int set_max_disk(struct fork_options *options, const char *text,
			struct err *err)
{
	unsigned long long n = 0;
	uint64_t unit;
	char *end = (char *)text;

	if (*text >= '0' && *text <= '9')
		n = strtoull(text, &end, 10);
	end += strspn(end, " ");
	unit = unit_size(end);
	if (unit && n <= INT64_MAX / unit && n * unit >= DISK_MIN) {
		options->max_disk = n * unit;
		return 0;
	}
	return err_set(err, ERR_USAGE,
		       "--max-disk is '%.40s'; it must be a size of 2M or "
		       "more, such as 500M or 4GiB",
		       text);
}

enum {
	FROM = 256,
	TO,
	FROM_LFS,
	TO_LFS,
	ALL,
	INCLUDE,
	EXCLUDE,
	MAX_DISK,
	JOBS,
	SHARD,
	DRY_RUN,
	PUSH,
	FORCE,
	QUIET,
	JSON,
	HELP
};

static const struct option long_options[] = {
	{ "from", required_argument, NULL, FROM },
	{ "to", required_argument, NULL, TO },
	{ "from-lfs", required_argument, NULL, FROM_LFS },
	{ "to-lfs", required_argument, NULL, TO_LFS },
	{ "all", no_argument, NULL, ALL },
	{ "include", required_argument, NULL, INCLUDE },
	{ "exclude", required_argument, NULL, EXCLUDE },
	{ "max-disk", required_argument, NULL, MAX_DISK },
	{ "jobs", required_argument, NULL, JOBS },
	{ "shard", required_argument, NULL, SHARD },
	{ "dry-run", no_argument, NULL, DRY_RUN },
	{ "push", no_argument, NULL, PUSH },
	{ "force", no_argument, NULL, FORCE },
	{ "quiet", no_argument, NULL, QUIET },
	{ "json", no_argument, NULL, JSON },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static void set_flag(struct command *command, int option)
{
	switch (option) {
	case 'a':
	case ALL:
		command->options.all = true;
		break;
	case 'n':
	case DRY_RUN:
		command->options.is_dry = true;
		break;
	case PUSH:
		command->is_push = true;
		break;
	case 'f':
	case FORCE:
		command->is_forced = true;
		break;
	case 'q':
	case QUIET:
		command->is_quiet = true;
		break;
	case JSON:
		command->is_json = true;
		break;
	default:
		command->is_help = true;
		break;
	}
}

static int set_option(struct command *command, int option, struct err *err)
{
	struct fork_options *options = &command->options;

	switch (option) {
	case FROM:
		options->from = optarg;
		return 0;
	case TO:
		options->to = optarg;
		return 0;
	case FROM_LFS:
		options->from_lfs = optarg;
		return 0;
	case TO_LFS:
		options->to_lfs = optarg;
		return 0;
	case 'I':
	case INCLUDE:
		options->include = optarg;
		return 0;
	case 'X':
	case EXCLUDE:
		options->exclude = optarg;
		return 0;
	case MAX_DISK:
		return set_max_disk(options, optarg, err);
	case 'j':
	case JOBS:
		return set_jobs(options, optarg, err);
	case SHARD:
		return set_shard(options, optarg, err);
	default:
		set_flag(command, option);
		return 0;
	}
}

/* What is pushed must be there, all of it. */
static int check_push(const struct command *command, struct err *err)
{
	const struct fork_options *options = &command->options;

	if (!command->is_push && command->is_forced)
		return err_set(err, ERR_USAGE, "--force is for --push");
	if (!command->is_push)
		return 0;
	if (options->is_dry)
		return err_set(err, ERR_USAGE,
			       "--push and --dry-run exclude each other");
	if (options->include || options->exclude || options->nshards > 1)
		return err_set(err, ERR_USAGE,
			       "--push is for when all objects are there, not "
			       "with --include, --exclude or --shard");
	return 0;
}

static int parse(struct command *command, int argc, char **argv,
		 struct err *err)
{
	static const char *const head[] = { "HEAD" };
	struct fork_options *options = &command->options;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":hafnqj:I:X:", long_options,
				     NULL)) >= 0) {
		if (option == ':' || option == '?')
			return option_refuse(option, argv, err);
		if (set_option(command, option, err))
			return -1;
	}
	options->refs = (const char *const *)argv + optind;
	options->nrefs = (size_t)(argc - optind);
	if (options->all && options->nrefs)
		return err_set(err, ERR_USAGE,
			       "--all is all refs: name none besides");
	if (!options->all && !options->nrefs) {
		options->refs = head;
		options->nrefs = 1;
	}
	return check_push(command, err);
}

static bool is_stopped(void *ctx)
{
	struct command *command = ctx;

	return !input_look(&command->input, 0);
}

static void report(void *ctx)
{
	struct command *command = ctx;
	struct fork_sum sum;
	struct bar_state state;

	fork_sum(command->fork, &sum);
	state = (struct bar_state){
		.objects = sum.moved + sum.there + sum.missing + sum.failed,
		.objects_total = sum.objects,
		.bytes = sum.size_moved + sum.size_there + sum.size_missing +
			 sum.size_failed + sum.size_moving,
		.bytes_total = sum.size,
		.moved = sum.sent,
	};
	bar_draw(&command->bar, &state, clock_ms());
}

static void tell_left(const struct forkpush *push)
{
	for (size_t i = 0; i < push->nrefs; i++) {
		char *ref;

		if (!push->refs[i].why)
			continue;
		ref = xstrdup(push->refs[i].target);
		printable(ref);
		fprintf(stderr, PROGRAM ": '%s' is left: %s\n", ref,
			push->refs[i].why);
		free(ref);
	}
}

/*
 * The push is tried before anything moves.  What is looked through is what
 * will be pushed, even if its refs are others by then.
 */
static int prepare_push(struct command *command, struct err *err)
{
	const struct fork_options *options = &command->options;
	struct forkpush *push = &command->push;
	const char *const *sources;
	size_t nsources;
	int ret;

	if (!command->is_push)
		return 0;
	*push = (struct forkpush){
		.from = options->from ? options->from : "upstream",
		.remote = options->to ? options->to : "origin",
		.names = options->refs,
		.nnames = options->nrefs,
		.all = options->all,
		.is_forced = command->is_forced,
		.is_quiet = command->is_quiet,
		.stop = stop_when(is_stopped, command),
	};
	if (forkpush_find(push, err))
		return -1;
	ret = forkpush_try(push, err);
	if (push->all)
		tell_left(push);
	sources = forkpush_sources(push, &nsources);
	fork_set_refs(command->fork, sources, nsources);
	return ret;
}

/* Not for a share of the objects, which may be of none. */
static void say_if_none(const struct command *command)
{
	const struct fork_options *options = &command->options;
	size_t n;

	fork_entries(command->fork, &n);
	if (!n && !options->nshards && (options->include || options->exclude))
		fputs(PROGRAM ": no object is at a path that --include and "
			      "--exclude choose\n",
		      stderr);
}

static int carry(struct command *command, struct err *err)
{
	struct fork_options *options = &command->options;
	int ret;

	if (log_trouble()) {
		*err = *log_trouble();
		return -1;
	}
	command->fork = fork_new(options, err);
	if (!command->fork || prepare_push(command, err))
		return -1;
	if (fork_is_shallow(command->fork))
		fputs(PROGRAM ": this clone is shallow: objects of commits "
			      "that it lacks are not carried; git fetch "
			      "--unshallow brings them\n",
		      stderr);
	bar_say(&command->bar, "looking through the history...");
	ret = fork_find(command->fork, err);
	command->has_found = !ret;
	if (!ret)
		ret = fork_run(command->fork, err);
	bar_clear(&command->bar);
	if (!ret)
		say_if_none(command);
	return ret;
}

static bool has_all(const struct command *command)
{
	struct fork_sum sum;

	fork_sum(command->fork, &sum);
	if (command->options.is_dry)
		return !sum.missing && !sum.failed;
	return sum.moved + sum.there == sum.objects;
}

/* Returns the exit status. */
static int tell(struct command *command, bool is_pushed, const struct err *err)
{
	const struct forkreport forkreport = {
		.fork = command->fork,
		.error = err,
		.has_found = command->has_found,
		.is_dry = command->options.is_dry,
		.is_pushed = is_pushed,
		.push = &command->push,
	};

	if (command->is_json)
		return status_print_json(forkreport_json(&forkreport));
	forkreport_print(&forkreport);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool push(struct command *command, struct err *err)
{
	if (!command->is_push)
		return false;
	/* The server has said that all is there; git-lfs would not ask it. */
	if (fork_target_is_standalone(command->fork))
		setenv("GIT_LFS_SKIP_PUSH", "1", 1);
	if (has_all(command))
		return !fork_fetch_absent(command->fork, command->push.remote,
					  err) &&
		       !forkpush_run(&command->push, err);
	err_set(err, ERR_REFUSED, "not pushed, as the target lacks objects");
	return false;
}

/* What the user shall see, whatever came of it; returns the exit status. */
static int run(struct command *command)
{
	struct err err = ERR_INIT;
	bool is_pushed = !carry(command, &err) && push(command, &err);
	int status = EXIT_FAILURE;

	/* log_init() has reported a log that cannot be opened. */
	if (err.kind && err.kind != ERR_CANCELED && !log_trouble())
		fprintf(stderr, PROGRAM ": %s\n", err.msg);
	if (err.kind)
		forkpush_leave(&command->push, err.msg);
	if (command->has_found || command->is_json)
		status = tell(command, is_pushed, &err);
	if (input_signal())
		return 128 + input_signal();
	return status || err.kind || !has_all(command) ||
			       forkpush_left(&command->push) ?
		       EXIT_FAILURE :
		       EXIT_SUCCESS;
}

/*
 * A push sends the history as it is, so that is what is to be looked through:
 * without replace refs, and without a grafts file (of a path that cannot be,
 * git says nothing).
 */
static void see_true_history(void)
{
	setenv("GIT_NO_REPLACE_OBJECTS", "1", 1);
	setenv("GIT_GRAFT_FILE", "/dev/null/none", 1);
}

int fork_main(int argc, char **argv)
{
	struct command command = { .options = {
					   .max_disk = (uint64_t)4 << 30,
					   .report = report,
				   } };
	struct err err = ERR_INIT;
	int status;

	command.options.ctx = &command;
	command.options.stop = stop_when(is_stopped, &command);
	if (parse(&command, argc, argv, &err)) {
		fprintf(stderr, PROGRAM ": %s\n%s", err.msg, usage);
		return EXIT_USAGE;
	}
	if (command.is_help) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	json_setup();
	see_true_history();
	input_setup(&command.input, -1);
	bar_init(&command.bar, command.is_quiet);
	status = run(&command);
	forkpush_release(&command.push);
	if (!fork_free(command.fork))
		_exit(status);
	return status;
}
